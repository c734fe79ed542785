"""The status of pods as a kubelet writes it, without a kubelet."""

from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods.status import ContainerRecord, phase, pod_status, running, terminated, unschedulable, waiting

STARTED = "2026-01-01T00:00:00Z"
RUNNING = running(STARTED)
OK = terminated(0, started_at=STARTED)
BROKEN = terminated(1, started_at=STARTED)


def record(
    state: Manifest, *, init: bool = False, last_state: Manifest | None = None, name: str = "main"
) -> ContainerRecord:
    return ContainerRecord(
        name=name, image="image", init=init, state=state, last_state=last_state or {}, started=True, ready=True
    )


def conditions(status: Manifest) -> dict[str, tuple[str, str | None]]:
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


def status(*records: ContainerRecord, policy: str = "Never", **parts: Any) -> Manifest:
    fixed: dict[str, Any] = {"earlier": {}, "started_at": STARTED, "has_sandbox": True, "address": "127.128.0.7"}
    return pod_status(records, policy, **(fixed | parts))


@pytest.mark.parametrize(
    ("records", "policy", "expected"),
    [
        ([record(waiting("ContainerCreating"))], "Never", "Pending"),
        ([record(RUNNING)], "Never", "Running"),
        ([record(OK)], "Never", "Succeeded"),
        ([record(BROKEN)], "Never", "Failed"),
        ([record(OK)], "OnFailure", "Succeeded"),
        ([record(BROKEN)], "OnFailure", "Running"),
        ([record(OK)], "Always", "Running"),
        ([record(waiting("CrashLoopBackOff"), last_state=BROKEN)], "OnFailure", "Running"),
        ([record(OK), record(RUNNING)], "Never", "Running"),
        ([record(OK), record(BROKEN)], "Never", "Failed"),
        ([record(RUNNING, init=True), record(waiting("PodInitializing"))], "Never", "Pending"),
        ([record(BROKEN, init=True), record(waiting("PodInitializing"))], "Never", "Failed"),
        ([record(BROKEN, init=True), record(waiting("PodInitializing"))], "OnFailure", "Pending"),
        ([record(OK, init=True), record(RUNNING)], "Never", "Running"),
    ],
)
def test_the_phase_follows_the_containers(records: list[ContainerRecord], policy: str, expected: str) -> None:
    assert phase(records, policy) == expected


@pytest.mark.parametrize("state", [waiting("ContainerCreating"), BROKEN])
def test_an_ending_pod_that_has_not_succeeded_has_failed_whatever_its_policy(state: Manifest) -> None:
    assert phase([record(state)], "OnFailure", ending=True) == "Failed"


def test_a_pod_that_is_made_is_not_ready_and_says_which_container_it_waits_for() -> None:
    made = status(record(waiting("ContainerCreating")), has_sandbox=False)
    assert conditions(made) == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", None),
        "Ready": ("False", "ContainersNotReady"),
        "ContainersReady": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", None),
    }
    assert made["conditions"][2]["message"] == "containers with unready status: [main]"
    assert "podIP" not in made


def test_a_running_pod_is_ready_and_has_an_address() -> None:
    made = status(record(RUNNING))
    assert {value for value, _ in conditions(made).values()} == {"True"}
    assert (made["podIP"], made["podIPs"], made["hostIP"]) == ("127.128.0.7", [{"ip": "127.128.0.7"}], "127.0.0.1")
    assert made["containerStatuses"][0]["ready"] is True


def test_a_failed_pod_carries_what_the_engine_needs_to_show_its_last_words() -> None:
    made = status(record(terminated(3, message="the grant has expired", started_at=STARTED)))
    assert made["phase"] == "Failed"
    assert conditions(made)["PodScheduled"] == ("True", None)
    assert conditions(made)["Initialized"] == ("True", None)
    assert conditions(made)["Ready"] == ("False", "PodFailed")
    ended = made["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "the grant has expired")


def test_a_succeeded_pod_is_completed_in_every_condition_that_says_so() -> None:
    made = conditions(status(record(OK)))
    assert made["Initialized"] == ("True", "PodCompleted")
    assert made["Ready"] == made["ContainersReady"] == ("False", "PodCompleted")
    assert made["PodReadyToStartContainers"] == ("False", None)


def test_a_pod_is_not_initialized_while_init_containers_are_left() -> None:
    records = [
        record(OK, init=True, name="first"),
        record(RUNNING, init=True, name="second"),
        record(waiting("PodInitializing"), init=True, name="third"),
        record(waiting("PodInitializing")),
    ]
    made = status(*records)
    assert conditions(made)["Initialized"] == ("False", "ContainersNotInitialized")
    assert made["conditions"][1]["message"] == "containers with incomplete status: [second third]"
    assert [one["ready"] for one in made["initContainerStatuses"]] == [True, False, False]


def test_a_transition_time_moves_only_with_its_status() -> None:
    earlier = {
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": STARTED} for kind in ("Ready", "Initialized")
        ]
    }
    times = {one["type"]: one["lastTransitionTime"] for one in status(record(BROKEN), earlier=earlier)["conditions"]}
    assert times["Initialized"] == STARTED
    assert times["Ready"] > STARTED


def test_a_reason_fails_the_pod_even_where_its_containers_did_not() -> None:
    made = status(record(OK), reason="DeadlineExceeded", message="too long", ending=True)
    assert (made["phase"], made["reason"], made["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_what_an_earlier_runner_left_running_is_lost() -> None:
    lost = record(waiting("ContainerCreating"))
    lost.recall({"state": RUNNING, "restartCount": 2, "containerID": "lab://x"})
    ended = lost.state["terminated"]
    assert (ended["exitCode"], ended["reason"], lost.restart_count) == (137, "ContainerStatusUnknown", 2)


def test_an_init_container_that_is_repeated_remembers_its_last_run() -> None:
    again = record(waiting("PodInitializing"), init=True)
    again.recall({"state": OK, "restartCount": 1})
    again.repeat()
    assert (again.exit_code, again.last_state, again.restart_count) == (None, OK, 1)


def test_a_container_serves_only_while_it_runs_and_its_probes_say_so() -> None:
    starting = ContainerRecord(name="main", image="image", state=RUNNING)
    assert (starting.as_status()["started"], starting.as_status()["ready"]) == (False, False)
    starting.started = starting.ready = True
    assert (starting.as_status()["started"], starting.as_status()["ready"]) == (True, True)
    made = status(ContainerRecord(name="main", image="image", state=RUNNING, started=True))
    assert conditions(made)["Ready"] == conditions(made)["ContainersReady"] == ("False", "ContainersNotReady")
    assert made["phase"] == "Running"


def test_a_pod_that_waits_for_a_node_says_why() -> None:
    made = unschedulable("pod has unbound immediate PersistentVolumeClaims")
    assert made["phase"] == "Pending"
    (scheduled,) = made["conditions"]
    assert (scheduled["type"], scheduled["status"], scheduled["reason"]) == ("PodScheduled", "False", "Unschedulable")


def test_what_had_ended_under_an_earlier_runner_stays_as_it_ended() -> None:
    kept = record(waiting("ContainerCreating"))
    kept.recall({"state": OK})
    assert kept.exit_code == 0
