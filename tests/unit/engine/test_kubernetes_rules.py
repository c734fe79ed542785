"""What the kubernetes provider decides without a server: differences, waits, words."""

import base64
import json
import threading
from typing import Any

import pytest

from lab.engine.providers.base import Request
from lab.engine.providers.kubernetes import job, objects, stateful_set, waiting
from lab.engine.providers.kubernetes.cluster import ApiError, UnansweredError
from lab.engine.providers.kubernetes.diff import force_new, object_diff
from lab.engine.providers.kubernetes.jsonpath import JSONPath, JSONPathError
from lab.engine.providers.kubernetes.naming import named
from lab.engine.providers.kubernetes.settings import Settings, diff_settings
from lab.engine.values import UNKNOWN, Secret

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


def test_secrets_of_the_inputs_are_secret_in_the_outputs() -> None:
    origin = {"spec": {"a": Secret("x"), "b": [1, Secret(2)]}, "metadata": {"name": "n"}}
    live = {"kind": "Site", "spec": {"a": "x", "b": [1, 2], "c": 3}, "metadata": {"name": "n"}, "status": {}}
    outputs = objects.checkpoint({"spec": {"a": "x"}}, live, origin, "v1", "m")
    assert outputs["spec"] == {"a": Secret("x"), "b": Secret([1, 2]), "c": 3}
    assert outputs["__inputs"] == {"spec": {"a": Secret("x")}}
    assert objects.split_checkpoint(outputs) == ({"spec": {"a": "x"}}, live)


def test_the_data_of_a_secret_is_always_secret() -> None:
    outputs = objects.checkpoint({}, {"kind": "Secret", "data": {"a": "eA=="}}, {}, "v1", "m")
    assert outputs["data"] == Secret({"a": "eA=="})


def request(news: dict[str, Any], olds: dict[str, Any] | None = None) -> Request:
    return Request(urn="urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::thing", news=news, olds=olds)


def test_an_unnamed_object_gets_a_name_and_keeps_it() -> None:
    first = named(request({"kind": "ConfigMap"}), lambda _: "here")
    name = first["metadata"]["name"]
    assert name.startswith("thing-")
    assert len(name) == len("thing-") + 8
    assert first["metadata"] == {"name": name, "annotations": {objects.AUTONAMED: "true"}, "namespace": "here"}
    assert named(request({"kind": "ConfigMap"}, first), lambda _: "here") == first


def test_a_given_name_and_namespace_stay_even_if_unknown() -> None:
    metadata = {"name": UNKNOWN, "namespace": UNKNOWN}
    assert named(request({"kind": "ConfigMap", "metadata": metadata}), lambda _: "here")["metadata"] == metadata


def body(*conditions: dict[str, Any], generation: int = 2, **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": generation}, "status": {"conditions": list(conditions), **status}}


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("wait_for", "live", "holds"),
    [
        ("condition=Ready", body(READY), True),
        ("condition=ready=true", body(READY), True),
        ("condition=Ready=False", body(READY), False),
        ("condition=Ready", body(), False),
        ("condition=Ready", body({**READY, "observedGeneration": 1}), False),
        ("condition=Ready", body({**READY, "observedGeneration": 2}, observedGeneration=1), True),
        ("condition=Ready", body(READY, observedGeneration=1), False),
        ("jsonpath={.status.code}", body(code="x"), True),
        ("jsonpath={.status.code}", body(code=""), True),
        ("jsonpath={.status.code}", body(), False),
        ("jsonpath={.status.code}", body({**READY, "observedGeneration": 1}, code="x"), True),
        ("jsonpath={.status.code}", body(code="x", observedGeneration=1), False),
        ("jsonpath={.status.phase}=Running", body(phase="Running"), True),
        ("jsonpath={.status.phase}=Running", body(phase="Pending"), False),
        ('["condition=Ready", "jsonpath={.status.code}"]', body(READY, code="x"), True),
        ('["condition=Ready", "jsonpath={.status.code}"]', body(READY), False),
    ],
)
def test_wait_expressions(wait_for: str, live: dict[str, Any], holds: bool) -> None:
    live["metadata"]["annotations"] = {objects.WAIT_FOR: wait_for}
    condition = waiting.requested_condition(live)
    assert condition is not None
    assert condition(live) is holds


def test_an_object_without_the_annotation_asks_for_no_wait() -> None:
    assert waiting.requested_condition(body()) is None


