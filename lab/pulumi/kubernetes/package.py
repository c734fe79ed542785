"""The package `kubernetes`: what is known of it before a provider is configured."""

import importlib.metadata

from lab.pulumi.kubernetes.provider import KubernetesProvider
from lab.pulumi.kubernetes.settings import Settings, diff_settings
from lab.pulumi.plugin import Log
from lab.pulumi.provider import Diff, Provider
from lab.pulumi.values import Properties


class KubernetesPackage:
    """The kubernetes provider, as a kind. It has the version of the SDK, which asks for its own."""

    version = importlib.metadata.version("pulumi-kubernetes")

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """Another cluster replaces everything."""
        return diff_settings(olds, news)

    def configure(self, inputs: Properties, log: Log) -> Provider:
        """A provider with this configuration."""
        return KubernetesProvider(Settings.of(inputs), log)
