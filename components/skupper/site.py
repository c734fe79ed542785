"""The Skupper site of a namespace.

Source of the rules: skupper:pkg/apis/skupper/v2alpha1/types.go. The site's router, its certificates and its Services
belong to the Skupper controller and are never declared here; who may link to the site is the business of link/.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import HA_SITE, SITE, KubernetesObject
from components.namespace import NamespaceArgs, owned_namespace

# By role.
SITE_NAMES = {"primary": "rhsi-primary", "standby": "rhsi-standby"}


@dataclass(frozen=True, kw_only=True)
class SkupperSiteArgs:
    """A site in a namespace.

    `namespace` is this stack's alone. `link_access` opens the site by one of Skupper's ways in, `default` by the
    cluster's own (on OpenShift a Route), `none` by none. `cut_old_tls` ends connections at once whose certificates were
    renewed away, instead of keeping them for the streams that they carry. `ha` gives it two routers.
    """

    site_name: str
    namespace: NamespaceArgs
    link_access: str
    cut_old_tls: bool
    ha: bool
    timeout: str


def site_spec(args: SkupperSiteArgs) -> dict[str, Any]:
    """Spec of the Site; only a site that accepts links has `linkAccess`. What is off is absent."""
    spec: dict[str, Any] = {} if args.link_access == "none" else {"linkAccess": args.link_access}
    if args.ha:
        spec["ha"] = True
    return {**spec, "settings": {"tls-prior-valid-revisions": "0"}} if args.cut_old_tls else spec


class SkupperSite(Component):
    """The namespace and the Site in it, awaited until its router runs."""

    site_name: pulumi.Output[str]
    namespace: pulumi.Output[str]
    owned: list[pulumi.Input[pulumi.Resource]]

    def __init__(
        self,
        name: str,
        args: SkupperSiteArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        operator: Callable[[list[pulumi.Input[pulumi.Resource]]], Sequence[pulumi.Resource]] = lambda _: (),
    ) -> None:
        """Register the component; `owned` is what everything in the namespace depends on.

        `operator` gets the same, and returns what brings the kind Site.
        """
        super().__init__("rhsi:index:SkupperSite", name, opts)
        namespace = args.namespace.namespace
        self.owned = owned_namespace(self, name, args.namespace)
        site = KubernetesObject(
            f"{name}-site",
            # Without a way in there are no addresses to tell two routers by.
            HA_SITE if args.ha and args.link_access != "none" else SITE,
            metadata={"name": args.site_name, "namespace": namespace},
            spec=site_spec(args),
            timeout=args.timeout,
            opts=self.child(depends_on=[*self.owned, *operator(self.owned)]),
        )
        self.site_name = once(site, args.site_name)
        self.namespace = pulumi.Output.from_input(namespace)
        self.register_outputs({"siteName": self.site_name, "namespace": self.namespace})
