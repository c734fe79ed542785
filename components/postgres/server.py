"""A PostgreSQL server in a pod of its own: one replica, one volume, one Service.

Owns these objects; the inside of the pod is in pod.py, what all of it is made of in shape.py. Whether the server is a
primary or a standby, of what, and when it is ready, is the business of replication.py.
"""

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
    STOPPED_STATEFUL_SET,
    KubernetesObject,
)
from components.edb.backup import ROLE_ANNOTATION
from components.postgres import access, monitoring
from components.postgres.pod import pod_spec
from components.postgres.shape import PORT, PostgresServerArgs, labels


def metadata(args: PostgresServerArgs, *, awaited: bool = True, name: str = "") -> dict[str, Any]:
    """Metadata of the server's objects, which have its name unless they have their own."""
    found: dict[str, Any] = {"name": name or args.server, "namespace": args.namespace, "labels": labels(args.server)}
    if not awaited:
        found["annotations"] = {"pulumi.com/skipAwait": "true"}
    return found


def account_metadata(args: PostgresServerArgs) -> dict[str, Any]:
    """Metadata of the account, which carries the role that opens the store of its backups."""
    found = metadata(args)
    role = args.shape.backup.store.iam_role if args.shape.backup else ""
    return {**found, "annotations": {ROLE_ANNOTATION: role}} if role else found


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


def uid(server: KubernetesObject) -> pulumi.Output[str]:
    """Which StatefulSet of this name it is, unknown in a preview of a new one.

    What the preview of a change echoes does not always say.
    """

    def told(known: list[Any]) -> Any:
        found = (known[1] or {}).get("uid")
        return pulumi.UNKNOWN if found is None and pulumi.runtime.is_dry_run() else str(found)

    return pulumi.Output.all(server.id, server.metadata).apply(told)


class PostgresServer(Component):
    """The StatefulSet with its Service and its account, which has no rights and no token."""

    service: pulumi.Output[str]
    stateful_set: pulumi.Output[str]
    uid: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresServer", name, opts)
        account = KubernetesObject(
            f"{name}-account",
            SERVICE_ACCOUNT,
            metadata=account_metadata(args),
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
            STATEFUL_SET if args.running else STOPPED_STATEFUL_SET,
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
        self.uid = uid(server)
        # Another generation in the same run is another status: whoever reads it comes after this one.
        self.stateful_set = once(server, f"{args.namespace}/{args.server}")
        self.register_outputs({"service": self.service})
