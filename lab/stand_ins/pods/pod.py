"""The life of one pod: bind, prepare, run its containers in order, report, end.

Each pod is one thread that owns all of the pod's state; everybody else leaves word in its inbox. Every turn compares
what is with what should be, so a turn that an unreachable API server broke off is simply made again. Owns the order of
things; does not own containers (`containers/`), probes, hooks and stops (`care.py`), volumes (`preparation.py`) or what
is told about it (`reporter.py`).
"""

import threading
import time

from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

from lab.kube import Manifest
from lab.stand_ins.controller.api import UNREACHABLE, describe
from lab.stand_ins.pods import ending
from lab.stand_ins.pods.addresses import NamesMissingError
from lab.stand_ins.pods.care import Care
from lab.stand_ins.pods.cluster import NODE, Cluster
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.containers.group import Group, restart_policy
from lab.stand_ins.pods.containers.variables import ContainerConfigError
from lab.stand_ins.pods.ending import Ending
from lab.stand_ins.pods.inbox import Inbox
from lab.stand_ins.pods.known import KnownPod
from lab.stand_ins.pods.preparation import Preparation
from lab.stand_ins.pods.reporter import Reporter
from lab.stand_ins.pods.storage.contents import VolumeError
from lab.stand_ins.pods.walls.launching import StartError
from lab.stand_ins.pods.walls.plan import Mount
from lab.stand_ins.pods.workspace import Workspace

_RETRY_SECONDS = 1.0
_SOON_SECONDS = 0.2
_STOP_REPORT_SECONDS = 1.0


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
        """`lost`: a runner before this one has run it, and its processes are gone.

        A pod that restarts always begins anew in its place then, as after a reboot of its node; any other has failed.
        """
        metadata, spec = manifest["metadata"], manifest["spec"]
        self.uid: str = metadata["uid"]
        self.key: tuple[str, str] = metadata["namespace"], metadata["name"]
        self._manifest = manifest
        self._cluster = cluster
        self._workspace = workspace
        self._bound = spec.get("nodeName") == NODE
        self._containers = Group(manifest, workspace)
        self._inbox = Inbox()
        self._preparation = Preparation(manifest, cluster, workspace, tools)
        self._reporter = Reporter(manifest, cluster)
        self._care = Care(self._inbox, self._reporter, self._preparation.address)
        self._began = time.monotonic()
        self._retry_at = 0.0
        self._ending: Ending | None = None
        self._vanished = False
        self._stopping = False
        self._thread = threading.Thread(target=self._live, name=f"pod {metadata['name']}", daemon=True)
        if lost:
            self._recall(manifest.get("status") or {})
        if metadata.get("deletionTimestamp"):
            self._end(ending.by_deletion(manifest))

    def known(self) -> KnownPod:
        """The pod as it is now."""
        return KnownPod(
            name=self.key[1],
            address=self._preparation.address,
            statuses={one.record.name: one.record.as_status() for one in self._containers.all},
            log=lambda container: self._workspace.log(self._manifest, container),
            start_inside=self._containers.start_inside,
        )

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
        """Tell the pod that the runner stops: its processes get a moment; what cannot go on is reported as failed."""
        self._inbox.leave(self._stop)

    def join(self, timeout: float) -> None:
        """Wait for the end of the pod's life."""
        self._thread.join(timeout)

    def kill(self) -> None:
        """End every process of the pod at once."""
        self._containers.kill()

    # What follows runs in the pod's own thread.

    def _live(self) -> None:
        try:
            while not self._inbox.closed:
                begun = time.monotonic()
                if self._guarded_turn():
                    self._inbox.close_if_empty()
                if not self._inbox.closed:
                    self._inbox.listen(self._due(), begun)
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
        if not self._bound and not self._ending and not self._bind():
            return False
        if self._deadline() <= time.monotonic():
            self._end(ending.by_deadline(self._manifest))
        if self._ending:
            self._press()
        else:
            # First what needs no API server.
            self._care.probe(self._containers.running, ending.grace(self._manifest))
            self._care.end_overdue(self._containers.running)
            self._report()
            self._advance()
        self._report()
        if not self._over():
            return False
        if self._manifest["metadata"].get("deletionTimestamp"):
            self._cluster.remove(self._manifest)
        return True

    def _bind(self) -> bool:
        """Put the pod on this node; False where its claims have to be bound first."""
        if why := self._preparation.unschedulable():
            self._reporter.hold(why)
            self._retry_at = time.monotonic() + _SOON_SECONDS
            return False
        self._cluster.bind(self._manifest)
        self._bound = True
        return True

    def _due(self) -> list[float]:
        """When there may be something to do, on the monotonic clock."""
        cared_for = self._care.due(self._containers.running, probing=not self._ending)
        if self._ending:
            return [self._retry_at, *cared_for]
        restarts = [container.not_before for container in self._containers.all]
        return [self._retry_at, self._deadline(), self._preparation.due_at, *restarts, *cared_for]

    def _over(self) -> bool:
        return not self._containers.running and (self._ending is not None or self._containers.over)

    # The end.

    def _deadline(self) -> float:
        return float("inf") if self._ending else ending.deadline(self._manifest, self._began)

    def _end(self, end: Ending) -> None:
        """Begin the end, or hasten one that has begun."""
        self._ending = self._ending.hasten(end) if self._ending else end

    def _press(self) -> None:
        """Ask what runs to end; when patience is over, end it."""
        if self._ending:
            for container in self._containers.running:
                self._care.stop(container, self._ending.kill_at)

    def _updated(self, manifest: Manifest) -> None:
        self._manifest = manifest
        if manifest["metadata"].get("deletionTimestamp"):
            self._end(ending.by_deletion(manifest))

    def _vanish(self) -> None:
        self._vanished = True
        self._end(ending.at_once())
        self._press()

    def _stop(self) -> None:
        self._stopping = True
        self._end(ending.by_runners_end(self._manifest))

    def _recall(self, status: Manifest) -> None:
        self._containers.recall(status)
        if restart_policy(self._manifest) == "Always":
            self._containers.repeat()
        else:
            self._end(ending.at_once())

    # The run.

    def _advance(self) -> None:
        """Start what may start now: init containers one by one, then all others."""
        try:
            self._preparation.refresh(self._containers.all)
        except VolumeError as error:
            self._reporter.warn("FailedMount", str(error))
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return
        for container in self._containers.due:
            self._start(container)

    def _start(self, container: Container) -> None:
        name = container.record.name
        try:
            plan = self._preparation.plan(container)
            container.start(plan, f"lab://{self.uid}/{name}", lambda code: self._tell_exit(container, code))
        except NamesMissingError:
            container.not_before = time.monotonic() + _SOON_SECONDS
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
        if not self._ending and not container.ended_for_good and (why := container.back_off(self._manifest)):
            self._reporter.warn("BackOff", why)

    def _try_again(self, why: str) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self._reporter.complain(f"{why}; trying again")

    def _report(self) -> None:
        if not self._bound:
            return
        end = self._ending if self._ending and self._over() and not self._ending.lasts else None
        self._reporter.write(
            self._containers.all,
            address=self._preparation.address,
            has_sandbox=self._preparation.done,
            ending=end is not None,
            reason=end.reason if end else "",
            message=end.message if end else "",
            timeout=_STOP_REPORT_SECONDS if self._stopping else None,
        )
