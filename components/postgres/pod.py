"""The pod of a PostgreSQL server: its containers, what they see, and how the kubelet looks at them.

`server.sh` in this folder runs in it, admissible under OpenShift's restricted-v2, and is stopped by a fast shutdown.
What only some servers have is in access.py, monitoring.py, starting.py and version.sh: a pod without it stays as it
was, for another pod is a restart of somebody's database. The image is any with sh and PostgreSQL's programs in PATH;
its own entry point is not used.
"""

from pathlib import Path
from typing import Any

from components.postgres import access, backup, monitoring, starting
from components.postgres.shape import PORT, PostgresServerArgs
from components.restricted_pod import container_security, placement, pod_security, secret_mount, secret_volume
from components.shell_script import read_script

# The volume, and the folder in it that initdb or pg_basebackup makes; no path at which an image declares a volume.
VOLUME = "/data"
PGDATA = f"{VOLUME}/pgdata"
SOCKETS = "/run/postgresql"
SCRIPT = read_script(Path(__file__).parent / "server.sh")
VERSION_SCRIPT = read_script(Path(__file__).parent / "version.sh")


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


def mounts() -> list[dict[str, Any]]:
    """What every container sees that works on the data."""
    return [
        {"name": "data", "mountPath": VOLUME},
        {"name": "sockets", "mountPath": SOCKETS},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- an emptyDir of the pod
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 -- as /tmp
    ]


def container(name: str, args: PostgresServerArgs, *, step: str) -> dict[str, Any]:
    """One of the pod's containers: a step of the script."""
    return {
        "name": name,
        "image": args.shape.image,
        "command": ["/bin/sh", "-c", SCRIPT, "postgres-server", step],
        "env": environment(args),
        "resources": {"requests": args.shape.requests, "limits": args.shape.limits},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [*mounts(), *map(secret_mount, args.secrets)],
    }


def preparation(args: PostgresServerArgs) -> dict[str, Any]:
    """The container that makes what is missing, however long that takes."""
    found = container("prepare", args, step="prepare")
    if given := starting.parameters(args):
        found["command"] = ["/bin/sh", "-c", starting.SCRIPT + SCRIPT, *found["command"][3:]]
        found["env"].append({"name": starting.VARIABLE, "value": starting.options(given)})
    return found


def version_check(args: PostgresServerArgs) -> dict[str, Any]:
    """The container before all others that refuses data and images of another major version."""
    found = container("version", args, step="version")
    found["command"] = ["/bin/sh", "-c", VERSION_SCRIPT]
    found["env"] = [{"name": "PGDATA", "value": PGDATA}, {"name": "VERSION", "value": str(args.shape.version)}]
    found["volumeMounts"] = [{"name": "data", "mountPath": VOLUME, "readOnly": True}]
    return found


def pod_spec(args: PostgresServerArgs) -> dict[str, Any]:
    """The pod: `prepare` makes what is missing; `postgres` serves."""
    server = container("postgres", args, step="serve")
    parameters = [part for name, value in sorted(args.shape.parameters.items()) for part in ("-c", f"{name}={value}")]
    server["args"] = parameters
    if args.shape.access_rules:
        server["args"] = server["args"] + access.SERVER_ARGUMENTS
        server["volumeMounts"].append(access.MOUNT)
    if args.shape.backup:
        server["args"] = [*backup.USUAL_PARAMETERS, *server["args"], *backup.SERVER_PARAMETERS]
        server["env"] += backup.SERVER_ENVIRONMENT
        server["volumeMounts"].append(backup.SERVER_MOUNT)
    server["ports"] = [{"name": "postgres", "containerPort": PORT}]
    # Exit status 1 is a server that lives and refuses: it recovers, and killing it would only make it begin again.
    alive = "pg_isready -q || [ $? -eq 1 ]"
    server["startupProbe"] = probe(alive, period=2, failures=30)
    server["livenessProbe"] = probe(alive, period=10, failures=6)
    server["readinessProbe"] = args.readiness
    before = [version_check(args)] if args.shape.version else []
    beside = [monitoring.exporter(args.shape.exporter, SOCKETS)] if args.shape.exporter else []
    more: list[dict[str, Any]] = []
    if args.shape.backup:
        beside.append(backup.beside(args.shape.backup, environment(args), mounts()))
        more = backup.volumes(args.shape.backup)
        if args.shape.backup.recovery.server_name:
            recovery = backup.recovering(
                args.shape.backup, environment(args), mounts(), resources=server["resources"], parameters=parameters
            )
            before.append(recovery)
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
        "initContainers": [*before, preparation(args)],
        "containers": [server, *beside],
        "volumes": [
            {"name": "sockets", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            # The runtime's own has 64 MB, too little for parallel queries.
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            *(secret_volume(folder, secret) for folder, secret in args.secrets.items()),
            *([access.volume(args.server)] if args.shape.access_rules else []),
            *more,
        ],
        **placement(args.shape.pod),
    }
