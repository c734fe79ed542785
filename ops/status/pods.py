"""Why a pod is not Ready and what a Job says: container states, events, and the last line of a log.

Owns which of these says most. Pods that have done what they were for, or are Ready, and Jobs that are complete are not
worth a line.
"""

from collections.abc import Callable, Sequence

from ops.clusters import Manifest
from ops.status import conditions
from ops.status.inside import LONGEST
from ops.status.kinds import JOB, POD, Kind
from ops.status.row import ERROR, PENDING, Row
from ops.status.warnings import Warnings

_BEGINNING = frozenset({"ContainerCreating", "PodInitializing"})

LastLine = Callable[[str, str], str]
"""What a container of a pod has printed last, or of a Job's last pod, with an empty container; empty for nothing."""


def rows(
    stack: str,
    namespace: str,
    jobs: Sequence[Manifest],
    pods: Sequence[Manifest],
    *,
    warnings: Warnings,
    last_line: LastLine,
) -> list[Row]:
    """What is not done or not Ready in a namespace: Jobs first, then pods; a pod of a Job is told by its Job."""
    look = _Look(stack, namespace, pods, warnings, last_line)
    return [*look.jobs(jobs), *look.pods()]


class _Look:
    def __init__(
        self, stack: str, namespace: str, pods: Sequence[Manifest], warnings: Warnings, last_line: LastLine
    ) -> None:
        self._stack = stack
        self._warnings = warnings
        self._last_line = last_line
        self._namespace = namespace
        self._pods = pods

    def jobs(self, jobs: Sequence[Manifest]) -> list[Row]:
        found = []
        for job in _last(jobs):
            name, status = job["metadata"]["name"], job.get("status") or {}
            if conditions.is_true(status, "Complete") or job["metadata"].get("deletionTimestamp"):
                continue
            own = [pod for pod in self._pods if _owner(pod) == ("Job", name)]
            own.sort(key=_made)
            state, said = self._state(own[-1]) if own else (PENDING, self._last_line(name, ""))
            if conditions.is_true(status, "Failed"):
                state, said = ERROR, said or str(conditions.find(status, "Failed").get("message") or "")
            found.append(self._row(JOB, job, state, said or "has no pod yet"))
        return found

    def pods(self) -> list[Row]:
        found = []
        for pod in self._pods:
            status = pod.get("status") or {}
            if _owner(pod)[0] == "Job" or status.get("phase") == "Succeeded" or conditions.is_true(status, "Ready"):
                continue
            found.append(self._row(POD, pod, *self._state(pod)))
        return found

    def _row(self, kind: Kind, item: Manifest, state: str, said: str) -> Row:
        name, made = item["metadata"]["name"], _made(item)
        return Row(self._stack, kind.name, name, state, said, self._namespace, made, kind.resource)

    def _state(self, pod: Manifest) -> tuple[str, str]:
        if pod["metadata"].get("deletionTimestamp"):
            return PENDING, "being deleted"
        stuck = any(reason not in _BEGINNING for _, reason, _ in _waiting(pod))
        failed = (pod.get("status") or {}).get("phase") == "Failed"
        return (ERROR if stuck or failed else PENDING), self._last_words(pod)

    def _last_words(self, pod: Manifest) -> str:
        """Why a pod stands where it stands: what holds a container, how one ended, what one says while it runs."""
        status = pod.get("status") or {}
        name = pod["metadata"]["name"]
        for container, reason, message in _waiting(pod):
            if reason not in _BEGINNING:
                said = _ending(pod, container) or self._last_line(name, container)
                return ": ".join(part for part in (f"{container} {reason}", said or message) if part)
        scheduled = conditions.find(status, "PodScheduled")
        if scheduled.get("status") == "False":
            return str(scheduled.get("message") or scheduled.get("reason") or "not scheduled")
        for one in _containers(pod):
            if (one["state"].get("terminated") or {}).get("exitCode"):
                return _ending(pod, one["name"]) or self._last_line(name, one["name"]) or f"{one['name']} failed"
        if not _containers(pod):
            return self._warnings.about("Pod", pod) or "no node has taken it yet"
        # The first that runs: init containers come one by one before the others.
        running = next((one for one in _containers(pod) if "running" in one["state"]), None)
        said = self._last_line(name, running["name"]) if running else ""
        # What was said of an earlier run of it is over.
        since = str(running["state"]["running"].get("startedAt") or "") if running else ""
        warned = self._warnings.about("Pod", pod, since)
        # A Job's log tells how far it is; a server's tells everything that it does.
        first, second = (said, warned) if _owner(pod)[0] == "Job" else (warned, said)
        return first or second or str(conditions.find(status, "Ready").get("message") or "begins")


def _last(jobs: Sequence[Manifest]) -> list[Manifest]:
    """Without those of a CronJob that has begun another one since, which says whether what failed is over."""
    newest: dict[tuple[str, str], str] = {}
    for job in jobs:
        newest[_owner(job)] = max(newest.get(_owner(job), ""), _made(job))
    return [job for job in jobs if _owner(job)[0] != "CronJob" or _made(job) == newest[_owner(job)]]


def _made(item: Manifest) -> str:
    return str(item["metadata"].get("creationTimestamp") or "")


def _owner(item: Manifest) -> tuple[str, str]:
    owners = item["metadata"].get("ownerReferences") or [{}]
    return str(owners[0].get("kind", "")), str(owners[0].get("name", ""))


def _containers(pod: Manifest) -> list[Manifest]:
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return [{**one, "state": one.get("state") or {}} for one in found]


def _waiting(pod: Manifest) -> list[tuple[str, str, str]]:
    """Container, reason and message of those that wait."""
    held = [(one["name"], one["state"]["waiting"]) for one in _containers(pod) if "waiting" in one["state"]]
    return [(name, str(state.get("reason") or ""), str(state.get("message") or "")) for name, state in held]


def _ending(pod: Manifest, container: str) -> str:
    """The last line of the message with which a container ended the last time."""
    for one in _containers(pod):
        if one["name"] == container:
            ended = one["state"].get("terminated") or (one.get("lastState") or {}).get("terminated") or {}
            lines = [line.strip() for line in str(ended.get("message") or "").splitlines() if line.strip()]
            return lines[-1][:LONGEST] if lines else ""
    return ""
