"""The rules by which a Skupper status is put together."""

import pytest

from lab.kube import Manifest
from lab.stand_ins.skupper import conditions


def manifest(kind: str, generation: int = 1, **spec: object) -> Manifest:
    return {"kind": kind, "metadata": {"name": "x", "generation": generation}, "spec": spec}


def shown(found: Manifest) -> tuple[str, str]:
    return found["status"]["status"], found["status"]["message"]


@pytest.mark.parametrize(
    ("kind", "spec", "steps", "status", "message"),
    [
        ("Site", {}, [("Configured", conditions.READY)], "Pending", "Not Running"),
        ("Site", {}, [("Configured", conditions.READY), ("Running", conditions.READY)], "Ready", "OK"),
        (
            "Site",
            {"linkAccess": "default"},
            [("Configured", conditions.READY), ("Running", conditions.READY)],
            "Pending",
            "Not Resolved",
        ),
        (
            "Site",
            {"linkAccess": "default"},
            [("Configured", conditions.READY), ("Running", conditions.READY), ("Resolved", conditions.pending())],
            "Pending",
            "Pending",
        ),
        (
            "Site",
            {"linkAccess": "none"},
            [("Configured", conditions.READY), ("Running", conditions.READY)],
            "Ready",
            "OK",
        ),
        ("AccessGrant", {}, [("Resolved", conditions.READY)], "Pending", "Not Processed"),
        (
            "AccessGrant",
            {},
            [("Processed", conditions.error("bad")), ("Resolved", conditions.pending())],
            "Error",
            "bad",
        ),
        ("Link", {}, [("Configured", conditions.READY)], "Pending", "Not Operational"),
        (
            "Link",
            {},
            [("Configured", conditions.READY), ("Operational", conditions.pending("Not operational"))],
            "Pending",
            "Not operational",
        ),
        ("Connector", {}, [("Matched", conditions.READY)], "Pending", "Not Configured"),
        ("Listener", {}, [("Configured", conditions.error("taken"))], "Error", "taken"),
        ("RouterAccess", {}, [("Configured", conditions.READY)], "Pending", "Not Resolved"),
        (
            "SecuredAccess",
            {},
            [("Configured", conditions.READY), ("Resolved", conditions.READY)],
            "Ready",
            "OK",
        ),
    ],
)
def test_the_first_gap_in_the_required_conditions_is_shown(
    kind: str, spec: Manifest, steps: list[tuple[str, conditions.State]], status: str, message: str
) -> None:
    found = manifest(kind, **spec)
    for condition, state in steps:
        assert conditions.update(found, condition, state)
    assert shown(found) == (status, message)
    ready = conditions.find(found, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == (status, message)
    assert ready["status"] == ("True" if status == "Ready" else "False")


def test_setting_the_same_state_again_changes_nothing() -> None:
    found = manifest("Link")
    assert conditions.update(found, "Configured", conditions.READY)
    assert not conditions.update(found, "Configured", conditions.READY)


def test_a_new_generation_is_a_change_that_keeps_the_time_of_transition() -> None:
    found = manifest("Link")
    conditions.update(found, "Configured", conditions.READY)
    condition = conditions.find(found, "Configured")
    assert condition is not None
    condition["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    found["metadata"]["generation"] = 2
    assert conditions.update(found, "Configured", conditions.READY)
    assert (condition["observedGeneration"], condition["lastTransitionTime"]) == (2, "2020-01-01T00:00:00Z")
    assert conditions.update(found, "Configured", conditions.error("no"))
    assert condition["lastTransitionTime"] > "2020-01-01T00:00:00Z"


def test_the_aggregate_moves_only_with_a_condition() -> None:
    found = manifest("Link")
    conditions.update(found, "Configured", conditions.READY)
    found["status"]["message"] = "stale"
    conditions.update(found, "Configured", conditions.READY)
    assert found["status"]["message"] == "stale"


def test_a_token_has_no_ready_condition() -> None:
    token = manifest("AccessToken")
    assert conditions.update_redeemed(token, conditions.error("no"))
    assert shown(token) == ("Error", "no")
    assert "redeemed" not in token["status"]
    assert conditions.update_redeemed(token, conditions.READY)
    assert shown(token) == ("Ready", "OK")
    assert token["status"]["redeemed"] is True
    assert not conditions.find(token, "Ready")


def test_an_empty_value_is_an_absent_field() -> None:
    status: Manifest = {"url": "x"}
    assert conditions.set_or_omit(status, "url", "")
    assert status == {}
    assert not conditions.set_or_omit(status, "redemptions", 0)
    assert status == {}
