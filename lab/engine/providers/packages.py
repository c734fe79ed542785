"""The packages that the engine knows: kubernetes and vault."""

from collections.abc import Callable

from lab.engine.providers.base import Diff, Provider
from lab.engine.providers.compare import differences
from lab.engine.providers.kubernetes.provider import KubernetesProvider
from lab.engine.providers.kubernetes.settings import Settings, diff_settings
from lab.engine.providers.registry import Package
from lab.engine.providers.vault.provider import VaultProvider
from lab.engine.values import Properties, reveal

Log = Callable[[str, str, str], None]


class KubernetesPackage:
    """The kubernetes provider, as a kind."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """Another cluster replaces everything."""
        return diff_settings(olds, news)

    def configure(self, inputs: Properties) -> Provider:
        """A provider with this configuration."""
        return KubernetesProvider(Settings.of(inputs), self._log)


class VaultPackage:
    """The vault provider, as a kind."""

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """No change of configuration replaces anything, not even another address."""
        found = {str(path[0]): kind for path, kind in differences(reveal(olds), reveal(news)).items()}
        return Diff(changes=bool(found), detailed=found)

    def configure(self, inputs: Properties) -> Provider:
        """A provider with this configuration."""
        return VaultProvider(inputs)


def known_packages(log: Log) -> dict[str, Package]:
    """All packages by name; `log` takes an URN, a severity and a text."""
    return {"kubernetes": KubernetesPackage(log), "vault": VaultPackage()}
