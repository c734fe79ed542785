"""What `rhsi:edb` means for a site, whichever its role."""

import pulumi

from components import outputs
from components.edb.backup import BackupArgs, RecoveryArgs
from components.edb.cluster import EdbClusterArgs
from components.edb.logical_replication import LogicalReplication, LogicalReplicationArgs
from components.edb.names import OWNER, PORT, app_secret, cluster_name, link_host, service_host
from components.edb.options import PoolerArgs
from components.edb.placement import PlacementArgs
from components.edb.site import EdbSite, EdbSiteArgs
from components.settings import Settings
from components.settings.edb import Edb


def cluster_args(settings: Settings) -> EdbClusterArgs:
    """The site's cluster."""
    wanted = settings.edb
    backup, recovery = wanted.backup, wanted.recovery
    return EdbClusterArgs(
        operator=wanted.operator,
        site=settings.site,
        peer=settings.edb_peer,
        namespace=wanted.namespace,
        image=wanted.postgres_image,
        database=wanted.database,
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
        resources={key: limits for key, limits in wanted.resources.model_dump().items() if limits},
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
        tolerations=[
            {key: value for key, value in one.model_dump().items() if value} for one in wanted.affinity.tolerations
        ],
        spread=[one.model_dump(by_alias=True) for one in wanted.topology_spread],
    )


def site_args(settings: Settings, routing_prefix: pulumi.Input[str]) -> EdbSiteArgs:
    """The cluster and its two ways over the link."""
    return EdbSiteArgs(
        cluster=cluster_args(settings),
        skupper_namespace=settings.cluster.namespace,
        routing_prefix=routing_prefix,
    )


def replication_args(settings: Settings, site: EdbSite, *, awaited: bool) -> LogicalReplicationArgs:
    """The site's half of the replication."""
    return LogicalReplicationArgs(
        operator=settings.edb.operator,
        namespace=settings.edb.namespace,
        cluster=site.cluster,
        database=settings.edb.database,
        site=settings.site,
        peer=settings.edb_peer,
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
    )
