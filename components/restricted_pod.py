"""The parts of a pod that make it admissible under OpenShift's restricted-v2 and under Kubernetes' restricted standard.

Owns who the pod runs as and how it gets its Secrets; what runs in it is the business of the component that asks.
"""

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