@pytest.mark.parametrize(
    ("wait_for", "message"),
    [
        ("Ready", 'expected a "jsonpath=" or "condition=" prefix, got "Ready"'),
        ("jsonpath=.status", "should be wrapped in brackets"),
        ("jsonpath='{.status}'", "should omit shell quotes"),
        ("jsonpath={.a}=", "requires a value"),
        ("jsonpath={.a}=b=c", "format should be"),
        ("[]", "at least one condition must be specified"),
    ],
)
def test_malformed_wait_expressions_are_named(wait_for: str, message: str) -> None:
    live = {"metadata": {"annotations": {objects.WAIT_FOR: wait_for}}}
    with pytest.raises(JSONPathError) as caught:
        waiting.requested_condition(live)
    assert message in str(caught.value)


DOCUMENT = {
    "a": {"b": [{"t": "x", "n": 1, "ok": True}, {"t": "y", "n": 2.5}], "d.e": "dotted"},
    "conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}],
}


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("{.a.b[0].t}=x", True),
        ("{.a.b[-1].n}=2.5", True),
        ("{.a.b[0].ok}=true", True),
        ("{.a.b[5]}", False),
        ("{$.a['d.e']}=dotted", True),
        ('{.a["d.e"]}=other', False),
        ("{.a.b[*].t}=x", True),
        ("{..t}=x", True),
        ("{.a.b}", True),
        ("{.a.b}=x", False),
        ("{.conditions[?(@.type=='Ready')].status}=True", True),
        ('{.conditions[?@.type=="Old"].status}=True', False),
        ("{.conditions[?(@.type=='None')].status}", False),
        ("{.conditions[?@.status].type}=Ready", True),
        ("{.a.b[?@.n==1].t}=x", True),
        ("{.a.b[?@.t!='x'].t}=y", True),
    ],
)
def test_json_paths(expression: str, matches: bool) -> None:
    assert JSONPath.parse(f"jsonpath={expression}").matches(DOCUMENT) is matches


def pod(**status: Any) -> dict[str, Any]:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"}]
    ready = {"type": "Ready", "status": "False", "reason": "PodFailed"}
    container = {"name": "main", "ready": False, "state": {"terminated": {"reason": "Error", "exitCode": 1, **status}}}
    return {
        "metadata": {"name": "job-x", "namespace": "n", "ownerReferences": [{"uid": "u"}]},
        "status": {"conditions": [*conditions, ready], "phase": "Failed", "containerStatuses": [container]},
    }


def test_a_failed_pod_speaks_through_its_termination_message() -> None:
    assert job.pod_message(pod(message="the grant has expired")) == "[Pod n/job-x]: [Error] the grant has expired"
    assert job.pod_message(pod()) == '[Pod n/job-x]: container "main" completed with exit code 1'


@pytest.mark.parametrize("missing", ["PodScheduled", "Initialized", "Ready"])
def test_a_pod_says_nothing_before_it_reports_its_conditions(missing: str) -> None:
    silent = pod(message="x")
    conditions = silent["status"]["conditions"]
    silent["status"]["conditions"] = [item for item in conditions if item["type"] != missing]
    assert job.pod_message(silent) == ""


def test_a_waiting_image_pull_and_a_restart_are_told() -> None:
    waits = pod()
    waits["status"]["containerStatuses"] = [
        {
            "name": "main",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 2, "finishedAt": "t", "message": "last words"}},
        }
    ]
    assert job.pod_message(waits) == (
        "[Pod n/job-x]: [ImagePullBackOff] no such image\n"
        'container "main" terminated at t (Error: exit code 2)\nlast words'
    )


def job_with(*conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": "job", "namespace": "n", "uid": "u"},
        "status": {"startTime": "t", "conditions": [*conditions]},
    }


def test_a_job_is_complete_failed_or_neither() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    assert job.is_complete(job_with({"type": "Complete", "status": "True"}))
    assert not job.is_complete(job_with())
    assert job.failure(job_with(failed)) == "[BackoffLimitExceeded] too often"
    assert job.failure(job_with()) == ""


def stateful_set_with(**status: Any) -> dict[str, Any]:
    usual = {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "a"}
    metadata = {"name": "db", "namespace": "n", "uid": "u", "generation": 2}
    return {"metadata": metadata, "spec": {"replicas": 1}, "status": {"observedGeneration": 2, **usual, **status}}


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, True),
        ({"observedGeneration": 1}, False),
        ({"updateRevision": "b"}, False),
        ({"currentRevision": "", "updateRevision": ""}, False),
        ({"readyReplicas": 0}, False),
        ({"replicas": 2}, False),
    ],
)
def test_a_stateful_set_is_ready_with_all_replicas_of_the_newest_revision(status: dict[str, Any], ready: bool) -> None:
    assert stateful_set.is_ready(stateful_set_with(**status)) is ready


Events = list[tuple[str, dict[str, Any]]]


