"""What is a stack's own in Vault, and how a standby's namespaces read it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import CONFIG_MAP, ExistingObject
from components.edb.registry import TOKEN_PATH
from components.secret_store import (
    STORE,
    FoundSecretStore,
    FoundSecretStoreArgs,
    KeyOf,
    VaultSecretStore,
    VaultSecretStoreArgs,
)
from components.settings import Settings
from components.settings.formats import as_go_writes
from components.settings.vault import ExistingStore
from components.sites.foundation import Foundation
from components.sites.vault_owners import standby_owner_args
from components.vault import issuer
from components.vault.jwt_auth import JwtAuth, JwtAuthArgs
from components.vault.kubernetes_auth import KubernetesAuth, KubernetesAuthArgs
from components.vault.login import VaultLoginArgs
from components.vault.names import policy_name
from components.vault.ownership import VaultOwner
from components.vault.reader import READER_ACCOUNT, ReaderAccount, ReaderAccountArgs

_NONE = KeyOf(kind="", name="", key="")


def login_args(settings: Settings) -> VaultLoginArgs:
    """The cluster's login: from Skupper's namespace, and from that of the databases if there are any."""
    edb, vault = settings.edb, settings.vault
    return VaultLoginArgs(
        site=settings.site,
        policy=policy_name(vault.mount, vault.prefix, settings.site),
        folder=vault.below(settings.site),
        namespace=settings.cluster.namespace,
        other_namespaces=(edb.namespace, *_operators_namespace(settings)) if edb.enabled else (),
        service_account=READER_ACCOUNT,
        auth_path=settings.auth_path,
        manage_auth=vault.manage_auth,
        kv_mount=f"{vault.policy_prefix}{vault.mount}",
        shared=(vault.below(TOKEN_PATH),) if edb.enabled and edb.pull_secret else (),
        audiences=vault.login_audiences,
    )


def kubernetes_auth_args(settings: Settings, api_server_ca: pulumi.Input[str]) -> KubernetesAuthArgs:
    """The login by the review of tokens."""
    return KubernetesAuthArgs(
        **vars(login_args(settings)),
        api_server=settings.cluster.api_server,
        api_server_ca=api_server_ca,
        reviewer=settings.vault.reviewer,
        api_audience=settings.cluster.audience,
    )


def _operators_namespace(settings: Settings) -> tuple[str, ...]:
    """Where EDB's operator is, if this stack installs it: its pull secret comes from Vault too."""
    if not (settings.operators.database.enabled and settings.edb.pull_secret):
        return ()
    return (settings.operator_place("database").namespace,)


def secret_store_args(
    settings: Settings, namespace: str, auth: KubernetesAuth | JwtAuth, service_account: pulumi.Input[str]
) -> VaultSecretStoreArgs:
    """The store of a namespace."""
    vault = settings.vault
    ca, tls = vault.ca_provider, vault.client_tls
    return VaultSecretStoreArgs(
        store=STORE,
        namespace=namespace,
        address=vault.address,
        mount=vault.mount,
        login=vault.login,
        auth_path=auth.auth_path,
        role=auth.role,
        service_account=service_account,
        ca=vault.ca,
        ca_provider=KeyOf(kind=ca.kind, name=ca.name, key=ca.key) if ca else _NONE,
        client_certificate=_secret_key(tls.cert_secret_ref.name, tls.cert_secret_ref.key) if tls else _NONE,
        client_key=_secret_key(tls.key_secret_ref.name, tls.key_secret_ref.key) if tls else _NONE,
        vault_namespace=vault.namespace,
        auth_namespace=vault.auth_namespace,
        audiences=vault.login_audiences,
        refresh_interval=as_go_writes(vault.refresh_interval),
        timeout=settings.timeouts.secret_store,
    )


def _secret_key(name: str, key: str) -> KeyOf:
    return KeyOf(kind="Secret", name=name, key=key)


