"""The life of one pod: bind, prepare, run its containers in order, report, end.

Each pod is one thread that owns all of the pod's state; everybody else leaves word in its inbox. Every turn compares
what is with what should be, so a turn that an unreachable API server broke off is simply made again. Owns the order of
things (kubernetes: pkg/kubelet/kuberuntime computePodActions); does not own processes and restarts (`container.py`),
volumes (`preparation.py`) or what is told about it (`reporter.py`).
"""

import threading
import time
from dataclasses import dataclass

from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

from lab.kube import Manifest
from lab.pods.cluster import NODE, UNREACHABLE, Cluster, describe
from lab.pods.containers.container import Container, StartError
from lab.pods.containers.variables import ContainerConfigError
from lab.pods.inbox import Inbox
from lab.pods.preparation import Preparation
from lab.pods.reporter import Reporter
from lab.pods.status import waiting
from lab.pods.storage.volumes import VolumeError
from lab.pods.walls.plan import Mount
from lab.pods.workspace import Workspace

STOP_GRACE_SECONDS = 0.7
_RETRY_SECONDS = 1.0
_STOP_REPORT_SECONDS = 0.4


@dataclass
class Ending:
    """Why nothing is started any more. `kill_at` is when patience ends; a `reason` fails the pod with it."""

    kill_at: float
    reason: str = ""
    message: str = ""
    asked: bool = False


