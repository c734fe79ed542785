"""Settings of Vault: `rhsi:vault`. Where it is, what is this environment's in it, and how a standby reads it.

Source of the rules: external-secrets:apis/externalsecrets/v1/secretstore_vault_types.go, and Vault's auth methods.
"""

from typing import Annotated, Literal

from pydantic import Field

from components.settings import formats
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
)
from components.vault.names import DEFAULT_MOUNT, below, namespace_parts

# External Secrets asks for a token of this audience where a store names none (external-secrets:pkg/provider/vault,
# auth_jwt.go). No API server takes one for its own.
JWT_AUDIENCE = "vault"


class ExistingStore(Section):
    """`rhsi:vault.store`: a store of External Secrets that somebody else made, and keeps."""

    kind: Literal["SecretStore", "ClusterSecretStore"] = "SecretStore"
    """`SecretStore`, one of that name in each namespace that reads Vault, none of which this stack makes
    (`createNamespace: false`), or `ClusterSecretStore`."""
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
    """On a standby: the Vault namespace of auth mount, policy and role, where it is one above `namespace`: `root` for
    the topmost."""
    reviewer: Literal["client", "token"] = "client"
    """On a standby with the login `kubernetes`: whose token asks the API server for reviews, the client's own or a
    long-lived one."""
    audiences: list[GivenText] = Field(default_factory=list)
    """On a standby: audiences of the token that logs in. Default: the API server's own; `vault` with the login
    `jwt`."""
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
        if not self.auth_namespace:
            return ""
        down = namespace_parts(self.namespace)[len(namespace_parts(self.auth_namespace)) :]
        return "".join(f"{part}/" for part in down)
