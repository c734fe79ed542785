"""Settings of the Skupper site: `rhsi:skupper`.

Source of the rules: skupper:internal/kube/site/site.go (what a Site may be), internal/kube/securedaccess/config.go (the
ways in), internal/site/routeraccess.go (what a RouterAccess becomes).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Positive, Section, Text, checked, section
from components.skupper.router_access import EDGE_PORT, INTER_ROUTER_PORT, OWN_EDGE_PORT, OWN_INTER_ROUTER_PORT

# Where the pod listens already (site.go, initialRouterConfig; 9000 and 9191: skupper:cmd/kube-adaptor/main.go).
_TAKEN_PORTS = frozenset({5671, 5672, 9000, 9090, 9191})
# Those of the RouterAccess that Skupper makes for a `linkAccess`, and leaves behind when that goes (site.go,
# checkDefaultRouterAccess). Two listeners of one port: the router only logs that the second one failed.
_SKUPPERS_PORTS = frozenset({INTER_ROUTER_PORT, EDGE_PORT})
RouterPort = Annotated[int, Field(ge=1024, le=65535)]


class RouterPorts(Section):
    """`rhsi:skupper.routerAccess.ports`: where the router listens for links, behind whatever leads there."""

    inter_router: RouterPort = OWN_INTER_ROUTER_PORT
    """For links of sites as this program makes them; not 55671, which is Skupper's own. Imported services take ports
    from 1024 on."""
    edge: RouterPort = OWN_EDGE_PORT
    """For links of edge sites; not 45671, for the same reason."""


class RouterAccess(Section):
    """`rhsi:skupper.routerAccess`: a way in that a Site's `linkAccess` cannot describe."""

    access_type: Literal[
        "", "route", "loadbalancer", "nodeport", "ingress", "ingress-nginx", "contour-http-proxy", "gateway"
    ] = ""
    """The kind of way in; empty for the Skupper controller's default. Its administrator must have enabled it
    (`SKUPPER_ENABLED_ACCESS_TYPES`)."""
    bind_host: Annotated[str, checked(formats.host)] = ""
    """The address at which the router listens in its pod; all of them without it."""
    ports: RouterPorts = RouterPorts()
    """Where the router listens."""
    settings: dict[str, Text] = Field(default_factory=dict)
    """More settings of the access type, such as `ingressClassName`."""


class Skupper(Section):
    """`rhsi:skupper`, the Site of this stack."""

    site_name: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Name of the Site, without it `rhsi-primary` or `rhsi-standby`. Stays what it was at the first `up`."""
    existing_site: Annotated[str, checked(formats.object_name)] = ""
    """Name of a Site that exists in the namespace already. The stack uses it as it is and never changes or deletes it.
    Needs `cluster.createNamespace: false`."""
    ha: bool = False
    """Whether the Site has two routers. On the primary this makes two links for each standby, from its next rotation
    on. Rotate when you turn it off, because the second link is down then. For an existing Site, say what that Site
    has."""
    link_access: Literal["default", "route", "loadbalancer", "nodeport", "none"] = "default"
    """On the primary: how standbys reach its router. `default` is a Route on OpenShift, a load balancer elsewhere;
    `nodeport` needs a controller with `SKUPPER_CLUSTER_HOST`; `none` leaves it to `routerAccess`."""
    router_access: RouterAccess | None = None
    """On the primary, with `linkAccess: none`: a RouterAccess of its own."""
    link_cost: Positive = 1
    """On a standby: the cost of its links, 1 or more, from its next rotation on. Routers prefer the cheaper way."""


def skupper_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values."""
    skupper, cluster = section(raw, "skupper"), section(raw, "cluster")
    if skupper.get("existingSite"):
        yield from _of_existing_site(raw, skupper, cluster)
    elif raw.get("role") == "primary":
        yield from _of_way_in(skupper, cluster)
    if raw.get("role") == "standby":
        for key in ("linkAccess", "routerAccess"):
            if skupper.get(key) is not None:
                fix = "standbys link to the primary's site, nobody to theirs; set it in the primary's stack"
                yield Mistake.of(f"skupper.{key}", skupper[key], fix)
    if raw.get("role") == "primary" and skupper.get("linkCost") not in (None, 1):
        fix = "the standby makes the links; set it in the standby's stack"
        yield Mistake.of("skupper.linkCost", skupper["linkCost"], fix)


def _of_existing_site(
    raw: Mapping[str, Any], skupper: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Iterator[Mistake]:
    for key in ("siteName", "linkAccess", "routerAccess"):
        if skupper.get(key) not in (None, ""):
            fix = "the Site of rhsi:skupper.existingSite stays as its owner made it; remove one of the two"
            yield Mistake.of(f"skupper.{key}", skupper[key], fix)
    if cluster.get("createNamespace") is not False:
        fix = "the Site stands in a namespace that is not this stack's; set rhsi:cluster.createNamespace to false"
        yield Mistake.of("skupper.existingSite", skupper["existingSite"], fix)
    if raw.get("role") == "primary" and raw.get("revoke"):
        fix = (
            "a revocation renews the Site's CA and ends all its links, which is for the owner of "
            "rhsi:skupper.existingSite to do; remove it"
        )
        yield Mistake.of("revoke", raw["revoke"], fix)


def _of_way_in(skupper: Mapping[str, Any], cluster: Mapping[str, Any]) -> Iterator[Mistake]:
    link_access, router_access = skupper.get("linkAccess", "default"), skupper.get("routerAccess")
    if link_access == "none" and router_access is None:
        fix = "no standby could link; choose another one, or add a routerAccess"
        yield Mistake.of("skupper.linkAccess", "none", fix)
    if router_access is not None and link_access != "none":
        fix = "Skupper makes one of its own for linkAccess; set rhsi:skupper.linkAccess to none, or remove it"
        yield Mistake.of("skupper.routerAccess", router_access, fix)
    own = router_access if isinstance(router_access, dict) else {}
    for key, kind in (("linkAccess", link_access), ("routerAccess.accessType", own.get("accessType"))):
        if kind == "route" and cluster.get("platform", "openshift") != "openshift":
            yield Mistake.of(f"skupper.{key}", kind, "only OpenShift has Routes; choose another one")
    ports = {"interRouter": OWN_INTER_ROUTER_PORT, "edge": OWN_EDGE_PORT, **section(own, "ports")}
    for key, port in ports.items():
        if isinstance(port, int) and port in _TAKEN_PORTS | _SKUPPERS_PORTS:
            why = "for linkAccess, also when that has gone" if port in _SKUPPERS_PORTS else "for something else"
            fix = f"the router listens there {why}; choose another one"
            yield Mistake.of(f"skupper.routerAccess.ports.{key}", port, fix)
    if ports["interRouter"] == ports["edge"]:
        fix = "each role needs a port of its own; choose another one"
        yield Mistake.of("skupper.routerAccess.ports.edge", ports["edge"], fix)
