"""What a pod tells the world: its status, warning events, and lines in the runner's log.

Owns what was written last, so that nothing is written or said twice. Does not own the wording of a status
(`status.py`). Never says what a container printed.
"""

import contextlib
import logging

from lab.kube import Manifest
from lab.stand_ins.controller.api import UNREACHABLE
from lab.stand_ins.controller.conditions import is_true, timestamp
from lab.stand_ins.pods.cluster import Cluster
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.status import TERMINAL, pod_status, unschedulable

logger = logging.getLogger(__name__)


class Reporter:
    """The voice of one pod. Errors of the API server pass through: the next turn writes again."""

    def __init__(self, pod: Manifest, cluster: Cluster) -> None:
        self._pod = pod
        self._cluster = cluster
        self._title = f"{cluster.context} {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._status: Manifest = pod.get("status") or {}
        self._written: Manifest = {}
        self._trouble = ""
        self._started_at: str = self._status.get("startTime") or timestamp()

    def write(
        self,
        containers: list[Container],
        *,
        address: str,
        has_sandbox: bool,
        ending: bool,
        reason: str,
        message: str,
        timeout: float | None = None,
    ) -> None:
        """Write the pod's status if it differs from what was written last."""
        status = pod_status(
            [container.record for container in containers],
            self._pod["spec"].get("restartPolicy", "Always"),
            earlier=self._status,
            started_at=self._started_at,
            address=address,
            has_sandbox=has_sandbox or bool(self._status.get("podIP")),
            ending=ending,
            reason=reason,
            message=message,
        )
        if status == self._written:
            return
        self._status = self._cluster.write_status(self._pod, status, timeout)["status"]
        self._written = status
        if is_true(status, "Ready"):
            # What was wrong is over: the same trouble is worth telling again.
            self._trouble = ""
        if status["phase"] in TERMINAL:
            self.say(status["phase"])

    def say(self, text: str) -> None:
        """A line in the runner's log."""
        logger.info("%s: %s", self._title, text)

    def complain(self, trouble: str) -> None:
        """A warning in the runner's log, once while the trouble lasts."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("%s: %s", self._title, trouble)

    def warn(self, reason: str, trouble: str) -> None:
        """A warning in the runner's log and an event on the pod, once while the trouble lasts."""
        if trouble != self._trouble:
            self.complain(trouble)
            self.tell("Warning", reason, trouble)

    def tell(self, severity: str, reason: str, message: str, source: str = "kubelet") -> None:
        """An event on the pod. It may be refused, as in a namespace that is being deleted; the pod goes on without."""
        with contextlib.suppress(*UNREACHABLE):
            self._cluster.event("Pod", self._pod, severity, reason, message, source)

    def hold(self, why: str) -> None:
        """Say that no node can take the pod yet, once while that lasts."""
        if why != self._trouble:
            self.complain(why)
            self._status = self._cluster.write_status(self._pod, unschedulable(why), None)["status"]
            self.tell("Warning", "FailedScheduling", why, "default-scheduler")
