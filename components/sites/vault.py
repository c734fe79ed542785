"""What is a stack's own in Vault, and how a standby's namespaces log in there."""

import pulumi

from components.edb.registry import TOKEN_PATH
from components.external_secrets import STORE, VaultSecretStoreArgs
from components.owner import Owner
from components.settings import Settings
from components.settings.operators import place
from components.vault.kubernetes_auth import READER_ACCOUNT, KubernetesAuth, KubernetesAuthArgs
from components.vault.names import policy_name
from components.vault.ownership import VaultOwnerArgs


def primary_owner_args(settings: Settings, owner: Owner, standby: str) -> VaultOwnerArgs:
    """The primary's claim on what it writes for a standby."""
    return VaultOwnerArgs(
        owner=owner,
        mount=settings.vault.mount,
        existing=not settings.vault.manage_mount,
        path=settings.vault.below(f"{standby}/owner-primary"),
        claimed=f"What a primary writes for {standby}",
    )


def token_owner_args(settings: Settings, owner: Owner) -> VaultOwnerArgs:
    """The primary's claim on the registry's token, which all its standbys read."""
    return VaultOwnerArgs(
        owner=owner,
        mount=settings.vault.mount,
        existing=not settings.vault.manage_mount,
        path=settings.vault.below(f"{TOKEN_PATH}-owner"),
        claimed="The registry's token",
    )


def kubernetes_auth_args(settings: Settings, api_server_ca: pulumi.Input[str]) -> KubernetesAuthArgs:
    """The cluster's login: from Skupper's namespace, and from that of the databases if there are any."""
    edb = settings.edb
    return KubernetesAuthArgs(
        site=settings.site,
        policy=policy_name(settings.vault.mount, settings.vault.prefix, settings.site),
        folder=settings.vault.below(settings.site),
        namespace=settings.cluster.namespace,
        other_namespaces=(edb.namespace, *_operators_namespace(settings)) if edb.enabled else (),
        service_account=READER_ACCOUNT,
        auth_path=settings.auth_path,
        manage_auth=settings.vault.manage_auth,
        api_server=settings.cluster.api_server,
        api_server_ca=api_server_ca,
        kv_mount=settings.vault.mount,
        shared=(settings.vault.below(TOKEN_PATH),) if edb.enabled and edb.pull_secret else (),
        reviewer=settings.vault.reviewer,
        audiences=tuple(settings.vault.audiences),
        api_audience=settings.cluster.audience,
    )


def _operators_namespace(settings: Settings) -> tuple[str, ...]:
    """Where EDB's operator is, if this stack installs it: its pull secret comes from Vault too."""
    if not (settings.operators.database.enabled and settings.edb.pull_secret):
        return ()
    platform, operator = settings.cluster.platform, settings.edb.operator
    return (place(settings.operators, "database", platform=platform, edb_operator=operator).namespace,)


def secret_store_args(
    settings: Settings, namespace: str, auth: KubernetesAuth, service_account: pulumi.Input[str]
) -> VaultSecretStoreArgs:
    """The store of a namespace."""
    return VaultSecretStoreArgs(
        store=STORE,
        namespace=namespace,
        address=settings.vault.address,
        mount=settings.vault.mount,
        ca=settings.vault.ca,
        vault_namespace=settings.vault.namespace,
        auth_path=auth.auth_path,
        role=auth.role,
        service_account=service_account,
        audiences=tuple(settings.vault.audiences),
        timeout=settings.timeouts.secret_store,
    )
