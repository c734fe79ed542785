"""What a cluster may have besides, all of it off by default: backups, recovery from them, PgBouncer, metrics.

Backups go through the barman-cloud plugin, which an administrator installs beside the operator; the operator's own
`barmanObjectStore` is deprecated and goes with CloudNativePG 1.31.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.container_resources import ContainerResources
from components.custom_resource import POD_MONITOR, POSTGRES_OPERATORS, KubernetesObject
from components.edb.placing import placed_pooler
from components.restricted_pod import PodShape

PLUGIN = "barman-cloud.cloudnative-pg.io"
# Keys of the Secret with an object store's credentials.
ACCESS_KEY_ID = "ACCESS_KEY_ID"
SECRET_ACCESS_KEY = "ACCESS_SECRET_KEY"  # noqa: S105 -- the name of a key, no secret
BACKUP_SOURCE = "backups"


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """Where backups and WAL go, and when; no destination, no backup.

    Attributes:
        destination_path: such as `s3://bucket/folder`.
        endpoint_url: of a store that is not AWS.
        credentials: a Secret in the cluster's namespace with `ACCESS_KEY_ID` and `ACCESS_SECRET_KEY`; empty means the
            role of the pods (IAM).
        server_name: the folder of this cluster's life; a recovered one needs another than the one it came from.
        retention: such as `30d`.
        schedule: six cron fields, seconds first.
    """

    destination_path: str
    endpoint_url: str
    credentials: str
    server_name: str
    retention: str
    schedule: str


@dataclass(frozen=True, kw_only=True)
class RecoveryArgs:
    """Which backups a new cluster starts from, and up to when (RFC 3339; empty: the latest); no name, no recovery."""

    server_name: str
    target_time: str


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """PgBouncer for applications, never for the replication; no instances, no pooler."""

    instances: int
    mode: str


@dataclass(frozen=True, kw_only=True)
class ClusterOptionsArgs:
    """What hangs on a cluster that exists; `operator` is `edb` or `community`."""

    operator: str
    cluster: str
    namespace: str
    monitoring: bool
    pooler: PoolerArgs
    pod: PodShape
    pooler_resources: ContainerResources
    backup: BackupArgs


def object_store_spec(args: BackupArgs) -> dict[str, Any]:
    """Spec of the plugin's ObjectStore."""
    credentials: dict[str, Any] = {"inheritFromIAMRole": True}
    if args.credentials:
        credentials = {
            "accessKeyId": {"name": args.credentials, "key": ACCESS_KEY_ID},
            "secretAccessKey": {"name": args.credentials, "key": SECRET_ACCESS_KEY},
        }
    configuration: dict[str, Any] = {"destinationPath": args.destination_path, "s3Credentials": credentials}
    if args.endpoint_url:
        configuration["endpointURL"] = args.endpoint_url
    return {"configuration": configuration, "retentionPolicy": args.retention}


def archiver_plugins(args: BackupArgs, cluster: str) -> list[dict[str, Any]]:
    """The Cluster's `plugins`: who archives its WAL."""
    if not args.destination_path:
        return []
    parameters = {"barmanObjectName": cluster, "serverName": args.server_name or cluster}
    return [{"name": PLUGIN, "enabled": True, "isWALArchiver": True, "parameters": parameters}]


def recovery(args: RecoveryArgs) -> dict[str, Any]:
    """What distinguishes the Cluster's `bootstrap.recovery` from its `initdb`."""
    target = {"recoveryTarget": {"targetTime": args.target_time}} if args.target_time else {}
    return {"source": BACKUP_SOURCE, **target}


def backup_source(args: RecoveryArgs, cluster: str) -> list[dict[str, Any]]:
    """The entry of `externalClusters` that a recovery reads."""
    if not args.server_name:
        return []
    parameters = {"barmanObjectName": cluster, "serverName": args.server_name}
    return [{"name": BACKUP_SOURCE, "plugin": {"name": PLUGIN, "parameters": parameters}}]


def scheduled_backup_spec(args: BackupArgs, cluster: str) -> dict[str, Any]:
    """Spec of the ScheduledBackup; the first backup is made at once."""
    return {
        "cluster": {"name": cluster},
        "schedule": args.schedule,
        "immediate": True,
        "backupOwnerReference": "self",
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
    }


def pooler_spec(args: PoolerArgs, cluster: str) -> dict[str, Any]:
    """Spec of the Pooler before the primary instance."""
    return {
        "cluster": {"name": cluster},
        "instances": args.instances,
        "type": "rw",
        "pgbouncer": {"poolMode": args.mode},
    }


def pod_monitor_spec(operator: str, cluster: str) -> dict[str, Any]:
    """Spec of the PodMonitor; the Cluster's own `enablePodMonitor` is deprecated."""
    label = f"{POSTGRES_OPERATORS[operator].metadata_prefix}/cluster"
    return {"selector": {"matchLabels": {label: cluster}}, "podMetricsEndpoints": [{"port": "metrics"}]}


class ClusterOptions(Component):
    """ScheduledBackup, Pooler and PodMonitor, as far as they are asked for. None is awaited."""

    pooler: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterOptionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `pooler` is the Service of PgBouncer, empty without one."""
        super().__init__("rhsi:index:ClusterOptions", name, opts)
        operator = POSTGRES_OPERATORS[args.operator]
        metadata = {"name": args.cluster, "namespace": args.namespace}
        if args.backup.destination_path:
            KubernetesObject(
                f"{name}-scheduled-backup",
                operator.scheduled_backup,
                metadata=metadata,
                spec=scheduled_backup_spec(args.backup, args.cluster),
                opts=self.child(),
            )
        if args.monitoring:
            KubernetesObject(
                f"{name}-pod-monitor",
                POD_MONITOR,
                metadata=metadata,
                spec=pod_monitor_spec(args.operator, args.cluster),
                opts=self.child(),
            )
        self.pooler = pulumi.Output.from_input("")
        if args.pooler.instances:
            # Also the name of its Service; a cluster's own name is refused.
            service = f"{args.cluster}-pooler"
            pooler = KubernetesObject(
                f"{name}-pooler",
                operator.pooler,
                metadata={"name": service, "namespace": args.namespace},
                spec=placed_pooler(pooler_spec(args.pooler, args.cluster), args.pod, args.pooler_resources),
                opts=self.child(),
            )
            self.pooler = once(pooler, service)
        self.register_outputs({"pooler": self.pooler})
