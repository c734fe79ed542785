"""A Skupper Site that somebody else made: what it must be like, and its place among this stack's components.

It is looked at in each run, before anything of the stack is touched, and never written. Its UID is its identity:
another Site of the same name has another CA and other links.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component
from components.namespace import NamespaceArgs, owned_namespace


@dataclass(frozen=True, kw_only=True)
class FoundSkupperSiteArgs:
    """A site that exists: its name, and its namespace, which is not this stack's."""

    site_name: str
    namespace: NamespaceArgs


def site_problem(spec: Any, status: Any, *, accepts_links: bool, ha: bool) -> str | None:
    """Why a Site that exists cannot be used, as the end of a sentence; None for a good one.

    Args:
        spec: the Site's.
        status: the Site's.
        accepts_links: whether other sites are to link to it.
        ha: whether the settings say that it has two routers.
    """
    spec, status = (one if isinstance(one, Mapping) else {} for one in (spec, status))
    if accepts_links and spec.get("edge"):
        return "is an edge site, to which nobody can link: name another one, or have its owner make it an interior site"
    if bool(spec.get("ha")) != ha:
        has = "two routers" if spec.get("ha") else "one router"
        return f"has {has}: set rhsi:skupper.ha to {'true' if spec.get('ha') else 'false'}"
    if status.get("status") != "Ready":
        return f"is not Ready: {status.get('message') or 'it has no status yet'}"
    if accepts_links and not status.get("endpoints"):
        return "has no address for links: have its owner set linkAccess, or make a RouterAccess"
    return None


class FoundSkupperSite(Component):
    """The place of such a Site: what the stack makes for it depends on this component."""

    site_name: pulumi.Output[str]
    namespace: pulumi.Output[str]
    owned: list[pulumi.Input[pulumi.Resource]]

    def __init__(self, name: str, args: FoundSkupperSiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; it claims the namespace as a stack with a Site of its own does.

        `owned` is what everything in the namespace depends on.
        """
        super().__init__("rhsi:index:FoundSkupperSite", name, opts)
        self.owned = owned_namespace(self, name, args.namespace)
        self.site_name = pulumi.Output.from_input(args.site_name)
        self.namespace = pulumi.Output.from_input(args.namespace.namespace)
        self.register_outputs({"siteName": self.site_name, "namespace": self.namespace})
