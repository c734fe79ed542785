"""What a cluster may have besides, all of it off by default: scheduled backups, PgBouncer, metrics."""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.container_resources import ContainerResources
from components.custom_resource import POD_MONITOR, POSTGRES_OPERATORS, KubernetesObject
from components.edb.backup import BackupArgs, scheduled_backup_spec
from components.edb.placement import placed_pooler
from components.restricted_pod import PodShape


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """PgBouncer for applications, never for the replication; no instances, no pooler."""

    instances: int
    mode: str


@dataclass(frozen=True, kw_only=True)
class ClusterOptionsArgs:
    """What hangs on a cluster that exists; `operator` is `edb` or `community`, `pull_secret` that of the cluster."""

    operator: str
    cluster: str
    namespace: str
    monitoring: bool
    pooler: PoolerArgs
    pod: PodShape
    pull_secret: str
    pooler_resources: ContainerResources
    backup: BackupArgs


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
                spec=placed_pooler(
                    pooler_spec(args.pooler, args.cluster), args.pod, args.pull_secret, args.pooler_resources
                ),
                opts=self.child(),
            )
            self.pooler = once(pooler, service)
        self.register_outputs({"pooler": self.pooler})
