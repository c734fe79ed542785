"""What a PostgreSQL server is made of, and what it is called.

Owns the arguments of a server, its labels and its port. What becomes of them is in pod.py and server.py.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.postgres.backup import ServerBackup
from components.restricted_pod import PodShape

PORT = 5432


@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """What a server is made of.

    Attributes:
        image: PostgreSQL 16 to 18.
        version: its major version where a server with another one shall not start; None for no such check.
        run_as_user: UID, 0 for "as the cluster assigns" (OpenShift does); elsewhere one that the image has a name for.
        size: of the volume when it is made, as a Kubernetes quantity.
        storage_class: empty means the cluster's default.
        pod: where it runs, and what pulls the images of all its containers.
        relabel: whether a change of the labels and annotations of everything reaches its pod, which then starts again.
        requests: what the container asks for, by resource.
        limits: what it may not exceed, by resource.
        parameters: settings of the server by name, such as `shared_buffers`.
        keep_data: whether the volume outlives the StatefulSet.
        access_rules: the user's lines of pg_hba.conf, see access.py.
        exporter: image of the exporter beside it, see monitoring.py; empty for none.
        keeps_pod: whether nobody may evict its pod, as for draining its node.
        backup: see backup.py; None for none.
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
    backup: ServerBackup | None


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
        timeout: how long `up` waits until the server answers, or is gone, as a Go duration; empty means not at all.
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


def selector(server: str) -> str:
    """What finds the server's pod, in the form of Skupper and kubectl."""
    return f"app.kubernetes.io/name={server}"