class Pod:
    """One pod of this node. Call `start` once, before anything else; every other public method from any thread."""

    def __init__(
        self,
        manifest: Manifest,
        cluster: Cluster,
        workspace: Workspace,
        tools: tuple[Mount, ...],
        *,
        lost: bool = False,
    ) -> None:
        """`lost`: a runner before this one has run it, and its processes are gone."""
        metadata, spec = manifest["metadata"], manifest["spec"]
        self.uid: str = metadata["uid"]
        self.namespace: str = metadata["namespace"]
        self._manifest = manifest
        self._cluster = cluster
        self._workspace = workspace
        self._bound = spec.get("nodeName") == NODE
        self._init = [self._container(one, init=True) for one in spec.get("initContainers") or []]
        self._regular = [self._container(one, init=False) for one in spec["containers"]]
        self._containers = [*self._init, *self._regular]
        if self._init:
            for container in self._containers:
                container.record.state = waiting("PodInitializing")
        self._preparation = Preparation(manifest, cluster, workspace, tools)
        self._reporter = Reporter(manifest, cluster)
        self._began = time.monotonic()
        self._retry_at = 0.0
        self._ending: Ending | None = None
        self._vanished = False
        self._stopping = False
        self._inbox = Inbox()
        self._thread = threading.Thread(target=self._live, name=f"pod {metadata['name']}", daemon=True)
        if lost:
            self._recall(manifest.get("status") or {})

    def _container(self, spec: Manifest, *, init: bool) -> Container:
        log, work = self._workspace.log(self._manifest, spec["name"]), self._workspace.folder(self.uid)
        policy = self._manifest["spec"].get("restartPolicy", "Always")
        return Container(spec, init=init, restart_policy=policy, log=log, work=work)

    def start(self) -> None:
        """Begin the pod's life in a thread of its own."""
        self._thread.start()

    def update(self, manifest: Manifest) -> bool:
        """Tell the pod how it looks now; False where its life is over and somebody else must look after it."""
        return self._inbox.leave(lambda: self._updated(manifest))

    def vanish(self) -> None:
        """Tell the pod that its object is gone: its processes end at once, and nothing is reported."""
        self._inbox.leave(self._vanish)

    def stop(self) -> None:
        """Tell the pod that the runner stops: its processes get a moment, and it is reported as failed if possible."""
        self._inbox.leave(self._stop)

    def join(self, timeout: float) -> None:
        """Wait for the end of the pod's life."""
        self._thread.join(timeout)

    def kill(self) -> None:
        """End every process of the pod at once."""
        for container in self._containers:
            container.kill()

    # What follows runs in the pod's own thread.

    def _live(self) -> None:
        try:
            while not self._inbox.closed:
                if self._guarded_turn():
                    self._inbox.close_if_empty()
                if not self._inbox.closed:
                    self._inbox.listen(self._due())
        finally:
            self._inbox.close()
            self.kill()
            self._workspace.forget(self.uid)

    def _guarded_turn(self) -> bool:
        self._retry_at = 0.0
        try:
            return self._turn()
        except (NotFoundError, ConflictError):
            # The object is gone, or another node has it: nothing is left to report to.
            self._vanish()
            return self._over()
        except UNREACHABLE as error:
            self._try_again(describe(error))
            return self._stopping and self._over()

    def _turn(self) -> bool:
        """Do what is due; True when nothing is left to do."""
        if self._vanished:
            self._press()
            return self._over()
        if not self._bound and not self._ending:
            self._cluster.bind(self._manifest)
            self._bound = True
        if self._deadline() <= time.monotonic():
            self._end(
                self._grace(), "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
            )
        if self._ending:
            self._press()
        else:
            self._report()
            self._advance()
        self._report()
        if not self._over():
            return False
        if self._manifest["metadata"].get("deletionTimestamp"):
            self._cluster.remove(self._manifest)
        return True

    def _due(self) -> list[float]:
        """When there may be something to do, on the monotonic clock; what is past or infinite does not count."""
        if self._ending:
            return [self._retry_at, self._ending.kill_at]
        restarts = [container.not_before for container in self._containers]
        return [self._retry_at, self._deadline(), self._preparation.due_at, *restarts]

    def _over(self) -> bool:
        if any(container.record.is_running for container in self._containers):
            return False
        if self._ending:
            return True
        if any(container.ended_for_good and container.record.exit_code != 0 for container in self._init):
            return True
        return all(container.ended_for_good for container in self._regular)

    # The end.

    def _grace(self) -> float:
        grace = self._manifest["metadata"].get("deletionGracePeriodSeconds")
        return float(self._manifest["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace)

    def _deadline(self) -> float:
        """When activeDeadlineSeconds is over, on the monotonic clock."""
        seconds = self._manifest["spec"].get("activeDeadlineSeconds")
        if seconds is None or self._ending:
            return float("inf")
        return self._began + float(seconds)

    def _end(self, grace: float, reason: str = "", message: str = "") -> None:
        """Begin the end, or hasten one that has begun."""
        kill_at = time.monotonic() + grace
        if self._ending is None:
            self._ending = Ending(kill_at, reason, message)
        else:
            self._ending.kill_at = min(self._ending.kill_at, kill_at)

    def _press(self) -> None:
        """Ask what runs to end, once; when patience is over, end it."""
        ending = self._ending
        if ending is None:
            return
        for container in self._containers:
            if container.record.is_running and time.monotonic() >= ending.kill_at:
                container.kill()
            elif container.record.is_running and not ending.asked:
                container.terminate()
        ending.asked = True

    def _updated(self, manifest: Manifest) -> None:
        self._manifest = manifest
        if manifest["metadata"].get("deletionTimestamp"):
            self._end(self._grace())

    def _vanish(self) -> None:
        self._vanished = True
        self._end(0)
        self._press()

    def _stop(self) -> None:
        self._stopping = True
        self._end(STOP_GRACE_SECONDS, "Terminated", "The lab's pod runner was stopped while the pod ran.")

    def _recall(self, status: Manifest) -> None:
        earlier = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        by_name = {status["name"]: status for status in earlier}
        for container in self._containers:
            container.record.recall(by_name.get(container.record.name, {}))
        self._end(0)

    # The run.

    def _advance(self) -> None:
        """Start what may start now: init containers one by one, then all others."""
        try:
            self._preparation.refresh(self._containers)
        except VolumeError as error:
            self._reporter.warn("FailedMount", str(error))
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return
        for container in self._init:
            if container.record.exit_code != 0:
                self._start_if_due(container)
                return
        for container in self._regular:
            self._start_if_due(container)

    def _start_if_due(self, container: Container) -> None:
        if not container.is_due:
            return
        name = container.record.name
        try:
            plan = self._preparation.plan(container)
            container.start(plan, f"lab://{self.uid}/{name}", lambda code: self._tell_exit(container, code))
        except ContainerConfigError as error:
            container.refuse(error.reason, str(error), _RETRY_SECONDS)
            self._reporter.warn("Failed", f"Error: {error}")
        except StartError as error:
            self._after(container)
            self._reporter.warn("Failed", f"Error: {error}")
        else:
            self._reporter.say(f"container {name} started")

    def _tell_exit(self, container: Container, code: int) -> None:
        self._inbox.leave(lambda: self._exited(container, code))

    def _exited(self, container: Container, code: int) -> None:
        container.ended(code)
        self._reporter.say(f"container {container.record.name} ended with {code}")
        self._after(container)

    def _after(self, container: Container) -> None:
        if not self._ending and not container.ended_for_good:
            container.back_off(self._manifest)

    def _try_again(self, why: str) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self._reporter.complain(f"{why}; trying again")

    def _report(self) -> None:
        if not self._bound:
            return
        ending = self._ending if self._over() else None
        self._reporter.write(
            self._containers,
            has_sandbox=self._preparation.done,
            ending=ending is not None,
            reason=ending.reason if ending else "",
            message=ending.message if ending else "",
            timeout=_STOP_REPORT_SECONDS if self._stopping else None,
        )
