"""A PostgreSQL 16 server in a pod of its own: one replica, one volume, one Service.

Owns the shape of the pod (`server.sh` in this folder runs in it): admissible under OpenShift's restricted-v2,
ready when it answers queries, stopped by a fast shutdown. Whether it is a primary or a standby, and of what, is the
business of replication.py. The image is any with sh and PostgreSQL's programs in PATH; its own entry point is not used.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    Service,
    ServiceAccount,
    VolumeMountArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.component import Component, once
from components.restricted_pod import container_security, pod_security, secret_mount, secret_volume
from components.shell_script import read_script

PORT = 5432
# The volume, and the folder in it that initdb or pg_basebackup makes; no path at which an image declares a volume.
VOLUME = "/data"
PGDATA = f"{VOLUME}/pgdata"
SOCKETS = "/run/postgresql"
SCRIPT = read_script(Path(__file__).parent / "server.sh")


@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """What a server is made of.

    Attributes:
        image: PostgreSQL 16.
        run_as_user: UID, 0 for "as the cluster assigns" (OpenShift does); elsewhere one that the image has a name for.
        size: of the volume when it is made, as a Kubernetes quantity.
        storage_class: empty means the cluster's default.
        requests: what the container asks for, by resource.
        limits: what it may not exceed, by resource.
        parameters: settings of the server by name, such as `shared_buffers`.
        keep_data: whether the volume outlives the StatefulSet.
    """

    image: str
    run_as_user: int
    size: str
    storage_class: str
    requests: dict[str, str]
    limits: dict[str, str]
    parameters: dict[str, str]
    keep_data: bool


@dataclass(frozen=True, kw_only=True)
class PostgresServerArgs:
    """One server.

    Attributes:
        server: name of the StatefulSet, its Service and its service account.
        namespace: of all of them.
        role: `primary` or `standby`.
        shape: what it is made of.
        environment: variables of the script, none of them secret.
        secrets: folder below `/secrets` -> name of a Secret.
        restart: any text; another one starts the pod again.
        timeout: how long `up` waits until the server answers, as a Go duration; empty means not at all.
    """

    server: str
    namespace: str
    role: str
    shape: ServerShape
    environment: dict[str, pulumi.Input[str]]
    secrets: dict[str, pulumi.Input[str]]
    restart: str
    timeout: str


def labels(server: str) -> dict[str, str]:
    """Labels of everything that belongs to a server."""
    return {"app.kubernetes.io/name": server, "app.kubernetes.io/part-of": "rhsi"}


def metadata(args: PostgresServerArgs, *, awaited: bool = True) -> ObjectMetaArgsDict:
    """Metadata of the server's objects."""
    found: ObjectMetaArgsDict = {"name": args.server, "namespace": args.namespace, "labels": labels(args.server)}
    if not awaited:
        found["annotations"] = {"pulumi.com/skipAwait": "true"}
    return found


def selector(server: str) -> str:
    """What finds the server's pod, in the form of Skupper and kubectl."""
    return f"app.kubernetes.io/name={server}"


def environment(args: PostgresServerArgs) -> list[EnvVarArgsDict]:
    """Variables of both containers; the clients among PostgreSQL's programs read PGHOST and PGUSER too."""
    values = {
        "ROLE": args.role,
        "PGDATA": PGDATA,
        "PGHOST": SOCKETS,
        "PGUSER": "postgres",
        "HOME": "/tmp",  # noqa: S108 -- an emptyDir of the pod
        **args.environment,
    }
    pod_ip: EnvVarArgsDict = {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}}
    return [*(EnvVarArgsDict(name=name, value=value) for name, value in values.items()), pod_ip]


def probe(command: str, *, period: int, failures: int) -> ProbeArgsDict:
    """A probe through the socket, which asks for no password."""
    return {
        "exec_": {"command": ["/bin/sh", "-c", command]},
        "period_seconds": period,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }


