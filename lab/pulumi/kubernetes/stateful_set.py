"""Waiting for a StatefulSet, and telling why it is not ready.

Source: pulumi-kubernetes:provider/pkg/await/statefulset.go; the words are theirs. Update strategy OnDelete is left out.
"""

from lab.pulumi.kubernetes.cluster import Manifest
from lab.pulumi.kubernetes.job import pod_messages
from lab.pulumi.kubernetes.waiting import TIMED_OUT, WaitError, Watcher


def is_ready(server: Manifest) -> bool:
    """Whether all replicas are of the newest revision and ready.

    Upstream does not look at the generation and can take the status of before an update for the one after it, where
    the controller is slow; here that never happens.
    """
    status = server.get("status") or {}
    observed = status.get("observedGeneration", 0) >= server["metadata"].get("generation", 0)
    return observed and _revision_is_ready(status) and _replicas_are_ready(server)


def wait(watcher: Watcher, server: Manifest, timeout: float) -> Manifest:
    """The StatefulSet once it is ready.

    Raises:
        WaitError: the time is over, or the run was cancelled; with what the controller and the pods say.
    """
    try:
        return watcher.until(server, timeout, is_ready)
    except WaitError as error:
        name = server["metadata"]["name"]
        reason = f"'{name}' timed out waiting to be Ready" if str(error) == TIMED_OUT else str(error)
        raise WaitError(reason, error.live, problems(watcher, error.live)) from error


def problems(watcher: Watcher, server: Manifest) -> tuple[str, ...]:
    """Why it is not ready, one sentence each."""
    status = server.get("status") or {}
    found = []
    if not _replicas_are_ready(server):
        updated = status.get("updatedReplicas", 0)
        ready = status.get("readyReplicas", 0)
        ready = ready if _revision_is_ready(status) else min(ready, updated)
        found.append(f"{ready} out of {_wanted(server)} replicas succeeded readiness checks")
    if not _revision_is_ready(status):
        revisions = [f'"{status.get(key, "")}"' for key in ("currentRevision", "updateRevision")]
        found.append("StatefulSet controller failed to advance from revision {} to revision {}".format(*revisions))
    return tuple(found + [message for message in pod_messages(watcher, server) if message])


def _wanted(server: Manifest) -> int:
    return int(server["spec"].get("replicas", 1))


def _revision_is_ready(status: Manifest) -> bool:
    return bool(status.get("currentRevision")) and status["currentRevision"] == status.get("updateRevision")


def _replicas_are_ready(server: Manifest) -> bool:
    status = server.get("status") or {}
    counts = (status.get(key, 0) for key in ("replicas", "readyReplicas", "currentReplicas"))
    return all(count == _wanted(server) for count in counts)
