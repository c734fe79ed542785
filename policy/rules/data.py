"""Data that one command could delete: mounts of Vault, database clusters, volumes, and the namespaces around them."""

from collections.abc import Iterator, Sequence
from typing import Any

from .replication import GROUPS
from .resource import UNKNOWN, Resource
from .rule import ADVISORY, Rule, Settings, StackRule

MOUNT = "vault:index/mount:Mount"
FIX = "protect it (this program: `rhsi:protect: true`; others: ResourceOptions(protect=True))"


def holds(resource: Resource) -> str:
    """What would be lost with a resource; empty for one that holds no data.

    A StatefulSet leaves its volumes unless it says otherwise (`persistentVolumeClaimRetentionPolicy`).
    """
    if resource.token == MOUNT and resource.at("type") in ("kv", "kv-v2", UNKNOWN):
        return "every secret in it"
    if any(resource.is_kubernetes(group, "Cluster") for group in GROUPS):
        return "its databases"
    if resource.is_kubernetes("core", "PersistentVolumeClaim"):
        return "its volume"
    retention = resource.at("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
    if has_volumes(resource) and retention == "Delete":
        return "its volumes (persistentVolumeClaimRetentionPolicy.whenDeleted is Delete)"
    return ""


def has_volumes(resource: Resource) -> bool:
    """Whether it is a StatefulSet with volumes of its own."""
    return resource.is_kubernetes("apps", "StatefulSet") and bool(resource.at("spec", "volumeClaimTemplates"))


def protected(resource: Resource, _settings: Settings) -> Iterator[str]:
    """What holds data is protected."""
    if (lost := holds(resource)) and not resource.protect:
        yield f"{resource} is not protected, and `pulumi destroy` deletes {lost}; {FIX}."


def namespaces_protected(resources: Sequence[Resource], _settings: Settings) -> Iterator[tuple[str, str]]:
    """A namespace with data of this stack is protected: what lies in it goes with it, also what is protected itself."""
    inside: dict[Any, Resource] = {
        resource.at("metadata", "namespace"): resource
        for resource in resources
        if has_volumes(resource) or (resource.group_version and holds(resource))
    }
    for resource in resources:
        name = resource.at("metadata", "name")
        if not resource.is_kubernetes("core", "Namespace") or not isinstance(name, str):
            continue
        if name in inside and not resource.protect:
            yield (
                f"{resource} is not protected, and the volumes of {inside[name]} are deleted with it; {FIX}.",
                resource.urn,
            )


RULES = (
    Rule(
        name="data-protected",
        description="What holds data is protected.",
        level=ADVISORY,
        reason=(
            "`pulumi destroy`, a removed setting or a changed name deletes it, and no backup comes with it. Advisory, "
            "because a stack that is made to be destroyed turns protection off on purpose, and because Pulumi does not "
            "tell a policy of `retainOnDelete`; policy/strict.json makes it mandatory."
        ),
        check=protected,
    ),
    StackRule(
        name="data-namespace-protected",
        description="A namespace that holds data is protected.",
        level=ADVISORY,
        reason=(
            "Deleting a namespace deletes the volumes in it, also those that a StatefulSet would leave. Advisory for "
            "the same reason."
        ),
        check=namespaces_protected,
    ),
)
