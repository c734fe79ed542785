"""The package `vault`: what is known of it before a provider is configured."""

import importlib.metadata

from lab.pulumi.compare import differences
from lab.pulumi.plugin import Log
from lab.pulumi.provider import Diff, Provider
from lab.pulumi.values import Properties, reveal
from lab.pulumi.vault.provider import VaultProvider


class VaultPackage:
    """The vault provider, as a kind. It has the version of the SDK, which asks for its own."""

    version = importlib.metadata.version("pulumi-vault")

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """No change of configuration replaces anything, not even another address."""
        found = {str(path[0]): kind for path, kind in differences(reveal(olds), reveal(news)).items()}
        return Diff(changes=bool(found), detailed=found)

    def configure(self, inputs: Properties, _log: Log) -> Provider:
        """A provider with this configuration."""
        return VaultProvider(inputs)
