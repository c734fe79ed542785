"""Jobs and StatefulSets of the kubernetes provider on a real API server; the tests play the kubelet."""

import threading
from typing import Any

import pytest

from tests.lab.pulumi.site import Site

pytestmark = pytest.mark.lab

JOB = """
kubernetes.batch.v1.Job(
    "job",
    metadata={"name": "job", "namespace": namespace, "annotations": {"pulumi.com/replaceUnready": "true"}},
    spec={
        "backoff_limit": 0,
        "template": {
            "spec": {
                "restart_policy": "Never",
                # Nobody runs this pod: the test plays the kubelet.
                "scheduler_name": "nobody",
                "node_name": "nowhere",
                "containers": [{"name": "main", "image": "none", "command": ["%s"]}],
            }
        },
    },
    opts=options(custom_timeouts=timeouts(60)),
)
"""


def end_next_pod(site: Site, phase: str, reason: str, message: str) -> threading.Thread:
    conditions = [{"type": name, "status": "True"} for name in ("PodScheduled", "Initialized")]
    ended = {"exitCode": 0 if phase == "Succeeded" else 1, "reason": reason, "message": message}
    container = {"name": "main", "ready": False, "restartCount": 0, "image": "none", "imageID": ""}
    status = {
        "phase": phase,
        "conditions": [*conditions, {"type": "Ready", "status": "False", "reason": "PodFailed"}],
        "containerStatuses": [{**container, "state": {"terminated": ended}}],
    }

    def play() -> None:
        for pod in site.appearing("Pod"):
            site.set_status("Pod", pod["metadata"]["name"], status)
            return

    return site.in_background(play)


def test_a_failed_job_tells_its_pods_last_words_and_is_replaced_by_the_next_run(site: Site) -> None:
    thread = end_next_pod(site, "Failed", "Error", "the grant has expired: rotate it")
    text = site.deployment.up(JOB % "true", code=1)
    thread.join()
    assert "Resource 'job' was created but failed to initialize" in text
    assert "[Error] the grant has expired: rotate it" in text
    assert "[BackoffLimitExceeded] Job has reached the specified backoff limit" in text
    uid = site.get("Job", "job")["metadata"]["uid"]
    thread = end_next_pod(site, "Succeeded", "Completed", "")
    text = site.deployment.up()
    thread.join()
    assert "+-1 replaced" in text
    assert site.get("Job", "job")["metadata"]["uid"] != uid
    site.deployment.up(None, "--expect-no-changes")


def test_a_job_with_another_template_is_deleted_first(site: Site) -> None:
    for command in ("one", "two"):
        thread = end_next_pod(site, "Succeeded", "Completed", "")
        text = site.deployment.up(JOB % command)
        thread.join()
    assert text.index("job deleted original") < text.index("job created replacement")


STATEFUL_SET = """
kubernetes.apps.v1.StatefulSet(
    "db",
    metadata={"name": "db", "namespace": namespace},
    spec={
        "service_name": "db",
        "selector": {"match_labels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {
                # Nobody runs this pod: the test plays the kubelet, which has nothing to stop.
                "scheduler_name": "nobody",
                "node_name": "nowhere",
                "termination_grace_period_seconds": 0,
                "containers": [{"name": "db", "image": "%s"}],
            },
        },
    },
    opts=options(custom_timeouts=timeouts(%d)),
)
"""


def pod_status(*, ready: bool) -> dict[str, Any]:
    conditions = [{"type": name, "status": "True"} for name in ("PodScheduled", "Initialized")]
    state = {"running": {}} if ready else {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "db", "ready": ready, "restartCount": 0, "image": "none", "imageID": "", "state": state}
    return {
        "phase": "Running" if ready else "Pending",
        "conditions": [*conditions, {"type": "Ready", "status": str(ready)}],
        "containerStatuses": [container],
    }


def test_a_stateful_set_is_awaited_until_its_newest_pods_are_ready_and_tells_why_they_are_not(site: Site) -> None:
    def play(*, ready: bool) -> threading.Thread:
        def set_status() -> None:
            for pod in site.appearing("Pod"):
                site.set_status("Pod", pod["metadata"]["name"], pod_status(ready=ready))
                return

        return site.in_background(set_status)

    thread = play(ready=False)
    text = site.deployment.up(STATEFUL_SET % ("none", 5), code=1)
    thread.join()
    assert "'db' timed out waiting to be Ready" in text
    assert "0 out of 1 replicas succeeded readiness checks" in text
    assert "[ImagePullBackOff] no such image" in text
    site.set_status("Pod", "db-0", pod_status(ready=True))
    site.deployment.up(STATEFUL_SET % ("none", 60))
    site.deployment.up(None, "--expect-no-changes")
    thread = play(ready=True)
    site.deployment.up(STATEFUL_SET % ("newer", 60))
    thread.join()
    assert site.get("Pod", "db-0")["spec"]["containers"][0]["image"] == "newer"
