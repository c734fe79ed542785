"""Settings of Vault: `rhsi:vault`. Where it is, what is this environment's in it, and how a standby reads it.

Source of the rules: external-secrets:apis/externalsecrets/v1/secretstore_vault_types.go, and Vault's auth methods.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake, quoted
from components.settings.section import (
    DataKey,
    Duration,
    GivenText,
    ObjectName,
    Pem,
    Section,
    Text,
    VaultFolder,
    VaultPath,
    checked,
    section,
)
from components.vault.names import DEFAULT_MOUNT, below

# External Secrets asks for a token of this audience where a store names none (external-secrets:pkg/provider/vault,
# auth_jwt.go). No API server takes one for its own.
JWT_AUDIENCE = "vault"

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


class ExistingStore(Section):
    """`rhsi:vault.store`: a store of External Secrets that somebody else made, and keeps."""

    kind: Literal["SecretStore", "ClusterSecretStore"] = "SecretStore"
    """`SecretStore`, one of that name in each namespace that reads Vault, or `ClusterSecretStore`."""
    name: ObjectName
    """Its name."""


class CaProvider(Section):
    """`rhsi:vault.caProvider`: where External Secrets finds the CA of Vault's certificate."""

    kind: Literal["ConfigMap", "Secret"] = "ConfigMap"
    """`ConfigMap` or `Secret`; it stands in each namespace that reads Vault."""
    name: ObjectName
    """Its name."""
    key: DataKey = "ca.crt"
    """The key that holds the CA, as PEM."""


class CertificateRef(Section):
    """`rhsi:vault.clientTls.certSecretRef`: the client certificate."""

    name: ObjectName
    """Name of the Secret, in each namespace that reads Vault."""
    key: DataKey = "tls.crt"
    """The key that holds the certificate, as PEM."""


class KeyRef(Section):
    """`rhsi:vault.clientTls.keySecretRef`: the key of the client certificate."""

    name: ObjectName
    """Name of the Secret, in each namespace that reads Vault."""
    key: DataKey = "tls.key"
    """The key that holds the private key, as PEM."""


class ClientTls(Section):
    """`rhsi:vault.clientTls`: with what External Secrets shows who it is, where Vault asks for a client certificate."""

    cert_secret_ref: CertificateRef
    """Where the certificate is."""
    key_secret_ref: KeyRef
    """Where its key is, mostly the same Secret."""


class Vault(Section):
    """`rhsi:vault`, with the address as the clusters see it."""

    address: Annotated[str, checked(formats.url)] = ""
    """Vault's URL as the cluster sees it; `VAULT_ADDR` wins for the program itself. Required on a standby without a
    `store`."""
    namespace: Text = ""
    """Vault namespace of the KV mount; another one in `VAULT_NAMESPACE` is refused."""
    ca: Pem = ""
    """PEM of the CA of Vault's certificate; the system's CAs without it."""
    ca_provider: CaProvider | None = None
    """On a standby: a ConfigMap or Secret of the cluster that holds this CA, instead of `ca`."""
    mount: VaultPath = DEFAULT_MOUNT
    """KV v2 mount; the same in both stacks."""
    prefix: VaultFolder = ""
    """A folder in the mount for this environment, where several share one; the same in both stacks."""
    manage_mount: bool = True
    """On the primary: whether this stack makes the mount, and removes it."""
    login: Literal["kubernetes", "jwt"] = "kubernetes"
    """On a standby: how External Secrets logs in. With `kubernetes` Vault asks the cluster's API server about each
    token. With `jwt` it judges tokens by the cluster's public keys, which each `up` renews, and needs no way to that
    server."""
    manage_auth: bool = True
    """On a standby: whether this stack makes the auth mount and its configuration; policy and role always are its."""
    auth_path: Annotated[str, checked(formats.vault_path)] = ""
    """On a standby: the auth mount, without it `kubernetes-<site>` or `jwt-<site>`. Stays what it was at the first
    `up`."""
    auth_namespace: Text = ""
    """On a standby: the Vault namespace of auth mount, policy and role, where it is one above `namespace`."""
    reviewer: Literal["client", "token"] = "client"
    """On a standby with the login `kubernetes`: whose token asks the API server for reviews, the client's own or a
    long-lived one."""
    audiences: list[GivenText] = Field(default_factory=list)
    """On a standby: audiences of the token that logs in. Without it the API server's own; with the login `jwt` it is
    `vault`."""
    client_tls: ClientTls | None = None
    """On a standby: a client certificate for a Vault that asks for one."""
    store: ExistingStore | None = None
    """On a standby: a store that exists, instead of one of this stack with account, auth mount, policy and role."""
    refresh_interval: Annotated[Duration, checked(formats.whole_seconds)] = "1h"
    """On a standby: how often External Secrets reads each value anew (Go duration in whole seconds). A rotation does
    not wait for it."""

    def below(self, path: str) -> str:
        """A path below the mount, inside this environment's folder where it has one."""
        return below(self.prefix, path)

    @property
    def login_audiences(self) -> tuple[str, ...]:
        """The audiences that the token is asked for; none for the API server's own."""
        return tuple(self.audiences) or ((JWT_AUDIENCE,) if self.login == "jwt" else ())

    @property
    def policy_prefix(self) -> str:
        """The way from the policy's namespace down to the mount's, as a policy writes it: empty, or ending in `/`."""
        down = _parts(self.namespace)[len(_parts(self.auth_namespace)) :] if self.auth_namespace else []
        return "".join(f"{part}/" for part in down)


def vault_mistakes(raw: Mapping[str, Any], vault_addr: str, environment: Mapping[str, str]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values.

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
        yield from (_of_found_store if vault.get("store") else _of_own_store)(raw, vault_addr)


def _of_found_store(raw: Mapping[str, Any], vault_addr: str) -> Iterator[Mistake]:
    vault = section(raw, "vault")
    for key in _OWN_WAY:
        if key in vault:
            fix = "the existing store of rhsi:vault.store has a way in of its own; remove one of the two"
            yield Mistake.of(f"vault.{key}", vault[key], fix)
    if not (vault.get("address") or vault_addr):
        yield Mistake.of("vault.address", None, "set it to Vault's URL, or set VAULT_ADDR")


def _of_own_store(raw: Mapping[str, Any], _vault_addr: str) -> Iterator[Mistake]:
    cluster, vault = section(raw, "cluster"), section(raw, "vault")
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
    here, there = _parts(namespace), _parts(above)
    if not there or here[: len(there)] != there or here == there:
        fix = (
            f"a token of one Vault namespace opens what is below that only, and rhsi:vault.namespace is "
            f"{quoted(namespace)}; name a namespace above it, or leave it out"
        )
        yield Mistake.of("vault.authNamespace", above, fix)


def _parts(namespace: str) -> list[str]:
    return [part for part in namespace.split("/") if part]
