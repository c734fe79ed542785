"""What only several keys of `rhsi:vault` together tell; works on unchecked values."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.mistakes import Mistake, quoted
from components.settings.section import section
from components.vault.names import namespace_parts

# What a stack says of its own way to read Vault, by key; only a standby has one.
_OWN_WAY = (
    "login",
    "authPath",
    "authNamespace",
    "manageAuth",
    "reviewer",
    "audiences",
    "ca",
    "caProvider",
    "clientTls",
)
_STANDBYS_ONLY = ("login", "authNamespace", "caProvider", "clientTls", "store", "refreshInterval")


def vault_mistakes(raw: Mapping[str, Any], vault_addr: str, environment: Mapping[str, str]) -> Iterator[Mistake]:
    """All of it.

    Args:
        raw: all settings of the stack.
        vault_addr: `$VAULT_ADDR`.
        environment: all environment variables.
    """
    vault = section(raw, "vault")
    namespace, variable = vault.get("namespace") or "", environment.get("VAULT_NAMESPACE", "")
    if variable and isinstance(namespace, str) and variable.strip("/") != namespace.strip("/"):
        # The variable would fill in where the setting is empty, and nothing would tell whose run went where.
        fix = f"VAULT_NAMESPACE is {quoted(variable)}; unset it, or set both to the same namespace"
        yield Mistake.of("vault.namespace", namespace, fix)
    if raw.get("role") == "primary":
        if not (vault.get("address") or vault_addr):
            yield Mistake.of("vault.address", None, "set it to Vault's URL, or set VAULT_ADDR")
        for key in _STANDBYS_ONLY:
            if vault.get(key):
                fix = "only a standby reads Vault through External Secrets; move it into the standby's stack"
                yield Mistake.of(f"vault.{key}", vault[key], fix)
    if raw.get("role") == "standby":
        if not vault.get("store"):
            yield from _of_own_store(section(raw, "cluster"), vault)
        else:
            if not (vault.get("address") or vault_addr):
                yield Mistake.of("vault.address", None, "set it to Vault's URL, or set VAULT_ADDR")
            yield from _of_found_store(raw, vault)


def _of_found_store(raw: Mapping[str, Any], vault: Mapping[str, Any]) -> Iterator[Mistake]:
    """It must be there before this stack is: each run, previews too, looks at it."""
    for key in _OWN_WAY:
        if key in vault:
            fix = "the existing store of rhsi:vault.store has a way in of its own; remove one of the two"
            yield Mistake.of(f"vault.{key}", vault[key], fix)
    operators, edb = section(raw, "operators"), section(raw, "edb")
    if section(operators, "externalSecrets").get("enabled") is True:
        fix = (
            "the existing store of rhsi:vault.store needs External Secrets before this stack is there; remove one of "
            "the two"
        )
        yield Mistake.of("operators.externalSecrets.enabled", True, fix)
    store = section(vault, "store")
    if store.get("kind", "SecretStore") != "SecretStore":
        return
    replicates = edb.get("enabled") is True
    for key in ("cluster", *(["edb"] if replicates else [])):
        if section(raw, key).get("createNamespace") is not False:
            fix = (
                "a SecretStore stands in a namespace that is not this stack's; set "
                f"rhsi:{key}.createNamespace to false, or name a ClusterSecretStore"
            )
            yield Mistake.of("vault.store", store, fix)
    if replicates and edb.get("operator", "edb") == "edb" and section(operators, "database").get("enabled") is True:
        fix = (
            "EDB's operator reads Vault in a namespace that this stack makes, where no SecretStore can be before; name "
            "a ClusterSecretStore, or remove rhsi:operators.database"
        )
        yield Mistake.of("vault.store", store, fix)


def _of_own_store(cluster: Mapping[str, Any], vault: Mapping[str, Any]) -> Iterator[Mistake]:
    address, login = vault.get("address"), vault.get("login", "kubernetes")
    if not address:
        yield Mistake.of("vault.address", None, "set it to Vault's URL as this cluster sees it")
    if login == "kubernetes" and not cluster.get("apiServer"):
        fix = (
            "set it to the URL of this cluster's API server as Vault reaches it, or rhsi:vault.login to jwt where "
            "Vault cannot reach it"
        )
        yield Mistake.of("cluster.apiServer", None, fix)
    if vault.get("ca") and vault.get("caProvider"):
        fix = "rhsi:vault.ca gives the CA already; remove one of the two"
        yield Mistake.of("vault.caProvider", vault["caProvider"], fix)
    if isinstance(address, str) and address.startswith("http://"):
        for key in ("caProvider", "clientTls"):
            if vault.get(key):
                fix = "External Secrets uses it with https only; write rhsi:vault.address with https://"
                yield Mistake.of(f"vault.{key}", vault[key], fix)
    yield from _of_login(vault, login, cluster.get("audience", "https://kubernetes.default.svc"))
    yield from _of_auth_namespace(vault)


def _of_login(vault: Mapping[str, Any], login: Any, api_audience: Any) -> Iterator[Mistake]:
    audiences = vault.get("audiences")
    listed = audiences if isinstance(audiences, list) else []
    reviewer = vault.get("reviewer", "client")
    if login == "jwt":
        if reviewer == "token":
            fix = "with the login jwt nobody reviews a token; remove it, or set rhsi:vault.login to kubernetes"
            yield Mistake.of("vault.reviewer", reviewer, fix)
        if api_audience in listed:
            fix = (
                f"{api_audience} opens this cluster's own API to whoever sees the token, as Vault does; leave the list "
                "out, or name an audience of Vault's own"
            )
            yield Mistake.of("vault.audiences", audiences, fix)
    elif reviewer == "client" and listed and api_audience not in listed:
        fix = (
            "without the API server's own audience the client's token cannot ask for its review; add "
            f"{api_audience} or leave the list out"
        )
        yield Mistake.of("vault.audiences", audiences, fix)


def _of_auth_namespace(vault: Mapping[str, Any]) -> Iterator[Mistake]:
    above, namespace = vault.get("authNamespace"), vault.get("namespace") or ""
    if not above or not isinstance(above, str) or not isinstance(namespace, str):
        return
    here, there = namespace_parts(namespace), namespace_parts(above)
    if not above.strip("/") or here[: len(there)] != there or here == there:
        fix = (
            f"a token of one Vault namespace opens what is below that only, and rhsi:vault.namespace is "
            f"{quoted(namespace)}; name a namespace above it, or leave it out"
        )
        yield Mistake.of("vault.authNamespace", above, fix)
