"""A way in to a site's router that its `linkAccess` cannot describe.

Source of the rules: skupper:internal/kube/site/site.go (CheckRouterAccess, asSecuredAccessSpec). What Skupper makes of
it, Services, Routes and certificates, belongs to its controller and is never declared here. On Kubernetes that
controller reads no `subjectAlternativeNames`: the certificate is for the addresses that it finds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import HA_ROUTER_ACCESS, ROUTER_ACCESS, KubernetesObject

# The Services that Skupper makes have this name too, a second router's with `-2` behind it.
ROUTER_ACCESS_NAME = "rhsi-router-access"
# Where a router listens for links of interior and of edge sites by the RouterAccess that Skupper makes for a
# `linkAccess`, and by one of this program that names no ports: Skupper leaves its own behind when `linkAccess` goes.
INTER_ROUTER_PORT, EDGE_PORT = 55671, 45671
OWN_INTER_ROUTER_PORT, OWN_EDGE_PORT = 55672, 45672
# As in the RouterAccess that Skupper makes for a `linkAccess`: a revocation renews one certificate in either case.
SERVER_CREDENTIALS, ISSUER = "skupper-site-server", "skupper-site-ca"


@dataclass(frozen=True, kw_only=True)
class RouterAccessArgs:
    """The way in.

    Attributes:
        namespace: of the Skupper site.
        access_type: of those that the controller has enabled, empty for its default.
        bind_host: where the router listens in its pod, empty for everywhere.
        inter_router: the port for links of interior sites.
        edge: the port for links of edge sites.
        settings: what the access type takes besides.
        ha: whether the site has two routers, hence two ways in.
        timeout: Go duration until it is reached.
    """

    namespace: str
    access_type: str
    bind_host: str
    inter_router: int
    edge: int
    settings: Mapping[str, str]
    ha: bool
    timeout: str


def router_access_spec(args: RouterAccessArgs) -> dict[str, Any]:
    """Spec of the RouterAccess; what is not set is absent."""
    spec: dict[str, Any] = {
        "roles": [{"name": "inter-router", "port": args.inter_router}, {"name": "edge", "port": args.edge}],
        "tlsCredentials": SERVER_CREDENTIALS,
        "generateTlsCredentials": True,
        "issuer": ISSUER,
    }
    options = {"accessType": args.access_type, "bindHost": args.bind_host, "settings": dict(args.settings)}
    return {**spec, **{name: one for name, one in options.items() if one}}


class RouterAccess(Component):
    """The RouterAccess, awaited until there is an address for links."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: RouterAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:RouterAccess", name, opts)
        access = KubernetesObject(
            f"{name}-access",
            HA_ROUTER_ACCESS if args.ha else ROUTER_ACCESS,
            metadata={"name": ROUTER_ACCESS_NAME, "namespace": args.namespace},
            spec=router_access_spec(args),
            timeout=args.timeout,
            opts=self.child(),
        )
        self.name = once(access, ROUTER_ACCESS_NAME)
        self.register_outputs({"name": self.name})
