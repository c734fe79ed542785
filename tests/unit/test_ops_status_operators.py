"""What is said of operators that OLM installs, and of a network observer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.status import operators
from ops.status.advice import Advice
from ops.status.objects import describe
from ops.status.observers import address
from ops.status.operators import describe as describe_operator
from ops.status.place import Place
from tests.unit.recorded_cluster import RecordedCluster

PLACE = Place(stack="site-a", site="site-a", primary="", context="site-a", namespace="rhsi", databases="db")


def observer(name: str = "network-observer", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "rhsi"}, "spec": spec}


def subscription(**status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "operators"}, "spec": {"name": "skupper-operator"}, "status": status}


def version(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "skupper-operator.v2"}, "status": status}


def true(kind: str, reason: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


WAITS = {"conditions": [true("InstallPlanPending", "RequiresApproval")], "installPlanRef": {"name": "install-x"}}
UNRESOLVED = {"conditions": [true("ResolutionFailed", "ConstraintsNotSatisfiable", "no operators found")]}


@pytest.mark.parametrize(
    ("status", "installed", "state", "detail"),
    [
        ({}, None, "Pending", "OLM has not chosen a version yet"),
        (WAITS, None, "Pending", "InstallPlan install-x waits for approval"),
        (UNRESOLVED, None, "Error", "no operators found"),
        ({}, version(phase="Installing", message="wait"), "Pending", "Installing: wait"),
        ({}, version(phase="Failed", reason="TooMany", message="two"), "Error", "TooMany: two"),
        ({}, version(phase="Succeeded"), "Ready", "skupper-operator.v2 in operators"),
        (
            WAITS,
            version(phase="Succeeded"),
            "Ready",
            "skupper-operator.v2 in operators, an upgrade waits for the approval of InstallPlan install-x",
        ),
    ],
)
def test_a_row_says_how_far_an_operator_is(
    status: dict[str, Any], installed: dict[str, Any] | None, state: str, detail: str
) -> None:
    assert describe_operator(subscription(**status), installed) == (state, detail)


@pytest.mark.parametrize(
    ("status", "state", "detail"),
    [
        ({}, "Pending", "not deployed yet"),
        ([true("ReleaseFailed", "InstallError", "no matches\nfor kind")], "Error", "no matches"),
        ([true("Deployed", "InstallSuccessful")], "Ready", ""),
    ],
)
def test_a_row_says_how_far_a_network_observer_is(status: Any, state: str, detail: str) -> None:
    item = {**observer(), "status": {"conditions": status} if status else {}}
    assert describe("NetworkObserver", item, datetime.now(UTC), PLACE, Advice()) == (state, detail)


def test_a_network_observers_address_is_its_service_or_its_route() -> None:
    route = {"metadata": {"name": "network-observer"}, "spec": {"host": "observer.apps.example.com"}}
    cluster = RecordedCluster(routes=[route]).cluster
    assert address(cluster, observer()) == "https://network-observer.rhsi.svc, login in Secret network-observer-auth"
    routed = observer(route={"enabled": True}, auth={"strategy": "openshift"})
    assert address(cluster, routed) == "https://observer.apps.example.com"
    assert address(cluster, observer("net")).startswith("https://net-network-observer.rhsi.svc, "), "as Skupper's chart"


def test_only_the_subscriptions_of_the_stack_are_its_operators() -> None:
    def owned(owner: str) -> dict[str, Any]:
        found = subscription(installedCSV="skupper-operator.v2")
        found["metadata"] |= {"annotations": {"rhsi/owner": owner}}
        return found

    installed = version(phase="Succeeded")
    installed["metadata"]["namespace"] = "operators"
    subscriptions = [owned("organization/rhsi/site-a"), owned("organization/rhsi/site-b")]
    recorded = RecordedCluster(subscriptions=subscriptions, clusterserviceversions=[installed])
    (row,) = operators.rows(recorded.cluster, PLACE)
    assert (row.stack, row.kind, row.name, row.status) == ("site-a", "Operator", "skupper-operator", "Ready")
