"""Settings of Skupper's network observer: `rhsi:networkObserver`."""

from components.settings.section import Section


class NetworkObserver(Section):
    """`rhsi:networkObserver`, on either role: a page that shows the whole network."""

    enabled: bool = False
    """Whether this site has a network observer. On OpenShift it has a Route, and people log in as they do to the
    cluster. On other clusters it is a Service, and its operator makes a Secret with the login."""
