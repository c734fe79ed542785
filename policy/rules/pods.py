"""Pods that a namespace under Pod Security's `restricted` would refuse, in whatever object they are described."""

from collections.abc import Iterator, Mapping
from typing import Any

from .pod_security import refusals
from .resource import Resource, at
from .rule import MANDATORY, Rule, Settings

# Where the pod is described: group and kind -> the path of what has its `metadata` and `spec`.
TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("core", "Pod"): (),
    ("core", "ReplicationController"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}


def pod_of(resource: Resource) -> tuple[str, Any] | None:
    """Where a pod is described, as the beginning of a path, and the description; None where there is none."""
    path = TEMPLATES.get((resource.group_version.rpartition("/")[0], resource.kind))
    return None if path is None else ("".join(f"{part}." for part in path), resource.at(*path))


def restricted(resource: Resource, _settings: Settings) -> Iterator[str]:
    """The standard refuses nothing about the pod."""
    found = pod_of(resource)
    if found is None or not isinstance(spec := at(found[1], "spec"), Mapping):
        return
    prefix, pod = found
    for refusal in refusals(at(pod, "metadata"), spec):
        path = refusal.path if refusal.path.startswith("metadata") else f"spec.{refusal.path}"
        yield f"{resource}: {prefix}{path} {refusal.said}."


RULES = (
    Rule(
        name="pod-security-restricted",
        description="Pods are admissible under Pod Security's standard restricted.",
        level=MANDATORY,
        reason=(
            "A namespace that enforces it refuses the pod only when its controller makes it: `up` then waits until its "
            "timeout, and the reason is an event."
        ),
        check=restricted,
    ),
)
