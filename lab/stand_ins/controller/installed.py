"""A controller of the lab that is at work only while its operator is installed.

Its process stands for the operator's pods: it waits for the Deployment that OLM makes, begins, and reports the
Deployment Available; it stops when the Deployment goes, and begins anew when it changes, as pods do that are rolled
out. Owns that Deployment's status. Does not own what the controller does, nor the Deployment.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import NamedTuple

from lab.home import LabError
from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEPLOYMENT
from lab.stand_ins.controller.process import Part
from lab.stand_ins.controller.pulling import unpullable
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key

MANAGER = "lab-kubelet"
LOOK = Key("look", "")
PULL_SECONDS = 1.0
"""Between two looks for a pull secret that is missing; a kubelet's own back-off goes up to five minutes."""
READY_SECONDS = 60.0
PROGRESS_SECONDS = 600
"""Kubernetes' default of `progressDeadlineSeconds`."""


class Found(NamedTuple):
    """An operator that is installed: which one, in which namespace, and which state of its Deployment."""

    operator: str
    namespace: str
    generation: int


class Installed:
    """What acts for one kubeconfig context while one of its operators is installed there."""

    def __init__(
        self, context: str, operators: Mapping[str, str], make: Callable[[frozenset[Found]], Part], log: logging.Logger
    ) -> None:
        """Set up; `start` begins to wait.

        Args:
            context: of the kubeconfig.
            operators: pattern of a Deployment's name -> what the operator is called in `Found`.
            make: makes the controller for the operators that are there, at least one.
            log: is told when it begins and stops.

        Raises:
            LabError: the context cannot be read.
        """
        self.context = context
        self._operators = operators
        self._make = make
        self._cluster = WatchedCluster(context, MANAGER, log)
        self._cluster.watch(DEPLOYMENT)
        self._worker = Worker(self._cluster.queue, self._look, log, foreseen=(LabError,))
        self._at_work: frozenset[Found] = frozenset()
        self._inner: Part | None = None
        self._looked = threading.Event()

    def start(self) -> None:
        """Begin to wait for the Deployments.

        Raises:
            LabError: the Deployments cannot be listed.
        """
        self._cluster.start()
        self._cluster.queue.add(LOOK)
        self._worker.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether the operators that were installed at the start are at work, within so many seconds."""
        return self._looked.wait(timeout)

    def stop(self) -> None:
        """Wait no more, and stop what is at work."""
        self._cluster.stop()
        self._worker.join(READY_SECONDS)
        self._end()

    def _look(self, key: Key) -> float | None:
        """Make what is at work what the Deployments ask for; a change of any of them asks for a look at all."""
        if key != LOOK:
            if self._operator(key.name.partition("/")[2]):
                self._cluster.queue.add(LOOK)
            return None
        there = self._deployments()
        blocked = {found: image for found, one in there.items() if (image := unpullable(self._cluster.api, one))}
        for found, image in blocked.items():
            self._report_unpullable(there[found], image)
        wanted = frozenset(there.keys() - blocked.keys())
        if wanted != self._at_work:
            self._end()
            self._begin(wanted)
        for found in wanted:
            self._report(there[found], _available())
        self._looked.set()
        return PULL_SECONDS if blocked else None

    def _deployments(self) -> dict[Found, Manifest]:
        there = {}
        for one in self._cluster.items(DEPLOYMENT):
            metadata = one["metadata"]
            operator = self._operator(metadata["name"])
            if operator and not metadata.get("deletionTimestamp") and one["spec"].get("replicas", 1):
                there[Found(operator, metadata["namespace"], metadata["generation"])] = one
        return there

    def _operator(self, deployment: str) -> str:
        return next((name for pattern, name in self._operators.items() if fnmatch(deployment, pattern)), "")

    def _begin(self, wanted: frozenset[Found]) -> None:
        """Start a controller for these operators, none for none.

        Raises:
            LabError: it cannot start.
        """
        if not wanted:
            return
        self._cluster.log.info("begins for %s", _listed(wanted))
        inner = self._make(wanted)
        self._inner = inner
        try:
            inner.start()
            is_ready = inner.wait_until_ready(READY_SECONDS)
        except BaseException:
            self._end()
            raise
        if not is_ready:
            self._end()
            raise LabError(f"What serves {_listed(wanted)} was not ready within {READY_SECONDS:.0f} seconds.")
        self._at_work = wanted

    def _end(self) -> None:
        if self._inner:
            self._cluster.log.info("stops")
            self._inner.stop()
        self._inner, self._at_work = None, frozenset()

    def _report_unpullable(self, deployment: Manifest, image: str) -> None:
        """Not available, and out of time once the Deployment's deadline is over."""
        since = datetime.now(UTC) - datetime.fromisoformat(deployment["metadata"]["creationTimestamp"])
        late = since.total_seconds() > deployment["spec"].get("progressDeadlineSeconds", PROGRESS_SECONDS)
        message = f'Back-off pulling image "{image}"'
        status: Manifest = {"replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}
        conditions.put(status, "Available", "False", reason="MinimumReplicasUnavailable", message=message)
        if late:
            conditions.put(status, "Progressing", "False", reason="ProgressDeadlineExceeded", message=message)
        else:
            conditions.put(status, "Progressing", "True", reason="ReplicaSetUpdated", message=message)
        self._report(deployment, status)

    def _report(self, deployment: Manifest, status: Manifest) -> None:
        """Write the status, unless it says so already."""
        metadata = deployment["metadata"]
        before = deployment.get("status") or {}
        wanted = {**status, "observedGeneration": metadata["generation"]}
        same = all(before.get(field) == value for field, value in wanted.items() if field != "conditions")
        if same and _meanings(before) == _meanings(wanted):
            return
        absent = {field: None for field in before if field not in wanted}
        body = {"metadata": {key: metadata[key] for key in ("name", "uid")}, "status": {**absent, **wanted}}
        written = self._cluster.api.patch(DEPLOYMENT, metadata["namespace"], body, "status")
        self._cluster.observed(DEPLOYMENT, written)


def _available() -> Manifest:
    """The status of a Deployment whose only pod is ready."""
    status: Manifest = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    message = "Deployment has minimum availability."
    conditions.put(status, "Available", "True", reason="MinimumReplicasAvailable", message=message)
    conditions.put(
        status, "Progressing", "True", reason="NewReplicaSetAvailable", message="has successfully progressed."
    )
    return status


def _meanings(status: Manifest) -> set[tuple[str, str, str]]:
    return {(one["type"], one["status"], one.get("reason", "")) for one in status.get("conditions") or []}


def _listed(wanted: frozenset[Found]) -> str:
    return ", ".join(f"{found.operator} in {found.namespace}" for found in sorted(wanted))
