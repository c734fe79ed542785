"""Arguments as the settings' defaults make them, for tests that care about a few of them."""

import dataclasses
from typing import Any, cast

from components import container_resources
from components.edb.cluster import EdbClusterArgs
from components.edb.logical_replication import LogicalReplicationArgs
from components.external_secrets import SyncedSecretArgs
from components.link.grant import LinkGrantArgs
from components.namespace import NamespaceArgs
from components.postgres.shape import ServerShape
from components.restricted_pod import PodShape
from components.script_job import Runtime
from components.secret_store import KeyOf, StoreReference, VaultSecretStoreArgs
from components.sites.edb import cluster_args
from components.sites.postgres import server_shape
from components.skupper.site import SkupperSiteArgs
from tests.unit.recorder import PRIMARY, settings_of

_DEFAULTS = settings_of(
    {**PRIMARY, "postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}, stack="site-a"
)
ANYWHERE = PodShape(image_pull_secrets=(), node_selector={}, tolerations=(), priority_class="")
RUNTIME = Runtime(
    image="i", user=0, pull_secret="", shape=ANYWHERE, resources=container_resources.JOB, proxy={}, seconds=300
)


def edb_cluster(**changes: Any) -> EdbClusterArgs:
    """The cluster of site-a, whose peer is site-b."""
    return dataclasses.replace(cluster_args(_DEFAULTS), **changes)


def edb_replication(**changes: Any) -> LogicalReplicationArgs:
    """Site-a's half of the replication with site-b."""
    usual = LogicalReplicationArgs(
        operator="community",
        namespace="db",
        cluster="edb-site-a",
        database="app",
        site="site-a",
        peer="site-b",
        published={},
        taken="",
        tls="require",
        subscribe=True,
        awaited=True,
        reclaim_policy="delete",
    )
    return dataclasses.replace(usual, **changes)


def postgres_shape(**changes: Any) -> ServerShape:
    """What a server of the streaming database is made of."""
    return dataclasses.replace(server_shape(_DEFAULTS), **changes)


def skupper_site(**changes: Any) -> SkupperSiteArgs:
    """A site that only claims links."""
    usual = SkupperSiteArgs(
        site_name="s",
        # No spec knows of it.
        namespace=cast("NamespaceArgs", None),
        link_access="none",
        cut_old_tls=False,
        ha=False,
        timeout="3m",
    )
    return dataclasses.replace(usual, **changes)


def link_grant(**changes: Any) -> LinkGrantArgs:
    """Site-b's grant."""
    usual = LinkGrantArgs(
        standby="site-b",
        rotation=1,
        namespace="rhsi",
        vault_mount="rhsi",
        vault_folder="site-b",
        expiration_window="1h",
        redemptions_allowed=1,
        timeout="2m",
        ha=False,
    )
    return dataclasses.replace(usual, **changes)


def synced_secret(**changes: Any) -> SyncedSecretArgs:
    """A Secret that nothing is asked of."""
    usual = SyncedSecretArgs(
        secret="s",
        namespace="n",
        store=StoreReference(kind="SecretStore", name="store", refresh_interval="1h0m0s"),
        path="site-b/s",
        version="1",
        type="",
        data={},
        labels={},
        awaited=False,
    )
    return dataclasses.replace(usual, **changes)


def vault_store(**changes: Any) -> VaultSecretStoreArgs:
    """A store of which only what must be is set."""
    none = KeyOf(kind="", name="", key="")
    usual = VaultSecretStoreArgs(
        store="s",
        namespace="n",
        address="https://v",
        mount="rhsi",
        login="kubernetes",
        auth_path="p",
        role="r",
        service_account="a",
        ca="",
        ca_provider=none,
        client_certificate=none,
        client_key=none,
        vault_namespace="",
        auth_namespace="",
        audiences=(),
        refresh_interval="1h0m0s",
        timeout="2m",
    )
    return dataclasses.replace(usual, **changes)