class WayIn:
    """How the namespaces of a standby read Vault: by a login of this stack's own, or through stores that exist.

    Only the own way makes accounts, auth mount, policy, role and stores; the other one has its mark in Vault. It is
    registered below the site's component, with that component's name.

    Attributes:
        store: of the site's namespace.
        mark: with what this stack has told others in Vault that the site is its own; whatever else it writes there
            depends on it.
    """

    store: VaultSecretStore | FoundSecretStore
    mark: pulumi.Resource

    def __init__(
        self,
        site: Component,
        name: str,
        settings: Settings,
        base: Foundation,
        *,
        after: Sequence[pulumi.Resource],
        external_secrets: Sequence[pulumi.Resource],
    ) -> None:
        """Register the login, if it is this stack's own, and the site's store.

        The login comes `after` what the site's namespace is made with; every store needs `external_secrets` too.
        """
        self._settings, self._external_secrets = settings, external_secrets
        self._way: KubernetesAuth | JwtAuth | ExistingStore
        if settings.vault.store:
            self._way = settings.vault.store
            args = standby_owner_args(settings, base.owner)
            self.mark = VaultOwner(f"{name}-vault-owner", args, site.child(depends_on=after))
            self.store = self._found(self._way, site, name, settings.cluster.namespace, [*after, self.mark])
        else:
            # Its policy is the mark.
            self._way = self.mark = auth = self._login(site, name, base, after)
            wanted = secret_store_args(settings, settings.cluster.namespace, auth, auth.service_account)
            needed = [auth, *external_secrets]
            self.store = VaultSecretStore(f"{name}-store", wanted, site.child(depends_on=needed))

    def store_in(
        self, component: Component, name: str, namespace: str, after: Sequence[pulumi.Input[pulumi.Resource]]
    ) -> VaultSecretStore | FoundSecretStore:
        """Register the store of another namespace, and the account that it logs in with."""
        way = self._way
        if isinstance(way, ExistingStore):
            return self._found(way, component, name, namespace, [*after, self.mark])
        reader = ReaderAccount(
            f"{name}-vault-reader",
            ReaderAccountArgs(
                namespace=namespace,
                service_account=READER_ACCOUNT,
                reviewed=self._settings.vault.login == "kubernetes",
            ),
            component.child(depends_on=after),
        )
        return VaultSecretStore(
            f"{name}-store",
            secret_store_args(self._settings, namespace, way, reader.service_account),
            component.child(depends_on=[reader, way, *self._external_secrets]),
        )

    def _found(
        self,
        store: ExistingStore,
        component: Component,
        name: str,
        namespace: str,
        after: Sequence[pulumi.Input[pulumi.Resource]],
    ) -> FoundSecretStore:
        vault = self._settings.vault
        args = FoundSecretStoreArgs(
            kind=store.kind,
            store=store.name,
            namespace=namespace,
            mount=vault.mount,
            vault_namespace=vault.namespace,
            refresh_interval=as_go_writes(vault.refresh_interval),
        )
        return FoundSecretStore(f"{name}-found-store", args, component.child(depends_on=after))

    def _login(
        self, site: Component, name: str, base: Foundation, after: Sequence[pulumi.Resource]
    ) -> KubernetesAuth | JwtAuth:
        settings = self._settings
        opts = site.child(depends_on=after, providers=base.login_providers)
        if settings.vault.login == "jwt":
            known = _issuer(settings, base) if settings.vault.manage_auth else None
            return JwtAuth(f"{name}-vault-auth", JwtAuthArgs(**vars(login_args(settings)), issuer=known), opts)
        args = kubernetes_auth_args(settings, _api_server_ca(site, name, settings))
        return KubernetesAuth(f"{name}-vault-auth", args, opts)


def _issuer(settings: Settings, base: Foundation) -> pulumi.Output[issuer.Issuer]:
    """Who signs the cluster's tokens now; read in each run, so that keys which changed are news to the next one.

    A preview may be made where nobody can ask the cluster: it says so, and knows no keys.
    """

    async def read(_: str) -> Any:
        try:
            return await issuer.read_issuer(settings.cluster.context)
        except issuer.IssuerError as error:
            if not pulumi.runtime.is_dry_run():
                raise
            pulumi.log.warn(str(error))
            return pulumi.UNKNOWN

    # Not before the cluster has answered at all: what is wrong with it is the better message.
    found: pulumi.Output[issuer.Issuer] = base.cluster.apply(read)
    return found


def _api_server_ca(site: Component, name: str, settings: Settings) -> pulumi.Input[str]:
    if settings.cluster.ca:
        return settings.cluster.ca
    published = ExistingObject(
        f"{name}-api-server-ca", CONFIG_MAP, object_id="kube-public/kube-root-ca.crt", opts=site.child()
    )
    return published.data.apply(published_ca)


def published_ca(data: Mapping[str, str] | None) -> str:
    """The CA that a cluster publishes, of the data of its ConfigMap.

    Raises:
        pulumi.RunError: there is none.
    """
    if ca := (data or {}).get("ca.crt"):
        return ca
    raise pulumi.RunError(
        "ConfigMap kube-public/kube-root-ca.crt has no ca.crt: set rhsi:cluster.ca to the CA of the API server."
    )
