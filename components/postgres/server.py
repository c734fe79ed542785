"""A PostgreSQL server in a pod of its own: one replica, one volume, one Service.

Owns the shape of the pod (`server.sh` in this folder runs in it): admissible under OpenShift's restricted-v2,
stopped by a fast shutdown. What only some servers have is in access.py, monitoring.py and version.sh: a pod without it
stays as it was, for another pod is a restart of somebody's database. Whether it is a primary or a standby, of what, and
when it is ready, is the business of replication.py. The image is any with sh and PostgreSQL's programs in PATH; its own
entry point is not used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.common_metadata import CommonMetadata
from components.component import Component, once
from components.custom_resource import (
    POD_DISRUPTION_BUDGET,
    POD_MONITOR,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    KubernetesObject,
)
from components.postgres import access, monitoring
from components.restricted_pod import PodShape, container_security, placement, pod_security, secret_mount, secret_volume
from components.shell_script import read_script

PORT = 5432
# The volume, and the folder in it that initdb or pg_basebackup makes; no path at which an image declares a volume.
VOLUME = "/data"
PGDATA = f"{VOLUME}/pgdata"
SOCKETS = "/run/postgresql"
SCRIPT = read_script(Path(__file__).parent / "server.sh")
VERSION_SCRIPT = read_script(Path(__file__).parent / "version.sh")


@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """What a server is made of.

    Attributes:
        image: PostgreSQL 16 to 18.
        version: its major version where a server with another one shall not start; None for no such check.
        run_as_user: UID, 0 for "as the cluster assigns" (OpenShift does); elsewhere one that the image has a name for.
        size: of the volume when it is made, as a Kubernetes quantity.
        storage_class: empty means the cluster's default.
        pod: where it runs, and what pulls its image.
        relabel: whether a change of the labels and annotations of everything reaches its pod, which then starts again.
        requests: what the container asks for, by resource.
        limits: what it may not exceed, by resource.
        parameters: settings of the server by name, such as `shared_buffers`.
        keep_data: whether the volume outlives the StatefulSet.
        access_rules: the user's lines of pg_hba.conf, see access.py.
        exporter: image of the exporter beside it, see monitoring.py; empty for none.
        keeps_pod: whether nobody may evict its pod, as for draining its node.
    """

    image: str
    version: int | None
    run_as_user: int
    size: str
    storage_class: str
    pod: PodShape
    relabel: bool
    requests: dict[str, str]
    limits: dict[str, str]
    parameters: dict[str, str]
    keep_data: bool
    access_rules: list[str]
    exporter: str
    keeps_pod: bool


@dataclass(frozen=True, kw_only=True)
class PostgresServerArgs:
    """One server.

    Attributes:
        server: name of the StatefulSet, its service account and its other objects.
        service: name of its Service; another one takes the place of the former, which goes first.
        namespace: of all of them.
        role: `primary` or `standby`.
        shape: what it is made of.
        environment: variables of the script, none of them secret.
        secrets: folder below `/secrets` -> name of a Secret.
        readiness: what asks the server whether it is what it is for, from `probe`.
        serves_unready: whether its Service leads to it also while it is not ready.
        restart: any text; another one starts the pod again.
        timeout: how long `up` waits until the server answers, as a Go duration; empty means not at all.
        running: whether there is a pod; without one the volume stays all the same.
    """

    server: str
    service: str
    namespace: str
    role: str
    shape: ServerShape
    environment: dict[str, pulumi.Input[str]]
    secrets: dict[str, pulumi.Input[str]]
    readiness: dict[str, Any]
    serves_unready: bool
    restart: str
    timeout: str
    running: bool


def labels(server: str) -> dict[str, str]:
    """Labels of everything that belongs to a server."""
    return {"app.kubernetes.io/name": server, "app.kubernetes.io/part-of": "rhsi"}


def metadata(args: PostgresServerArgs, *, awaited: bool = True, name: str = "") -> dict[str, Any]:
    """Metadata of the server's objects, which have its name unless they have their own."""
    found: dict[str, Any] = {"name": name or args.server, "namespace": args.namespace, "labels": labels(args.server)}
    if not awaited:
        found["annotations"] = {"pulumi.com/skipAwait": "true"}
    return found


