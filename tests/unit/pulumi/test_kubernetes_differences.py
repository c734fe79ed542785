"""What the kubernetes provider takes for a difference without asking a server, and which differences replace."""

import base64
from typing import Any

import pytest

from lab.pulumi.kubernetes import objects
from lab.pulumi.kubernetes.diff import force_new, object_diff
from lab.pulumi.values import UNKNOWN

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": {"x": "1"}}
LIVE = {"uid": "u", "resourceVersion": "7", "managedFields": [], "creationTimestamp": "now"}


def differ(old: dict[str, Any], new: dict[str, Any], live: dict[str, Any] | None = None, **flags: Any) -> Any:
    seen = live or {**old, "metadata": {**old["metadata"], **LIVE}, "status": {"seen": True}}
    replacing = force_new(
        new, secret_mutable=flags.get("mutable", False), config_map_mutable=flags.get("mutable", False)
    )
    ignored = flags.get("ignore", [])
    return object_diff(old, seen, new, replacing, ignored, replace_unready=flags.get("unready", False))


def changed(body: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**body, **parts}


def test_what_the_server_adds_is_no_difference() -> None:
    assert not differ(CONFIG_MAP, CONFIG_MAP).changes


def test_drift_that_a_refresh_found_is_a_difference() -> None:
    live = changed(CONFIG_MAP, data={"x": "drift", "other": "y"})
    assert differ(CONFIG_MAP, CONFIG_MAP, live, mutable=True).detailed == {"data.x": "update"}


def test_what_is_empty_may_be_missing_on_the_server() -> None:
    inputs = changed(CONFIG_MAP, data={}, binaryData=None)
    live = {key: value for key, value in CONFIG_MAP.items() if key != "data"}
    assert not differ(inputs, inputs, live).changes


@pytest.mark.parametrize(
    ("body", "settles"),
    [
        ({"apiVersion": "v1", "kind": "ServiceAccount"}, True),
        ({"apiVersion": "batch/v1", "kind": "Job"}, True),
        ({"apiVersion": "v1", "kind": "Secret"}, False),
        ({"apiVersion": "skupper.io/v2alpha1", "kind": "Link"}, False),
        ({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway"}, False),
    ],
)
def test_empty_labels_never_settle_where_inputs_are_compared_as_they_are(body: dict[str, Any], settles: bool) -> None:
    inputs = {**body, "metadata": {"name": "a", "namespace": "n", "labels": {}}}
    live = {**body, "metadata": {"name": "a", "namespace": "n", **LIVE}}
    assert differ(inputs, inputs, live).changes != settles


def test_the_default_namespace_is_the_same_as_none() -> None:
    old = changed(CONFIG_MAP, metadata={"name": "a"})
    assert not differ(old, changed(CONFIG_MAP, metadata={"name": "a", "namespace": "default"})).changes


@pytest.mark.parametrize(
    ("body", "change", "replaced"),
    [
        (CONFIG_MAP, {"data": {"x": "2"}}, ["data.x"]),
        (CONFIG_MAP, {"metadata": {"name": "b", "namespace": "n"}}, ["metadata.name"]),
        (CONFIG_MAP, {"metadata": {"name": "a", "namespace": "n", "labels": {"l": "1"}}}, []),
        ({**CONFIG_MAP, "kind": "Secret"}, {"stringData": {"x": "2"}}, ["stringData"]),
        (
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": "a"},
                "spec": {"template": {"spec": {"x": [1]}}},
            },
            {"spec": {"template": {"spec": {"x": [2]}}}},
            ["spec.template.spec.x[0]"],
        ),
        (
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}},
            {"spec": {"template": {}}},
            ["spec"],
        ),
        (
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "a"},
                "roleRef": {"n": 1},
            },
            {"roleRef": {"n": 2}},
            ["roleRef.n"],
        ),
        (
            {"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "metadata": {"name": "a"}, "spec": {"n": 1}},
            {"spec": {"n": 2}},
            [],
        ),
    ],
)
def test_some_fields_replace_the_object(body: dict[str, Any], change: dict[str, Any], replaced: list[str]) -> None:
    found = differ(body, changed(body, **change))
    assert found.changes
    assert found.replace == replaced


def test_an_object_that_keeps_its_name_makes_room_first() -> None:
    assert differ(CONFIG_MAP, changed(CONFIG_MAP, data={"x": "2"})).delete_before_replace
    renamed = changed(CONFIG_MAP, metadata={"name": "b", "namespace": "n"})
    assert not differ(CONFIG_MAP, renamed).delete_before_replace


def test_an_autonamed_object_is_replaced_by_another_name() -> None:
    metadata = {"name": "a-1", "namespace": "n", "annotations": {objects.AUTONAMED: "true"}}
    old = changed(CONFIG_MAP, metadata=metadata)
    found = differ(old, changed(old, data={"x": "2"}))
    assert found.replace
    assert not found.delete_before_replace


def test_mutable_config_maps_are_updated() -> None:
    assert differ(CONFIG_MAP, changed(CONFIG_MAP, data={"x": "2"}), mutable=True).replace == []


def test_ignored_paths_are_no_difference() -> None:
    assert not differ(CONFIG_MAP, changed(CONFIG_MAP, data={"x": "2"}), ignore=["data.x"]).changes


def test_an_unknown_input_is_a_difference() -> None:
    assert differ(CONFIG_MAP, changed(CONFIG_MAP, data={"x": UNKNOWN}), mutable=True).detailed == {"data.x": "update"}


def test_an_unready_object_is_replaced_without_any_difference() -> None:
    found = differ(CONFIG_MAP, CONFIG_MAP, unready=True)
    assert found.replace == ['.metadata.annotations["pulumi.com/replaceUnready"]']
    assert found.delete_before_replace


@pytest.mark.parametrize(
    ("live", "wanted"), [("1", "1000m"), ("1Gi", "1024Mi"), ("500M", "0.5G"), ("2", 2), ("1e3", "1k"), ("x", "x")]
)
def test_equal_quantities_mean_the_same(live: str, wanted: Any) -> None:
    assert objects.same_meaning(live, wanted)
    assert objects.live_inputs({"a": [live, "more"]}, {"a": [wanted]}) == {"a": [wanted]}


@pytest.mark.parametrize(("live", "wanted"), [("1", "2"), ("1", True), (True, 1), ("abc", "abd"), (None, "x")])
def test_other_values_differ(live: Any, wanted: Any) -> None:
    assert not objects.same_meaning(live, wanted)


def test_string_data_of_a_secret_is_compared_with_its_data() -> None:
    inputs = {"kind": "Secret", "stringData": {"a": "same", "b": "old", "c": "gone"}}
    data = {"a": base64.b64encode(b"same").decode(), "b": base64.b64encode(b"new").decode()}
    assert objects.live_inputs({"kind": "Secret", "data": data}, inputs)["stringData"] == {"a": "same", "b": "new"}
