"""The parts of a pod that make it admissible under OpenShift's restricted-v2 and under Kubernetes' restricted standard.

Owns who the pod runs as, where, and how it gets its Secrets; what runs in it is up to the component that asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

# Below it a folder for each Secret.
SECRETS = "/secrets"


@dataclass(frozen=True, kw_only=True)
class SecretFile:
    """One file of a Secret whose others are not the pod's business."""

    secret: pulumi.Input[str]
    file: str


@dataclass(frozen=True, kw_only=True)
class PodShape:
    """Where a pod runs and what pulls its images.

    Attributes:
        image_pull_secrets: names of Secrets in its namespace. A pod that names one does not get its account's.
        node_selector: labels of the nodes that may run it.
        tolerations: taints that it bears, as manifests.
        priority_class: name of a PriorityClass, empty for the cluster's default.
    """

    image_pull_secrets: tuple[str, ...]
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    priority_class: str


def pull_secrets(*names: str) -> list[dict[str, str]]:
    """References to Secrets, each once and none for an empty name."""
    return [{"name": name} for name in dict.fromkeys(names) if name]


def placement(shape: PodShape, *more_pull_secrets: str) -> dict[str, Any]:
    """The fields of a pod's spec that the shape decides; what is empty is absent, as in a pod that nobody shaped."""
    fields = {
        "imagePullSecrets": pull_secrets(*more_pull_secrets, *shape.image_pull_secrets),
        "nodeSelector": dict(shape.node_selector),
        "tolerations": [dict(one) for one in shape.tolerations],
        "priorityClassName": shape.priority_class,
    }
    return {name: value for name, value in fields.items() if value}


def pod_security(run_as_user: int, *, volumes: bool) -> dict[str, Any]:
    """Who the pod is; UID 0 stands for "as the cluster assigns", which OpenShift does together with the group.

    With `volumes` the pod gets that group too: the files of Secrets and of fresh volumes belong to root and to it.
    """
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if run_as_user:
        security["runAsUser"] = run_as_user
    if run_as_user and volumes:
        security["fsGroup"] = run_as_user
    return security


def container_security() -> dict[str, Any]:
    """What a container may do: nothing beyond its files, and those only where a volume is."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def secret_volume(folder: str, secret: pulumi.Input[str] | SecretFile) -> dict[str, Any]:
    """A Secret, or one file of it, as a volume that the pod reads by its group and nobody else does."""
    if isinstance(secret, SecretFile):
        items = [{"key": secret.file, "path": secret.file}]
        return {"name": folder, "secret": {"secretName": secret.secret, "defaultMode": 0o440, "items": items}}
    return {"name": folder, "secret": {"secretName": secret, "defaultMode": 0o440}}


def secret_mount(folder: str) -> dict[str, Any]:
    """The mount of such a volume, at `/secrets/<folder>`."""
    return {"name": folder, "mountPath": f"{SECRETS}/{folder}", "readOnly": True}