def selector(server: str) -> str:
    """What finds the server's pod, in the form of Skupper and kubectl."""
    return f"app.kubernetes.io/name={server}"


def environment(args: PostgresServerArgs) -> list[dict[str, Any]]:
    """Variables of both containers; the clients among PostgreSQL's programs read PGHOST and PGUSER too."""
    values = {
        "ROLE": args.role,
        "PGDATA": PGDATA,
        "PGHOST": SOCKETS,
        "PGUSER": "postgres",
        "HOME": "/tmp",  # noqa: S108 -- an emptyDir of the pod
        **args.environment,
    }
    pod_ip = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    return [*({"name": name, "value": value} for name, value in values.items()), pod_ip]


def probe(command: str, *, period: int, failures: int) -> dict[str, Any]:
    """A probe through the socket, which asks for no password."""
    return {
        "exec": {"command": ["/bin/sh", "-c", command]},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def container(name: str, args: PostgresServerArgs, *, step: str) -> dict[str, Any]:
    """One of the pod's containers: a step of the script."""
    mounts: list[dict[str, Any]] = [
        {"name": "data", "mountPath": VOLUME},
        {"name": "sockets", "mountPath": SOCKETS},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- an emptyDir of the pod
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 -- as /tmp
        *map(secret_mount, args.secrets),
    ]
    return {
        "name": name,
        "image": args.shape.image,
        "command": ["/bin/sh", "-c", SCRIPT, "postgres-server", step],
        "env": environment(args),
        "resources": {"requests": args.shape.requests, "limits": args.shape.limits},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def version_check(args: PostgresServerArgs) -> dict[str, Any]:
    """The container before all others that refuses data and images of another major version."""
    found = container("version", args, step="version")
    found["command"] = ["/bin/sh", "-c", VERSION_SCRIPT]
    found["env"] = [{"name": "PGDATA", "value": PGDATA}, {"name": "VERSION", "value": str(args.shape.version)}]
    found["volumeMounts"] = [{"name": "data", "mountPath": VOLUME, "readOnly": True}]
    return found


def pod_spec(args: PostgresServerArgs) -> dict[str, Any]:
    """The pod: `prepare` makes what is missing, however long that takes; `postgres` serves."""
    server = container("postgres", args, step="serve")
    server["args"] = [
        part for name, value in sorted(args.shape.parameters.items()) for part in ("-c", f"{name}={value}")
    ]
    if args.shape.access_rules:
        server["args"] += access.SERVER_ARGUMENTS
        server["volumeMounts"].append(access.MOUNT)
    server["ports"] = [{"name": "postgres", "containerPort": PORT}]
    # Exit status 1 is a server that lives and refuses: it recovers, and killing it would only make it begin again.
    alive = "pg_isready -q || [ $? -eq 1 ]"
    server["startupProbe"] = probe(alive, period=2, failures=30)
    server["livenessProbe"] = probe(alive, period=10, failures=6)
    server["readinessProbe"] = args.readiness
    before = [version_check(args)] if args.shape.version else []
    beside = [monitoring.exporter(args.shape.exporter, SOCKETS)] if args.shape.exporter else []
    return {
        "serviceAccountName": args.server,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            **pod_security(args.shape.run_as_user, volumes=True),
            # Only a fresh volume needs new owners; doing it at every start would widen the rights on the data.
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        # A fast shutdown writes a checkpoint first.
        "terminationGracePeriodSeconds": 120,
        "initContainers": [*before, container("prepare", args, step="prepare")],
        "containers": [server, *beside],
        "volumes": [
            {"name": "sockets", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            # The runtime's own has 64 MB, too little for parallel queries.
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            *(secret_volume(folder, secret) for folder, secret in args.secrets.items()),
            *([access.volume(args.server)] if args.shape.access_rules else []),
        ],
        **placement(args.shape.pod),
    }


def stateful_set_spec(args: PostgresServerArgs) -> dict[str, Any]:
    """Spec of the StatefulSet."""
    return {
        "replicas": int(args.running),
        "serviceName": args.server,
        # The other policy never replaces a pod that does not become ready, not even by a corrected one.
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app.kubernetes.io/name": args.server}},
        "template": {
            "metadata": {
                "labels": labels(args.server),
                "annotations": {"rhsi/restart": args.restart} if args.restart else {},
            },
            "spec": pod_spec(args),
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data", "labels": labels(args.server)},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": args.shape.size}},
                    **({"storageClassName": args.shape.storage_class} if args.shape.storage_class else {}),
                },
            }
        ],
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": "Retain" if args.shape.keep_data else "Delete",
            "whenScaled": "Retain",
        },
    }


