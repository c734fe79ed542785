"""Pods under Pod Security's `restricted`: upstream's own examples, and the objects that describe pods."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from policy.rules.pod_security import refusals
from policy.rules.pods import TEMPLATES
from tests.unit.policy.judging import UNKNOWN, judge

# k8s.io/pod-security-admission v0.34.4, test/testdata/restricted/v1.34: metadata and spec of each pod.
UPSTREAM: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "pod-security-restricted.json").read_text()
)
GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": "i",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def described(group: str, kind: str, spec: Any) -> dict[str, Any]:
    """An object of the kind that describes a pod."""
    found: Any = {"spec": spec}
    for part in reversed(TEMPLATES[group, kind]):
        found = {part: found}
    version = "v1" if group == "core" else f"{group}/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "it", "namespace": "rhsi"}, **found}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good pod with another value at a path."""
    spec: Any = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    target = spec
    for part in parents:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    target[last] = value
    found: dict[str, Any] = spec
    return found


@pytest.mark.parametrize("name", UPSTREAM["pass"])
def test_what_the_standard_admits_is_allowed(name: str) -> None:
    pod = UPSTREAM["pass"][name]
    assert not list(refusals(pod["metadata"], pod["spec"]))


@pytest.mark.parametrize("name", UPSTREAM["fail"])
def test_what_the_standard_refuses_is_refused(name: str) -> None:
    pod = UPSTREAM["fail"][name]
    assert list(refusals(pod["metadata"], pod["spec"]))


@pytest.mark.parametrize(("group", "kind"), TEMPLATES)
def test_every_object_that_describes_a_pod_is_judged(group: str, kind: str) -> None:
    assert not judge("pod-security-restricted", described(group, kind, GOOD))
    (said,) = judge("pod-security-restricted", described(group, kind, changed("hostNetwork", True)))
    path = ".".join([*TEMPLATES[group, kind], "spec"])
    assert said == (f"{kind} rhsi/it: {path}.hostNetwork is true, which Pod Security's restricted refuses; remove it.")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("securityContext.runAsUser", 0.0, "spec.securityContext.runAsUser is 0"),
        ("securityContext.runAsNonRoot", False, "spec.securityContext.runAsNonRoot is false"),
        ("securityContext.seccompProfile.type", "Unconfined", 'seccompProfile.type is "Unconfined"'),
        ("containers.0.securityContext.allowPrivilegeEscalation", True, "allowPrivilegeEscalation is true"),
        ("containers.0.securityContext.capabilities.add", ["SYS_ADMIN"], 'capabilities.add is "SYS_ADMIN"'),
        ("containers.0.ports", [{"hostPort": 80.0}], "spec.containers[0].ports[0].hostPort is 80"),
        ("volumes", [{"name": "v", "hostPath": {"path": "/"}}], 'spec.volumes[0] is "hostPath"'),
    ],
)
def test_a_refusal_names_the_field_and_its_value(path: str, value: Any, said: str) -> None:
    messages = judge("pod-security-restricted", described("batch", "Job", changed(path, value)))
    assert said in messages[0]


def test_a_missing_field_is_named_with_where_to_set_it() -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    fields = [
        message.split(" is not set")[0].rpartition("securityContext.")[2]
        for message in judge("pod-security-restricted", described("core", "Pod", spec))
    ]
    assert fields == ["allowPrivilegeEscalation", "capabilities.drop", "seccompProfile.type", "runAsNonRoot"]


@pytest.mark.parametrize(
    "path",
    [
        "securityContext",
        "securityContext.runAsNonRoot",
        "securityContext.seccompProfile",
        "securityContext.seccompProfile.type",
        "containers",
        "containers.0.securityContext",
        "containers.0.securityContext.allowPrivilegeEscalation",
        "containers.0.securityContext.capabilities",
        "containers.0.securityContext.capabilities.drop",
        "volumes",
        "hostNetwork",
    ],
)
def test_what_a_preview_does_not_know_is_not_refused(path: str) -> None:
    assert not judge("pod-security-restricted", described("core", "Pod", changed(path, UNKNOWN)))


def test_a_container_is_named_by_its_place_also_behind_one_that_is_not_known() -> None:
    (said,) = judge(
        "pod-security-restricted",
        described(
            "core", "Pod", {**GOOD, "containers": [UNKNOWN, {**GOOD["containers"][0], "ports": [{"hostPort": 8}]}]}
        ),
    )
    assert "spec.containers[1].ports[0].hostPort" in said


def test_an_object_without_a_pod_is_not_judged() -> None:
    pod = described("core", "Pod", GOOD)
    assert not judge("pod-security-restricted", {**pod, "spec": None})
    assert not judge("pod-security-restricted", {**pod, "spec": UNKNOWN})
    assert not judge("pod-security-restricted", {**pod, "kind": "Service", "spec": changed("hostNetwork", True)})
