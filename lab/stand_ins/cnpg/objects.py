"""The objects that the operator makes for a Cluster, apart from its Secrets. Pure functions.

Upstream: pkg/specs (services.go, pods.go, serviceaccount.go, poddisruptionbudget.go), persistentvolumeclaim in
pkg/reconciler. Role, RoleBinding, Lease and the metrics' ConfigMap are left out: nothing on the lab would read them.
"""

from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import MANAGER, Group
from lab.stand_ins.cnpg.validation import major_version
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.pods import status as kubelet
from lab.stand_ins.pods.cluster import NODE
from lab.stand_ins.pods.status import ContainerRecord, running

PORT = 5432
SERVICES = {
    "rw": {"instanceRole": "primary"},
    "ro": {"instanceRole": "replica"},
    "r": {"podRole": "instance"},
}
"""Suffix of a Service's name -> labels of the pods behind it."""


def instance_name(cluster: str, serial: int) -> str:
    """The name of an instance's pod and claim."""
    return f"{cluster}-{serial}"


def owner(group: Group, cluster: Manifest) -> list[Manifest]:
    """Owner references as upstream writes them: a controller, which deletion does not wait for."""
    return [
        {
            "apiVersion": group.cluster.api_version,
            "kind": "Cluster",
            "name": cluster["metadata"]["name"],
            "uid": cluster["metadata"]["uid"],
            "controller": True,
        }
    ]


def is_owned(group: Group, cluster: Manifest, found: Manifest) -> bool:
    """Whether the operator made an object for this Cluster."""
    references = found["metadata"].get("ownerReferences") or []
    wanted = (group.cluster.api_version, "Cluster", cluster["metadata"]["name"])
    return any((one["apiVersion"], one["kind"], one["name"]) == wanted for one in references)


def metadata(group: Group, cluster: Manifest, name: str, labels: Manifest | None = None) -> Manifest:
    """Name, namespace, owner and the inherited labels and annotations."""
    inherited = cluster["spec"].get("inheritedMetadata", {})
    return {
        "name": name,
        "namespace": cluster["metadata"]["namespace"],
        "labels": {
            **inherited.get("labels", {}),
            group.label("cluster"): cluster["metadata"]["name"],
            "app.kubernetes.io/managed-by": MANAGER,
            **(labels or {}),
        },
        "annotations": dict(inherited.get("annotations", {})),
        "ownerReferences": owner(group, cluster),
    }


def _application(cluster: Manifest) -> Manifest:
    return {
        "app.kubernetes.io/name": "postgresql",
        "app.kubernetes.io/instance": cluster["metadata"]["name"],
        "app.kubernetes.io/version": str(major_version(cluster["spec"].get("imageName", "")) or ""),
        "app.kubernetes.io/component": "database",
    }


def service_account(group: Group, cluster: Manifest) -> Manifest:
    """The instances' account, with the pull secrets and the metadata of the spec."""
    given = cluster["spec"].get("serviceAccountTemplate", {}).get("metadata", {})
    made = metadata(group, cluster, cluster["metadata"]["name"], given.get("labels"))
    made["annotations"] |= given.get("annotations", {})
    return {
        "metadata": made,
        "imagePullSecrets": cluster["spec"].get("imagePullSecrets", []),
    }


def services(group: Group, cluster: Manifest) -> list[Manifest]:
    """`<cluster>-rw`, `-ro` and `-r`."""
    name = cluster["metadata"]["name"]
    return [
        {
            "metadata": metadata(group, cluster, f"{name}-{suffix}", _application(cluster)),
            "spec": {
                "type": "ClusterIP",
                "ports": [{"name": "postgres", "protocol": "TCP", "port": PORT, "targetPort": PORT}],
                "selector": {
                    group.label("cluster"): name,
                    **{group.label(label): value for label, value in selected.items()},
                },
            },
        }
        for suffix, selected in SERVICES.items()
    ]


