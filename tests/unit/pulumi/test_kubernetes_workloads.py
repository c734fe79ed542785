"""When the kubernetes provider calls a Job or a StatefulSet done, and what it tells of their pods."""

from typing import Any

import pytest

from lab.pulumi.kubernetes import job, stateful_set


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
