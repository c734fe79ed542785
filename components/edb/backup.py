"""Backups of a cluster in an object store, and the recovery of a new cluster from them.

They go through the barman-cloud plugin, which an administrator installs beside the operator; the operator's own
`barmanObjectStore` is deprecated and goes with CloudNativePG 1.31. Owns the specs. The Secrets that they name are the
user's, who makes them: this program reads none of them. Source: cloudnative-pg/plugin-barman-cloud, v0.14.
"""

from dataclasses import dataclass
from typing import Any

from components.container_resources import ContainerResources

PLUGIN = "barman-cloud.cloudnative-pg.io"
# Keys of the Secrets with an object store's credentials and its authority.
ACCESS_KEY_ID = "ACCESS_KEY_ID"
SECRET_ACCESS_KEY = "ACCESS_SECRET_KEY"  # noqa: S105 -- the name of a key, no secret
AUTHORITY = "ca.crt"
BACKUP_SOURCE = "backups"
# Read by AWS' webhook for pods, on EKS and on OpenShift (ROSA).
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """Where backups and WAL go, and when; no destination, no backup. Empty fields are the plugin's defaults.

    Attributes:
        destination_path: such as `s3://bucket/folder`.
        endpoint_url: of a store that is not AWS.
        endpoint_ca: a Secret in the cluster's namespace with the endpoint's authority in `ca.crt`.
        credentials: a Secret there with `ACCESS_KEY_ID` and `ACCESS_SECRET_KEY`; empty means the pods' role (IAM).
        region_key: the key of that Secret that holds the store's region.
        iam_role: ARN of the role of the pods.
        server_name: the folder of this cluster's life; a recovered one needs another than the one it came from.
        retention: such as `30d`.
        schedule: six cron fields, seconds first.
        immediate: whether the first backup is made at once.
        compression: of base backups.
        wal_compression: of WAL.
        encryption: of both, by the store.
        data_jobs: uploads of a base backup at a time.
        wal_max_parallel: files of WAL at a time.
        tags: of every object in the store.
    """

    destination_path: str
    endpoint_url: str
    endpoint_ca: str
    credentials: str
    region_key: str
    iam_role: str
    server_name: str
    retention: str
    schedule: str
    immediate: bool
    compression: str
    wal_compression: str
    encryption: str
    data_jobs: int
    wal_max_parallel: int
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RecoveryArgs:
    """Which backups a new cluster starts from, and up to when (RFC 3339; empty: the latest); no name, no recovery."""

    server_name: str
    target_time: str


def object_store_spec(args: BackupArgs, sidecar: ContainerResources) -> dict[str, Any]:
    """Spec of the plugin's ObjectStore.

    From nowhere else does the plugin take the resources of its container in the pods of instances and in the Job of a
    recovery (plugin-barman-cloud:internal/cnpgi/operator/lifecycle_resources.go).
    """
    credentials: dict[str, Any] = {"inheritFromIAMRole": True}
    if args.credentials:
        credentials = {
            "accessKeyId": {"name": args.credentials, "key": ACCESS_KEY_ID},
            "secretAccessKey": {"name": args.credentials, "key": SECRET_ACCESS_KEY},
        }
    if args.region_key:
        credentials["region"] = {"name": args.credentials, "key": args.region_key}
    configuration: dict[str, Any] = {"destinationPath": args.destination_path, "s3Credentials": credentials}
    if args.endpoint_url:
        configuration["endpointURL"] = args.endpoint_url
    if args.endpoint_ca:
        configuration["endpointCA"] = {"name": args.endpoint_ca, "key": AUTHORITY}
    if args.tags:
        configuration["tags"] = args.tags
    data = {"compression": args.compression, "encryption": args.encryption, "jobs": args.data_jobs}
    wal = {"compression": args.wal_compression, "encryption": args.encryption, "maxParallel": args.wal_max_parallel}
    for key, given in {"data": data, "wal": wal}.items():
        if chosen := {name: value for name, value in given.items() if value}:
            configuration[key] = chosen
    needs = sidecar.manifest()
    return {
        "configuration": configuration,
        "retentionPolicy": args.retention,
        **({"instanceSidecarConfiguration": {"resources": needs}} if needs else {}),
    }


def archiver_plugins(args: BackupArgs, cluster: str) -> list[dict[str, Any]]:
    """The Cluster's `plugins`: who archives its WAL."""
    if not args.destination_path:
        return []
    parameters = {"barmanObjectName": cluster, "serverName": args.server_name or cluster}
    return [{"name": PLUGIN, "enabled": True, "isWALArchiver": True, "parameters": parameters}]


def account_template(args: BackupArgs) -> dict[str, Any]:
    """The Cluster's `serviceAccountTemplate`, where its pods have a role of their own; empty otherwise."""
    return {"metadata": {"annotations": {ROLE_ANNOTATION: args.iam_role}}} if args.iam_role else {}


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
    """Spec of the ScheduledBackup."""
    return {
        "cluster": {"name": cluster},
        "schedule": args.schedule,
        "immediate": args.immediate,
        "backupOwnerReference": "self",
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
    }
