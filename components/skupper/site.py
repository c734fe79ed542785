"""The Skupper site of a namespace.

Source of the rules: skupper:pkg/apis/skupper/v2alpha1/types.go. The site's router, its certificates and its Services
belong to the Skupper controller and are never declared here; who may link to the site is the business of link/.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import NAMESPACE, SITE, KubernetesObject


@dataclass(frozen=True, kw_only=True)
class SkupperSiteArgs:
    """A site in a namespace.

    `accepts_links` opens it by the cluster's default way in (on OpenShift a Route). `cut_old_tls` ends connections at
    once whose certificates were renewed away, instead of keeping them for the streams that they carry.
    `protect_namespace` keeps `pulumi destroy`, and a change of its name, from a namespace with volumes in it, for these
    would go with it.
    """

    site_name: str
    namespace: str
    create_namespace: bool
    protect_namespace: bool
    accepts_links: bool
    cut_old_tls: bool
    timeout: str


def site_spec(args: SkupperSiteArgs) -> dict[str, Any]:
    """Spec of the Site; only a site that accepts links has `linkAccess`."""
    spec: dict[str, Any] = {"linkAccess": "default"} if args.accepts_links else {}
    return {**spec, "settings": {"tls-prior-valid-revisions": "0"}} if args.cut_old_tls else spec


class SkupperSite(Component):
    """The namespace, if it is this stack's to make, and the Site in it, awaited until its router runs."""

    site_name: pulumi.Output[str]
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: SkupperSiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:SkupperSite", name, opts)
        owned = []
        if args.create_namespace:
            owned = [
                KubernetesObject(
                    f"{name}-namespace",
                    NAMESPACE,
                    metadata={"name": args.namespace},
                    opts=self.child(protect=args.protect_namespace),
                )
            ]
        site = KubernetesObject(
            f"{name}-site",
            SITE,
            metadata={"name": args.site_name, "namespace": args.namespace},
            spec=site_spec(args),
            timeout=args.timeout,
            opts=self.child(depends_on=owned),
        )
        self.site_name = once(site, args.site_name)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"siteName": self.site_name, "namespace": self.namespace})