def container(name: str, args: PostgresServerArgs, *, step: str) -> ContainerArgsDict:
    """One of the pod's containers: a step of the script."""
    mounts: list[VolumeMountArgsDict] = [
        {"name": "data", "mount_path": VOLUME},
        {"name": "sockets", "mount_path": SOCKETS},
        {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 -- an emptyDir of the pod
        {"name": "shm", "mount_path": "/dev/shm"},  # noqa: S108 -- as /tmp
        *map(secret_mount, args.secrets),
    ]
    return {
        "name": name,
        "image": args.shape.image,
        "command": ["/bin/sh", "-c", SCRIPT, "postgres-server", step],
        "env": environment(args),
        "resources": {"requests": args.shape.requests, "limits": args.shape.limits},
        "security_context": container_security(),
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": mounts,
    }


def pod_spec(args: PostgresServerArgs) -> PodSpecArgsDict:
    """The pod: `prepare` makes what is missing, however long that takes; `postgres` serves."""
    server = container("postgres", args, step="serve")
    server["args"] = [
        part for name, value in sorted(args.shape.parameters.items()) for part in ("-c", f"{name}={value}")
    ]
    server["ports"] = [{"name": "postgres", "container_port": PORT}]
    # Exit status 1 is a server that lives and refuses: it recovers, and killing it would only make it begin again.
    alive = "pg_isready -q || [ $? -eq 1 ]"
    server["startup_probe"] = probe(alive, period=2, failures=30)
    server["liveness_probe"] = probe(alive, period=10, failures=6)
    server["readiness_probe"] = probe("pg_isready -q", period=2, failures=3)
    return {
        "service_account_name": args.server,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {
            **pod_security(args.shape.run_as_user, volumes=True),
            # Only a fresh volume needs new owners; doing it at every start would widen the rights on the data.
            "fs_group_change_policy": "OnRootMismatch",
        },
        # A fast shutdown writes a checkpoint first.
        "termination_grace_period_seconds": 120,
        "init_containers": [container("prepare", args, step="prepare")],
        "containers": [server],
        "volumes": [
            {"name": "sockets", "empty_dir": {}},
            {"name": "tmp", "empty_dir": {}},
            # The runtime's own has 64 MB, too little for parallel queries.
            {"name": "shm", "empty_dir": {"medium": "Memory"}},
            *(secret_volume(folder, secret) for folder, secret in args.secrets.items()),
        ],
    }


def stateful_set_spec(args: PostgresServerArgs) -> StatefulSetSpecArgsDict:
    """Spec of the StatefulSet."""
    return {
        "replicas": 1,
        "service_name": args.server,
        # The other policy never replaces a pod that does not become ready, not even by a corrected one.
        "pod_management_policy": "Parallel",
        "selector": {"match_labels": {"app.kubernetes.io/name": args.server}},
        "template": {
            "metadata": {
                "labels": labels(args.server),
                "annotations": {"rhsi/restart": args.restart} if args.restart else {},
            },
            "spec": pod_spec(args),
        },
        "volume_claim_templates": [
            {
                "metadata": {"name": "data", "labels": labels(args.server)},
                "spec": {
                    "access_modes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": args.shape.size}},
                    **({"storage_class_name": args.shape.storage_class} if args.shape.storage_class else {}),
                },
            }
        ],
        "persistent_volume_claim_retention_policy": {
            "when_deleted": "Retain" if args.shape.keep_data else "Delete",
            "when_scaled": "Retain",
        },
    }


class PostgresServer(Component):
    """The StatefulSet with its Service and its account, which has no rights and no token."""

    service: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresServer", name, opts)
        account = ServiceAccount(
            f"{name}-account", metadata=metadata(args), automount_service_account_token=False, opts=self.child()
        )
        service = Service(
            f"{name}-service",
            # Awaited, it would wait for a ready pod: that is what the StatefulSet waits for, or nobody.
            metadata=metadata(args, awaited=False),
            spec={
                "selector": {"app.kubernetes.io/name": args.server},
                "ports": [{"name": "postgres", "port": PORT, "target_port": PORT}],
            },
            opts=self.child(),
        )
        limit = args.timeout or None
        server = StatefulSet(
            f"{name}-server",
            metadata=metadata(args, awaited=bool(args.timeout)),
            spec=stateful_set_spec(args),
            opts=self.child(
                depends_on=[account],
                # Nothing here can be changed in place, and another StatefulSet would not grow the volume either.
                ignore_changes=["spec.volumeClaimTemplates"],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete="5m"),
            ),
        )
        self.service = once(pulumi.Output.all(service.id, server.id), args.server)
        self.register_outputs({"service": self.service})
