"""What `rhsi:skupper` means: the Site that a stack makes or finds, and the ways in to it."""

import pulumi

from components.among_others import AmongOthers
from components.component import Component
from components.settings import Settings
from components.settings.skupper import RouterAccess
from components.sites.foundation import Foundation
from components.sites.operators import Dependencies, SiteOperators
from components.skupper.found_site import FoundSkupperSite, FoundSkupperSiteArgs
from components.skupper.router_access import RouterAccessArgs
from components.skupper.site import SkupperSite, SkupperSiteArgs


def among_others(settings: Settings, base: Foundation) -> AmongOthers | None:
    """In the namespace of somebody else's Site there may be Connectors and Listeners of his too."""
    if not settings.skupper.existing_site:
        return None
    return AmongOthers(stack=base.owner.stack, creating=base.creating(settings.cluster.namespace))


def site_args(settings: Settings, base: Foundation) -> SkupperSiteArgs:
    """The Site of this stack."""
    wanted = settings.skupper
    return SkupperSiteArgs(
        site_name=settings.site_name,
        namespace=base.site_namespace(),
        link_access=wanted.link_access if settings.role == "primary" else "none",
        cut_old_tls=settings.revoke > 0,
        ha=wanted.ha,
        timeout=settings.timeouts.site,
    )


def router_access_args(settings: Settings, wanted: RouterAccess) -> RouterAccessArgs:
    """The way in of its own."""
    return RouterAccessArgs(
        namespace=settings.cluster.namespace,
        access_type=wanted.access_type,
        bind_host=wanted.bind_host,
        inter_router=wanted.ports.inter_router,
        edge=wanted.ports.edge,
        settings=wanted.settings,
        ha=settings.skupper.ha,
        timeout=settings.timeouts.site,
    )


def skupper_site(
    site: Component, name: str, settings: Settings, base: Foundation, operators: SiteOperators
) -> SkupperSite | FoundSkupperSite:
    """Register the Site below a site's component, or the place of one that exists."""
    if settings.skupper.existing_site:
        found = FoundSkupperSiteArgs(site_name=settings.site_name, namespace=base.site_namespace())
        found_site = FoundSkupperSite(f"{name}-skupper", found, site.child())
        operators.look_around(site, found_site.owned)
        return found_site

    def operator(owned: Dependencies) -> list[pulumi.Resource]:
        operators.look_around(site, owned)
        return operators.install("skupper", site, owned)

    return SkupperSite(
        f"{name}-skupper",
        site_args(settings, base),
        site.child(),
        operator=operator,
    )
