"""What `rhsi:networkObserver` means for a site, whichever its role."""

from collections.abc import Sequence

import pulumi

from components import outputs
from components.component import Component
from components.settings import Settings
from components.skupper.network_observer import NetworkObserver, NetworkObserverArgs


def network_observer(
    site: Component, name: str, settings: Settings, after: Sequence[pulumi.Resource]
) -> outputs.NetworkObserver | None:
    """Register the observer of a site, after the Skupper site and the operator, and return what outputs tell."""
    if not settings.network_observer.enabled:
        return None
    args = NetworkObserverArgs(namespace=settings.cluster.namespace, openshift=settings.cluster.platform == "openshift")
    observer = NetworkObserver(f"{name}-network-observer", args, site.child(depends_on=list(after)))
    return outputs.NetworkObserver(url=observer.url, secret=observer.secret)
