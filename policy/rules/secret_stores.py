"""The way from External Secrets to Vault: encrypted, to a server whose certificate is checked.

Source: external-secrets:apis/externalsecrets/v1/secretstore_vault_types.go; without caBundle and caProvider its client
trusts the roots of the controller's own image (pkg/provider/vault/client.go).
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from .external_secrets import GROUP
from .resource import UNKNOWN, Resource, shown
from .rule import ADVISORY, MANDATORY, Rule, Settings


def vault_of(resource: Resource) -> Any:
    """The part of a store that is about Vault; None where it is none."""
    return resource.at("spec", "provider", "vault") if resource.is_kubernetes(GROUP, *STORES) else None


STORES = ("SecretStore", "ClusterSecretStore")


def host_of(server: Any) -> str:
    """The host of an https URL; empty for any other text, and for what is no URL."""
    try:
        parts = urlsplit(str(server or ""))
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme == "https" else ""


def encrypted(resource: Resource, _settings: Settings) -> Iterator[str]:
    """The server's URL is one of https."""
    vault = vault_of(resource)
    server = vault.get("server") if isinstance(vault, dict) else UNKNOWN
    if server is not UNKNOWN and not host_of(server):
        yield (
            f"{resource}: spec.provider.vault.server is {_address(server)}, over which token and secrets go in the "
            "clear; set an https URL."
        )


def trusted(resource: Resource, settings: Settings) -> Iterator[str]:
    """A server that is not publicly trusted has a CA beside it."""
    vault = vault_of(resource)
    if not isinstance(vault, dict) or vault.get("caBundle") or vault.get("caProvider"):
        return
    server = vault.get("server")
    if server is UNKNOWN or not (host := host_of(server)):
        return
    if not any(fnmatchcase(host, str(pattern)) for pattern in settings["publiclyTrusted"]):
        yield (
            f"{resource}: spec.provider.vault has neither caBundle nor caProvider, so only a publicly trusted "
            f"certificate of {host} will do; set the CA, or name {host} in publiclyTrusted of this policy."
        )


def _address(server: Any) -> str:
    """A URL without the user and password that it may have."""
    return shown(re.sub(r"^(\w+://)?.*@", r"\1", str(server))) if server else "not set"


RULES = (
    Rule(
        name="secret-store-tls",
        description="A SecretStore reaches Vault by https.",
        level=MANDATORY,
        reason="The cluster's token and everything that it reads pass over this connection.",
        check=encrypted,
    ),
    Rule(
        name="secret-store-ca",
        description="A SecretStore names the CA of its Vault.",
        level=ADVISORY,
        reason=(
            "A private CA that is missing here shows as `x509: certificate signed by unknown authority` in `up`. "
            "Advisory, because nothing in a preview tells whether a server is publicly trusted."
        ),
        check=trusted,
        settings={
            "publiclyTrusted": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "Hosts of Vault that need no CA, such as `*.vault.example.com`.",
            }
        },
    ),
)
