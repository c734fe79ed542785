"""As whom a container runs, and what it may: the decisions of OpenShift's restricted-v2, as pure functions.

Owns the choice of user, groups and root file system. Without `runAsUser` a UID of the namespace's range and group 0
are taken, as the SCC's admission would write them into the pod. Every container runs without capabilities and without
a way to new privileges, whatever it asks for. Does not enforce anything: `confinement.py` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.pods.containers.variables import ContainerConfigError

UID_RANGE_ANNOTATION = "openshift.io/sa.scc.uid-range"
GROUPS_ANNOTATION = "openshift.io/sa.scc.supplemental-groups"
DEFAULT_UID = 1_000_650_000
"""The start of the range of a namespace that carries no annotation, as everywhere outside OpenShift."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """User, group and supplementary groups of a container. `fs_group` owns what its volumes hold."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    fs_group: int
    read_only_root: bool


def _first_of_range(annotations: Mapping[str, str], key: str) -> int | None:
    """The first number of `start/size`, `start-end` or a list of such."""
    first = annotations.get(key, "").split(",")[0].replace("-", "/").split("/")[0].strip()
    return int(first) if first.isdigit() else None


def fs_group(pod: Manifest, annotations: Mapping[str, str]) -> int:
    """The group that owns the files in the pod's volumes; `annotations` are the namespace's."""
    given = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    if given is not None:
        return int(given)
    for key in (GROUPS_ANNOTATION, UID_RANGE_ANNOTATION):
        if (first := _first_of_range(annotations, key)) is not None:
            return first
    return DEFAULT_UID


def identity(pod: Manifest, container: Manifest, annotations: Mapping[str, str]) -> Identity:
    """As whom the container runs; the container's own wishes win over the pod's.

    Raises:
        ContainerConfigError: it asks for root where root is ruled out, or for what the lab has not.
    """
    of_pod = pod["spec"].get("securityContext") or {}
    of_container = container.get("securityContext") or {}
    wishes = {**of_pod, **{key: value for key, value in of_container.items() if value is not None}}
    if wishes.get("privileged"):
        raise ContainerConfigError(
            f"container {container['name']!r} asks for privileged: true, which restricted-v2 refuses: remove it"
        )
    uid = wishes.get("runAsUser")
    if uid is None:
        uid = _first_of_range(annotations, UID_RANGE_ANNOTATION)
        uid = DEFAULT_UID if uid is None else uid
    if wishes.get("runAsNonRoot") and uid == 0:
        metadata = pod["metadata"]
        raise ContainerConfigError(
            "container's runAsUser breaks non-root policy "
            f'(pod: "{metadata["name"]}_{metadata["namespace"]}({metadata["uid"]})", container: {container["name"]})'
        )
    owner = fs_group(pod, annotations)
    groups = dict.fromkeys([owner, *(int(group) for group in of_pod.get("supplementalGroups") or [])])
    return Identity(
        uid=int(uid),
        gid=int(wishes.get("runAsGroup") or 0),
        groups=tuple(groups),
        fs_group=owner,
        read_only_root=bool(wishes.get("readOnlyRootFilesystem")),
    )
