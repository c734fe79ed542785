"""What an object's own annotation asks the kubernetes provider to wait for: conditions and JSON paths."""

from typing import Any

import pytest

from lab.pulumi.kubernetes import objects, waiting
from lab.pulumi.kubernetes.jsonpath import JSONPath, JSONPathError


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