def disruption_budgets(group: Group, cluster: Manifest) -> dict[str, Manifest | None]:
    """The budgets by name: of the primary, and of the replicas where there are two; None where there shall be none."""
    name, instances = cluster["metadata"]["name"], cluster["spec"]["instances"]
    enabled = cluster["spec"].get("enablePDB", True)

    def budget(suffix: str, role: str, available: int) -> Manifest:
        selector = {group.label("cluster"): name, group.label("instanceRole"): role}
        return {
            "metadata": metadata(group, cluster, f"{name}{suffix}", _application(cluster)),
            "spec": {"minAvailable": available, "selector": {"matchLabels": selector}},
        }

    return {
        f"{name}-primary": budget("-primary", "primary", 1) if enabled else None,
        name: budget("", "replica", instances - 2) if enabled and instances > 2 else None,
    }


def volume_claim(group: Group, cluster: Manifest, serial: int) -> Manifest:
    """An instance's data. Its annotation says whether a whole data folder is in it."""
    name = instance_name(cluster["metadata"]["name"], serial)
    storage = cluster["spec"]["storage"]
    labels = {group.label("instanceName"): name, group.label("pvcRole"): "PG_DATA"}
    made = metadata(group, cluster, name, labels)
    made["annotations"] |= {group.label("nodeSerial"): str(serial), group.label("pvcStatus"): "initializing"}
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage["size"]}}}
    if "storageClass" in storage:
        spec["storageClassName"] = storage["storageClass"]
    return {"metadata": made, "spec": spec}


def has_data(group: Group, claim: Manifest) -> bool:
    """Whether a claim holds a whole data folder."""
    return bool((claim["metadata"].get("annotations") or {}).get(group.label("pvcStatus")) == "ready")


def pod(group: Group, cluster: Manifest, serial: int, *, primary: bool) -> Manifest:
    """An instance's pod, placed by its node's name: the operator itself runs what is in it."""
    name, spec = instance_name(cluster["metadata"]["name"], serial), cluster["spec"]
    labels = {group.label("instanceName"): name, group.label("podRole"): "instance", **role_labels(group, primary)}
    made = metadata(group, cluster, name, {**_application(cluster), **labels})
    made["annotations"] |= {group.label("nodeSerial"): str(serial)}
    container = {
        "name": "postgres",
        "image": spec["imageName"],
        "command": ["/controller/manager", "instance", "run"],
        "ports": [{"name": "postgresql", "containerPort": PORT, "protocol": "TCP"}],
        "resources": spec.get("resources", {}),
        "volumeMounts": [{"name": "pgdata", "mountPath": "/var/lib/postgresql/data"}],
    }
    return {
        "metadata": made,
        "spec": {
            "nodeName": NODE,
            "hostname": name,
            "serviceAccountName": cluster["metadata"]["name"],
            "automountServiceAccountToken": False,
            "imagePullSecrets": spec.get("imagePullSecrets", []),
            "terminationGracePeriodSeconds": spec.get("stopDelay", 1800),
            "tolerations": spec.get("affinity", {}).get("tolerations", []),
            "topologySpreadConstraints": spec.get("topologySpreadConstraints", []),
            "containers": [container],
            "volumes": [{"name": "pgdata", "persistentVolumeClaim": {"claimName": name}}],
        },
    }


def role_labels(group: Group, primary: bool) -> Manifest:
    """By which a Service finds the primary or the replicas."""
    role = "primary" if primary else "replica"
    return {group.label("instanceRole"): role, "role": role}


def pod_status(earlier: Manifest, address: str, image: str, *, ready: bool, in_place: bool = False) -> Manifest:
    """The status as a kubelet sets it, as a strategic merge patch.

    A container that was ready and is not has been restarted, unless only the server in it was (`in_place`).
    """
    (known,) = earlier.get("containerStatuses") or [{}]
    restarted = known.get("ready", False) and not ready and not in_place
    started_at = earlier.get("startTime") or timestamp()
    container = ContainerRecord(
        "postgres",
        image,
        state=known["state"] if known and not restarted else running(timestamp()),
        restart_count=known.get("restartCount", 0) + restarted,
        started=ready,
        ready=ready,
    )
    return kubelet.pod_status(
        [container], "Always", earlier=earlier, started_at=started_at, address=address, has_sandbox=True
    )
