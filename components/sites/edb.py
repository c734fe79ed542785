"""What `rhsi:edb` means for a site, whichever its role."""

import pulumi

from components import outputs
from components.edb.backup import BackupArgs, RecoveryArgs
from components.edb.cluster import EdbClusterArgs, InitSqlArgs
from components.edb.logical_replication import LogicalReplication, LogicalReplicationArgs
from components.edb.names import OWNER, PORT, app_secret, cluster_name, link_host, service_host
from components.edb.options import PoolerArgs
from components.edb.placement import PlacementArgs
from components.edb.published import published
from components.edb.site import EdbSite, EdbSiteArgs
from components.settings import Settings
from components.settings.edb import Edb
from components.sites.runtimes import database_resources, pod_shape, pooler_resources, sidecar_resources


def own_tables(settings: Settings) -> dict[str, str]:
    """What the site publishes, empty for its table of the demonstration."""
    return published(settings.edb.publish.tables, settings.edb.publish.schemas)


def cluster_args(settings: Settings, taken: pulumi.Input[str] = "") -> EdbClusterArgs:
    """The site's cluster; `taken` changes with what the peer publishes."""
    wanted = settings.edb
    backup, recovery = wanted.backup, wanted.recovery
    return EdbClusterArgs(
        operator=wanted.operator,
        site=settings.site,
        peer=settings.edb_peer,
        namespace=wanted.namespace,
        image=settings.edb_image,
        database=wanted.database,
        published=own_tables(settings),
        taken=taken,
        init=InitSqlArgs(
            statements=wanted.init_sql,
            config_maps=[(one.config_map, one.key) for one in wanted.init_sql_from if one.config_map],
            secrets=[(one.secret, one.key) for one in wanted.init_sql_from if one.secret],
        ),
        host=link_host(settings.site, settings.edb_peer_namespace),
        peer_host=link_host(settings.edb_peer, settings.cluster.namespace),
        # Nobody awaits the primary's subscription, so that is the one that may come later.
        bounds_slot_wait=settings.role == "standby",
        tls=wanted.tls,
        pull_secret=wanted.pull_secret,
        instances=wanted.instances,
        synchronous_replicas=wanted.synchronous_replicas,
        size=wanted.size,
        storage_class=wanted.storage_class,
        # PgBouncer's image is the operator's to choose, that of the backups' container the plugin's.
        pod=pod_shape(settings),
        pooler_resources=pooler_resources(settings),
        sidecar_resources=sidecar_resources(settings),
        resources=database_resources(settings, wanted.resources).manifest(),
        parameters=wanted.parameters,
        pg_hba=wanted.pg_hba,
        placement=_placement(wanted),
        superuser_access=wanted.superuser_access,
        disruption_budget=wanted.disruption_budget,
        monitoring=wanted.monitoring,
        pooler=PoolerArgs(instances=wanted.pooler.instances, mode=wanted.pooler.mode),
        backup=BackupArgs(**backup.model_dump()),
        recovery=RecoveryArgs(**recovery.model_dump()),
        protect=settings.protect,
        timeout=settings.timeouts.database,
    )


def _placement(wanted: Edb) -> PlacementArgs:
    return PlacementArgs(
        anti_affinity=wanted.affinity.pod_anti_affinity,
        topology_key=wanted.affinity.topology_key,
        node_selector=wanted.affinity.node_selector,
        tolerations=[one.manifest for one in wanted.affinity.tolerations],
        spread=[one.model_dump(by_alias=True) for one in wanted.topology_spread],
    )


def site_args(settings: Settings, routing_prefix: pulumi.Input[str], taken: pulumi.Input[str]) -> EdbSiteArgs:
    """The cluster and its two ways over the link; `taken` as for `cluster_args`."""
    return EdbSiteArgs(
        cluster=cluster_args(settings, taken),
        skupper_namespace=settings.cluster.namespace,
        routing_prefix=routing_prefix,
    )


def replication_args(
    settings: Settings, site: EdbSite, taken: pulumi.Input[str], *, awaited: bool
) -> LogicalReplicationArgs:
    """The site's half of the replication; `taken` as for `cluster_args`."""
    return LogicalReplicationArgs(
        operator=settings.edb.operator,
        namespace=settings.edb.namespace,
        cluster=site.cluster,
        database=settings.edb.database,
        site=settings.site,
        peer=settings.edb_peer,
        published=own_tables(settings),
        taken=taken,
        tls=settings.edb.tls,
        subscribe=settings.edb.subscribe,
        awaited=awaited,
        reclaim_policy=settings.edb.reclaim_policy,
    )


def described(settings: Settings, replication: LogicalReplication) -> outputs.Edb:
    """The databases of a site of either role as outputs tell of them."""
    return outputs.Edb(
        site=settings.site,
        cluster=cluster_name(settings.site),
        namespace=settings.edb.namespace,
        host=service_host(settings.site, settings.edb.namespace),
        peer=settings.edb_peer,
        link_host=link_host(settings.site, settings.edb_peer_namespace),
        peer_host=link_host(settings.edb_peer, settings.cluster.namespace),
        port=PORT,
        database=settings.edb.database,
        user=OWNER,
        secret=app_secret(settings.site),
        tls=settings.edb.tls,
        publication=replication.publication,
        subscription=replication.subscription,
        published=own_tables(settings) or None,
    )