class Scripted:
    """A cluster that answers with a script of lists and events."""

    def __init__(self, items: list[dict[str, Any]], events: Events) -> None:
        self._items = items
        self._events = events

    def list(self, *_: Any) -> tuple[list[dict[str, Any]], str]:
        return self._items, "1"

    def watch(self, *_: Any) -> Events:
        events, self._events = self._events, []
        return events


def watcher(items: list[dict[str, Any]], events: Events) -> waiting.Watcher:
    return waiting.Watcher(Scripted(items, events), threading.Event())  # type: ignore[arg-type] # as much as a wait asks


def widget(code: str = "", uid: str = "u") -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "n", "uid": uid, "resourceVersion": "1"}
    return {"apiVersion": "e/v1", "kind": "W", "metadata": metadata, "status": {"code": code} if code else {}}


def has_code(live: dict[str, Any]) -> bool:
    return "code" in live["status"]


def test_a_wait_ends_with_the_event_that_fulfils_it() -> None:
    events = [("MODIFIED", widget("other", uid="v")), ("MODIFIED", widget("x"))]
    assert watcher([widget()], events).until(widget(), 5, has_code) == widget("x")


def test_a_wait_in_vain_ends_with_the_last_state() -> None:
    with pytest.raises(waiting.WaitError, match="timed out waiting for the condition") as caught:
        watcher([widget()], []).until(widget(), 0.1, has_code)
    assert caught.value.live == widget()


def test_a_cancelled_wait_ends_at_once() -> None:
    waits = watcher([widget()], [])
    waits.cancelled.set()
    with pytest.raises(waiting.WaitError, match="context canceled"):
        waits.until(widget(), 60, has_code)


class Unsteady(Scripted):
    """Fails each list with the next of these errors before it answers."""

    def __init__(self, errors: list[ApiError], events: Events) -> None:
        super().__init__([widget()], events)
        self._errors = errors

    def list(self, *arguments: Any) -> tuple[list[dict[str, Any]], str]:
        if self._errors:
            raise self._errors.pop(0)
        return super().list(*arguments)

    def watch(self, *arguments: Any) -> Events:
        """The first one breaks; the server is back as one that does not know its roles yet."""
        if self._events:
            self._errors = [UnansweredError("EOF"), ApiError(403, "forbidden", {})]
            self._items, self._events = [widget("x")], []
            raise UnansweredError("EOF")
        return super().watch(*arguments)


def unsteady(errors: list[ApiError], monkeypatch: pytest.MonkeyPatch) -> waiting.Watcher:
    monkeypatch.setattr(waiting, "_AGAIN_SECONDS", 0)
    return waiting.Watcher(Unsteady(errors, [("BROKEN", {})]), threading.Event())  # type: ignore[arg-type] # as above


def test_a_wait_outlives_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unsteady([UnansweredError("refused")], monkeypatch).until(widget(), 60, has_code) == widget("x")


def test_a_wait_without_the_right_to_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(waiting.WaitError, match="forbidden"):
        unsteady([ApiError(403, "forbidden", {})], monkeypatch).until(widget(), 60, has_code)


def test_an_object_is_gone_when_it_is_not_listed_or_its_deletion_is_seen() -> None:
    watcher([], []).until_gone(widget(), 5)
    watcher([widget()], [("DELETED", widget())]).until_gone(widget(), 5)
    with pytest.raises(waiting.WaitError, match="timed out"):
        watcher([widget()], []).until_gone(widget(), 0.1)


def test_another_cluster_replaces_everything_unless_an_identifier_stays() -> None:
    old = {"context": "a", "kubeconfig": ""}
    assert diff_settings(old, {**old, "context": "b"}).replace == ["context"]
    marked = {**old, "clusterIdentifier": "one"}
    assert diff_settings(marked, {**marked, "context": "b"}).replace == []
    assert diff_settings(marked, {**marked, "clusterIdentifier": "two"}).replace == ["clusterIdentifier"]
    assert not diff_settings(marked, {**marked}).changes


def test_a_kubeconfig_that_leads_to_the_same_server_replaces_nothing() -> None:
    def config(user: str, server: str) -> str:
        cluster = {"name": "c", "cluster": {"server": server}}
        context = {"name": "x", "context": {"cluster": "c", "user": user}}
        return json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "x"})

    old = {"kubeconfig": config("a", "https://one")}
    assert diff_settings(old, {"kubeconfig": config("b", "https://one")}).replace == []
    assert diff_settings(old, {"kubeconfig": config("a", "https://two")}).replace == ["kubeconfig"]


def test_settings_are_read_as_the_sdk_sends_them() -> None:
    settings = Settings.of(
        {"kubeconfig": "", "context": "c", "upsertExistingObjects": "true", "enablePatchForce": "false"}
    )
    assert (settings.context, settings.upsert, settings.force) == ("c", True, False)
