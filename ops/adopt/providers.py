"""The explicit providers of the program, as the import file must declare them: it comes before the first `up`.

What is imported belongs to one of them from then on. Another input here would be a change in the first preview, and
another context a replacement of everything, so a test compares each with what the program registers.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from components.settings import Settings

_PACKAGES = {"kubernetes": "pulumi-kubernetes", "vault": "pulumi-vault"}


def package(provider: str) -> str:
    """The package of a provider, by its logical name."""
    return provider.partition("-")[0]


def plugin_version(provider: str) -> str:
    """Of the plugin: the installed package's, as the SDK asks for it."""
    return version(_PACKAGES[package(provider)])


def inputs(provider: str, settings: Settings, environment: Mapping[str, str]) -> dict[str, Any]:
    """The inputs of a provider; like the SDK, with everything but text as JSON.

    Args:
        provider: its logical name, one of those of the catalogue.
        settings: the stack's.
        environment: of whoever runs `pulumi`: `$VAULT_ADDR` stands in place of the stack's address.
    """
    if package(provider) == "kubernetes":
        return {
            "kubeconfig": "",
            "context": settings.cluster.context,
            "clusterIdentifier": settings.site,
            "upsertExistingObjects": "false",
            "enableSecretMutable": "true",
            "enablePatchForce": "false",
            "enableServerSideApply": "true",
            "enableConfigMapMutable": "false",
            "deleteUnreachable": "false",
            "skipUpdateUnreachable": "false",
            "suppressDeprecationWarnings": "false",
            "suppressHelmHookWarnings": "false",
        }
    vault = settings.vault
    address = {} if environment.get("VAULT_ADDR") else {"address": vault.address}
    namespace = vault.auth_namespace if provider == "vault-login" else vault.namespace
    return {
        **address,
        **({"namespace": namespace} if namespace else {}),
        "setNamespaceFromToken": "false",
        "maxRetries": "2",
        "maxLeaseTtlSeconds": "1200",
        "skipChildToken": "true",
    }