def restarting_metadata(common: CommonMetadata) -> list[str]:
    """What is ignored of the pod's metadata, so that a policy's new label starts no server again.

    The program's own annotation there has to start it, so the others are named one by one: one that is removed from the
    settings starts the server again.
    """
    template = "spec.template.metadata"
    return [f"{template}.labels", *(f'{template}.annotations["{key}"]' for key in sorted(common.annotations))]


def service_spec(args: PostgresServerArgs) -> dict[str, Any]:
    """Spec of the Service."""
    spec: dict[str, Any] = {
        "selector": {"app.kubernetes.io/name": args.server},
        "ports": [{"name": "postgres", "port": PORT, "targetPort": PORT}],
    }
    return spec | ({"publishNotReadyAddresses": True} if args.serves_unready else {})


class PostgresServer(Component):
    """The StatefulSet with its Service and its account, which has no rights and no token."""

    service: pulumi.Output[str]
    stateful_set: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresServer", name, opts)
        account = KubernetesObject(
            f"{name}-account",
            SERVICE_ACCOUNT,
            metadata=metadata(args),
            automountServiceAccountToken=False,
            opts=self.child(),
        )
        service = KubernetesObject(
            f"{name}-service",
            SERVICE,
            # Awaited, it would wait for a ready pod: that is what the StatefulSet waits for, or nobody.
            metadata=metadata(args, awaited=False, name=args.service),
            spec=service_spec(args),
            # Whoever waits for another name finds the former one free.
            opts=self.child(delete_before_replace=True if args.service != args.server else None),
        )
        needed: list[pulumi.Resource] = [account]
        if args.shape.access_rules:
            needed.append(
                access.AccessRules(
                    f"{name}-access",
                    server=args.server,
                    namespace=args.namespace,
                    labels=labels(args.server),
                    rules=args.shape.access_rules,
                    opts=self.child(),
                )
            )
        limit = args.timeout or None
        server = KubernetesObject(
            f"{name}-server",
            STATEFUL_SET,
            metadata=metadata(args, awaited=bool(args.timeout)),
            spec=stateful_set_spec(args),
            opts=self.child(
                depends_on=needed,
                ignore_changes=[
                    # Nothing here can be changed in place, and another StatefulSet would not grow the volume either.
                    "spec.volumeClaimTemplates",
                    *([] if args.shape.relabel else restarting_metadata(self.common)),
                ],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete="5m"),
            ),
        )
        if args.shape.keeps_pod:
            KubernetesObject(
                f"{name}-budget",
                POD_DISRUPTION_BUDGET,
                metadata=metadata(args),
                spec={"maxUnavailable": 0, "selector": {"matchLabels": {"app.kubernetes.io/name": args.server}}},
                opts=self.child(),
            )
        if args.shape.exporter:
            KubernetesObject(
                f"{name}-pod-monitor",
                POD_MONITOR,
                metadata=metadata(args),
                spec=monitoring.pod_monitor_spec({"app.kubernetes.io/name": args.server}),
                opts=self.child(),
            )
        self.service = once(pulumi.Output.all(service.id, server.id), args.service)
        # Another generation in the same run is another status: whoever reads it comes after this one.
        self.stateful_set = once(server, f"{args.namespace}/{args.server}")
        self.register_outputs({"service": self.service})
