"""The two kinds of site, composed from the components; with providers.py the only place that reads settings.

A primary grants and publishes, a standby claims. Neither knows the other's cluster: names, expiry and rotation travel
by stack outputs (peer.py), the credentials by Vault.
"""

from components.settings import Settings
from components.sites.primary import PrimarySite
from components.sites.standby import StandbySite

__all__ = ["PrimarySite", "StandbySite", "build"]


def build(settings: Settings) -> PrimarySite | StandbySite:
    """Register everything that this stack's settings ask for.

    Logical names never depend on settings: under new ones the engine would take the live objects over and then delete
    them as the old ones.
    """
    return (PrimarySite if settings.role == "primary" else StandbySite)(settings.role, settings)
