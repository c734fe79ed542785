"""A pod as the kubelet's streams need it, and the words with which a kubelet refuses one (pkg/kubelet/kubelet_pods.go).

Owns which run's log is meant. Does not own how a runner knows its pods.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.walls.launching import StartError, Streams

StartInside = Callable[[str, Sequence[str], Streams], "subprocess.Popen[bytes]"]
"""Starts a command in the container of that name; raises StartError."""


class RefusalError(Exception):
    """One sentence for the client, and its HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def not_running(*_: object) -> "subprocess.Popen[bytes]":
    """The way into the containers of a pod that is over.

    Raises:
        StartError: always.
    """
    raise StartError("the container does not run")


def statuses_of(pod: Manifest) -> dict[str, Manifest]:
    """The status of each container of a pod, by name, from the pod's."""
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {one["name"]: one for one in found}


@dataclass(frozen=True, kw_only=True)
class KnownPod:
    """A pod at this moment: its address, the status of each container as in the API, its logs, the way in."""

    name: str
    address: str
    statuses: Mapping[str, Manifest]
    log: Callable[[str], Path]
    start_inside: StartInside = not_running

    def run(self, container: str) -> str | None:
        """The name of the container's run, where its command runs."""
        status = self.statuses.get(container) or {}
        return str(status.get("containerID", "")) if (status.get("state") or {}).get("running") else None

    def log_of(self, container: str, *, previous: bool) -> tuple[Path, str]:
        """The log of a container's present or last run, or of the run that ended last; and the name of that run.

        Raises:
            RefusalError: there is none.
        """
        status = self.statuses.get(container)
        if status is None:
            raise RefusalError(404, f'container "{container}" not found in pod "{self.name}"')
        present: str = status.get("containerID", "")
        run = self._run_before(container, status) if previous else self._last_run(container, status, present)
        log = self.log(container)
        return (log if run == present else logs.previous(log)), run

    def _run_before(self, container: str, status: Manifest) -> str:
        run: str = ((status.get("lastState") or {}).get("terminated") or {}).get("containerID", "")
        if not run:
            raise RefusalError(400, f'previous terminated container "{container}" in pod "{self.name}" not found')
        return run

    def _last_run(self, container: str, status: Manifest, present: str) -> str:
        state = status.get("state") or {}
        if "running" in state:
            return present
        ended = [state.get("terminated"), (status.get("lastState") or {}).get("terminated")]
        if run := next((one["containerID"] for one in ended if one and one.get("containerID")), ""):
            return str(run)
        where = f'container "{container}" in pod "{self.name}"'
        if any(ended):
            raise RefusalError(400, f"{where} is terminated")
        reason = (state.get("waiting") or {}).get("reason", "")
        reason = "image can't be pulled" if reason == "ErrImagePull" else reason
        raise RefusalError(400, f"{where} is waiting to start: {reason}")
