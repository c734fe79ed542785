"""Waiting for a Job, and telling why it failed.

Source: pulumi-kubernetes:provider/pkg/await/job.go and checker/{job,pod}/check.go beside it; the words are theirs.
"""

import threading
import time

from lab.pulumi.kubernetes.cluster import ApiError, Manifest
from lab.pulumi.kubernetes.waiting import CancelledWaitError, WaitError, Watcher

_FATAL = ("BackoffLimitExceeded", "DeadlineExceeded")


def is_complete(job: Manifest) -> bool:
    """Whether the Job has done its work."""
    status = job.get("status") or {}
    return bool(status.get("startTime")) and not failure(job) and _true(job, "Complete") is not None


def failure(job: Manifest) -> str:
    """Why the Job failed, or ""."""
    condition = _true(job, "Failed")
    if condition and condition.get("reason") in _FATAL:
        return f"[{condition['reason']}] {condition.get('message', '')}"
    return ""


def _true(body: Manifest, name: str) -> Manifest | None:
    conditions = (body.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item.get("type") == name and item.get("status") == "True"), None)


class _Reasons:
    """What was wrong, each once, in order."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        with self._lock:
            if text:
                self._found.setdefault(text)

    def all(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._found)


def wait(watcher: Watcher, job: Manifest, timeout: float) -> Manifest:
    """The Job once it is complete.

    Raises:
        WaitError: it failed (at once), the time is over, or the run was cancelled; with what its pods say.
    """
    if is_complete(job):
        return job
    reasons = _Reasons()
    deadline = time.monotonic() + timeout
    done = threading.Event()
    pods = threading.Thread(target=_collect, args=(watcher, job, deadline, reasons, done), daemon=True)
    pods.start()
    name = job["metadata"]["name"]
    try:
        for event, item in watcher.events(job, deadline):
            if event == "LISTED" or item["metadata"].get("uid") != job["metadata"].get("uid"):
                continue
            job = item
            if is_complete(job):
                return job
            if failed := failure(job):
                # The pod's last words may come after the Job's.
                for message in pod_messages(watcher, job):
                    reasons.add(message)
                reasons.add(failed)
                raise WaitError(f"Resource '{name}' was created but failed to initialize", job, reasons.all())
    except CancelledWaitError as error:
        raise WaitError(f'Resource operation was cancelled for "{name}"', job, reasons.all()) from error
    except ApiError as error:
        raise WaitError(str(error), job, reasons.all()) from error
    finally:
        done.set()
    raise WaitError(f"'{name}' timed out waiting to be Ready", job, reasons.all())


def problems(watcher: Watcher, job: Manifest) -> tuple[str, ...]:
    """What a refresh says about a Job that is not complete: its failure, and its pods' last words."""
    reasons = _Reasons()
    reasons.add(failure(job))
    for message in pod_messages(watcher, job):
        reasons.add(message)
    return reasons.all()


def _pod_target(job: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": job["metadata"]["namespace"]}}


def _collect(watcher: Watcher, job: Manifest, deadline: float, reasons: _Reasons, done: threading.Event) -> None:
    try:
        for event, pod in watcher.events(_pod_target(job), deadline):
            if done.is_set():
                return
            if event != "LISTED" and _owned(pod, job):
                reasons.add(pod_message(pod))
    except (CancelledWaitError, ApiError):
        # The Job's own wait reports what is wrong.
        return


def pod_messages(watcher: Watcher, job: Manifest) -> list[str]:
    """What is wrong now with the pods that the object owns."""
    try:
        pods, _ = watcher.cluster.list("v1", "Pod", job["metadata"]["namespace"])
    except ApiError:
        return []
    return [pod_message(pod) for pod in pods if _owned(pod, job)]


def _owned(pod: Manifest, job: Manifest) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == job["metadata"].get("uid") for owner in owners)


def pod_message(pod: Manifest) -> str:
    """What is wrong with a pod, or "". Nothing is said before the pod is scheduled and reports its conditions."""
    status = pod.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("status") != "True":
        return ""
    for name in ("Initialized", "Ready"):
        condition = conditions.get(name)
        if condition is None:
            return ""
        if condition.get("status") == "True" or (name == "Ready" and status.get("phase") == "Succeeded"):
            continue
        errors = [error for item in status.get("containerStatuses") or [] for error in _container_errors(item)]
        if not errors and not condition.get("message"):
            return ""
        said = condition["message"] if condition.get("reason") and condition.get("message") else ""
        return f"[Pod {_name(pod)}]: {said}{chr(10).join(errors)}"
    return ""


def _name(pod: Manifest) -> str:
    namespace, name = pod["metadata"].get("namespace"), str(pod["metadata"]["name"])
    return name if namespace in (None, "", "default") else f"{namespace}/{name}"


def _container_errors(status: Manifest) -> list[str]:
    if status.get("ready"):
        return []
    errors = []
    waiting = (status.get("state") or {}).get("waiting")
    if waiting and waiting.get("reason") != "ContainerCreating":
        errors.append(f"[{waiting.get('reason', '')}] {waiting.get('message', '')}")
    ended = (status.get("state") or {}).get("terminated")
    if ended and ended.get("reason"):
        errors.append(
            f"[{ended['reason']}] {ended['message']}"
            if ended.get("message")
            else f'container "{status["name"]}" completed with exit code {ended.get("exitCode", 0)}'
        )
    last = (status.get("lastState") or {}).get("terminated")
    if last:
        code = f"{last.get('reason', '')}: exit code {last.get('exitCode', 0)}"
        errors.append(f'container "{status["name"]}" terminated at {last.get("finishedAt", "")} ({code})')
        errors.extend([last["message"]] if last.get("message") else [])
    return errors
