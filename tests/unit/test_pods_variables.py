"""The environment and the command of a container."""

import base64
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods.containers.variables import (
    ContainerConfigError,
    Kind,
    command_line,
    environment,
    expand,
    pod_field,
)

POD: Manifest = {
    "metadata": {
        "name": "claim-abcde",
        "namespace": "rhsi",
        "uid": "pod-uid",
        "labels": {"batch.kubernetes.io/controller-uid": "job-uid", "app": 'say "hi"'},
    },
    "spec": {"nodeName": "lab", "serviceAccountName": "claim"},
    "status": {"podIP": "127.128.0.7", "hostIP": "127.0.0.1"},
}
OBJECTS: dict[tuple[Kind, str], Manifest] = {
    ("Secret", "token"): {"data": {"code": base64.b64encode(b"a secret").decode()}},
    ("ConfigMap", "settings"): {"data": {"mode": "fast", "level": "1"}},
}
SERVICE = {
    "KUBERNETES_SERVICE_HOST": "127.0.0.1",
    "KUBERNETES_SERVICE_PORT": "6443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "6443",
}


def find(kind: Kind, name: str) -> Manifest | None:
    return OBJECTS.get((kind, name))


def variables(**container: Any) -> dict[str, str]:
    return environment(POD, {"name": "main", **container}, find, api_host="127.0.0.1", api_port=6443)


def from_secret(name: str, key: str, *, optional: bool = False) -> Manifest:
    return {"name": "X", "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": optional}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $(A", "$A ${A} $(A"),
        ("$(A)$", "1$"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_a_container_that_asks_for_nothing_gets_the_api_servers_address_only() -> None:
    assert variables() == SERVICE


def test_a_label_can_be_a_variable() -> None:
    path = "metadata.labels['batch.kubernetes.io/controller-uid']"
    made = variables(env=[{"name": "JOB_UID", "valueFrom": {"fieldRef": {"fieldPath": path}}}])
    assert made["JOB_UID"] == "job-uid"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "claim-abcde"),
        ("metadata.namespace", "rhsi"),
        ("metadata.uid", "pod-uid"),
        ("spec.serviceAccountName", "claim"),
        ("status.podIP", "127.128.0.7"),
        ("status.hostIP", "127.0.0.1"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['absent']", ""),
        ("metadata.labels", 'app="say \\"hi\\""\nbatch.kubernetes.io/controller-uid="job-uid"'),
    ],
)
def test_fields_are_read_by_their_path(path: str, expected: str) -> None:
    assert pod_field(POD, path) == expected


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ContainerConfigError, match=r"field label not supported: spec\.colour"):
        pod_field(POD, "spec.colour")


def test_values_may_use_the_variables_before_them_and_the_service_but_not_those_of_whole_objects() -> None:
    made = variables(
        envFrom=[{"configMapRef": {"name": "settings"}}],
        env=[
            {"name": "LATE", "value": "$(FIRST)"},
            {"name": "FIRST", "value": "1"},
            {"name": "BOTH", "value": "$(FIRST) $(KUBERNETES_SERVICE_PORT) $(mode)"},
        ],
    )
    assert (made["LATE"], made["BOTH"], made["mode"]) == ("$(FIRST)", "1 6443 $(mode)", "fast")


def test_whole_objects_take_a_prefix_and_lose_against_single_variables() -> None:
    made = variables(
        envFrom=[{"prefix": "P_", "configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "settings"}}],
        env=[{"name": "mode", "value": "slow"}],
    )
    assert (made["P_mode"], made["mode"], made["level"]) == ("fast", "slow", "1")


def test_a_secrets_key_is_decoded() -> None:
    assert variables(env=[from_secret("token", "code")])["X"] == "a secret"


def test_what_is_optional_may_be_absent() -> None:
    made = variables(
        envFrom=[{"secretRef": {"name": "absent", "optional": True}}],
        env=[from_secret("absent", "code", optional=True), from_secret("token", "absent", optional=True)],
    )
    assert made == SERVICE


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"env": [from_secret("absent", "code")]}, 'secret "absent" not found'),
        ({"env": [from_secret("token", "absent")]}, "couldn't find key absent in Secret rhsi/token"),
        ({"envFrom": [{"configMapRef": {"name": "absent"}}]}, 'configmap "absent" not found'),
    ],
)
def test_what_is_missing_is_said_in_a_kubelets_words(container: Manifest, message: str) -> None:
    with pytest.raises(ContainerConfigError, match=message) as caught:
        variables(**container)
    assert caught.value.reason == "CreateContainerConfigError"


def test_command_and_arguments_are_one_list_with_references_filled_in() -> None:
    container = {"name": "main", "command": ["sh", "-c"], "args": ["echo $(A) $(B)"]}
    assert command_line(container, {"A": "1"}) == ("sh", "-c", "echo 1 $(B)")


@pytest.mark.parametrize(
    "container", [{"name": "main"}, {"name": "main", "args": ["x"]}, {"name": "main", "command": []}]
)
def test_without_a_command_the_lab_has_nothing_to_run(container: Manifest) -> None:
    with pytest.raises(ContainerConfigError, match="no images") as caught:
        command_line(container, {})
    assert caught.value.reason == "CreateContainerError"
