"""The parts of a pod that make it admissible under OpenShift's restricted-v2 and under Kubernetes' restricted standard.

Owns who the pod runs as and how it gets its Secrets; what runs in it is the business of the component that asks.
"""

import pulumi
from pulumi_kubernetes.core.v1 import (
    PodSecurityContextArgsDict,
    SecurityContextArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

# Below it a folder for each Secret.
SECRETS = "/secrets"


def pod_security(run_as_user: int, *, volumes: bool) -> PodSecurityContextArgsDict:
    """Who the pod is; UID 0 stands for "as the cluster assigns", which OpenShift does together with the group.

    With `volumes` the pod gets that group too: the files of Secrets and of fresh volumes belong to root and to it.
    """
    security: PodSecurityContextArgsDict = {"run_as_non_root": True, "seccomp_profile": {"type": "RuntimeDefault"}}
    if run_as_user:
        security["run_as_user"] = run_as_user
    if run_as_user and volumes:
        security["fs_group"] = run_as_user
    return security


def container_security() -> SecurityContextArgsDict:
    """What a container may do: nothing beyond its files, and those only where a volume is."""
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "read_only_root_filesystem": True,
    }


def secret_volume(folder: str, secret: pulumi.Input[str]) -> VolumeArgsDict:
    """A Secret as a volume that the pod reads by its group and nobody else does."""
    return {"name": folder, "secret": {"secret_name": secret, "default_mode": 0o440}}


def secret_mount(folder: str) -> VolumeMountArgsDict:
    """The mount of such a volume, at `/secrets/<folder>`."""
    return {"name": folder, "mount_path": f"{SECRETS}/{folder}", "read_only": True}
