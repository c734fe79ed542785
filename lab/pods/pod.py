"""The life of one pod: bind, prepare, run its containers in order, restart or not, report, end.

Each pod is one thread that owns all of the pod's state; everybody else leaves word in its inbox. Every turn compares
what is with what should be, so a turn that an unreachable API server broke off is simply made again. Owns the order of
things and the back-off (kubernetes: pkg/kubelet/kuberuntime computePodActions); does not own processes (`container.py`)
or the wording of a status (`status.py`).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kubernetes.dynamic.exceptions import ConflictError, ForbiddenError, NotFoundError

from lab.kube import Manifest
from lab.pods.cluster import NODE, UNREACHABLE, Cluster
from lab.pods.confinement import Confinement, Mount
from lab.pods.container import Container, StartError
from lab.pods.security import fs_group, identity
from lab.pods.service_account import Tokens, with_account_volume, with_cluster_ca
from lab.pods.status import TERMINAL, pod_status, running, terminated, timestamp, waiting
from lab.pods.variables import ContainerConfigError, Find, Kind, command_line, environment, image_variables
from lab.pods.volumes import VolumeError, Volumes
from lab.pods.workspace import Workspace

STOP_GRACE_SECONDS = 0.7
_RETRY_SECONDS = 1.0
_REFRESH_SECONDS = 60.0
_STOP_REPORT_SECONDS = 0.4
_BACK_OFF_FIRST, _BACK_OFF_LONGEST = 10, 300
_LOST = "The container could not be located when the pod was terminated"

logger = logging.getLogger(__name__)


@dataclass
class Ending:
    """Why nothing is started any more. `kill_at` is when patience ends; `reason` fails the pod with it."""

    kill_at: float
    reason: str = ""
    message: str = ""
    asked: bool = False


class Pod:
    """One pod of this node. Call `start` once; `update`, `vanish` and `stop` from any thread."""

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
        self.title = f"{metadata['namespace']}/{metadata['name']}"
        self._manifest = manifest
        self._prepared = manifest
        self._cluster = cluster
        self._workspace = workspace
        self._tools = tools
        self._bound = spec.get("nodeName") == NODE
        self._policy: str = spec.get("restartPolicy", "Always")
        self._status: Manifest = manifest.get("status") or {}
        self._started_at: str = self._status.get("startTime") or timestamp()
        self._written: Manifest = {}
        self._init = [self._container(one, init=True) for one in spec.get("initContainers") or []]
        self._regular = [self._container(one, init=False) for one in spec["containers"]]
        self._containers = [*self._init, *self._regular]
        self._volumes: Volumes | None = None
        self._tokens = Tokens(cluster, manifest)
        self._annotations: dict[str, str] = {}
        self._has_sandbox = False
        self._refresh_at = 0.0
        self._retry_at = 0.0
        self._trouble = ""
        self._ending: Ending | None = None
        self._vanished = False
        self._stopping = False
        self._done = False
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=f"pod-{self.title}", daemon=True)
        if self._init:
            for container in self._regular:
                container.record.state = waiting("PodInitializing")
            for container in self._init:
                container.record.state = waiting("PodInitializing")
        if lost:
            self._recall()

    # What others may call.

    def start(self) -> None:
        """Begin the pod's life in a thread of its own."""
        self._thread.start()

    def update(self, manifest: Manifest) -> bool:
        """Tell the pod how it looks now; False where its life is over and somebody else must look after it."""
        return self._leave_word(lambda: self._updated(manifest))

    def vanish(self) -> None:
        """Tell the pod that its object is gone: its processes end at once, and nothing is reported."""
        self._leave_word(self._vanish)

    def stop(self) -> None:
        """Tell the pod that the runner stops: its processes get a moment, and it is reported as failed if possible."""
        self._leave_word(self._stop)

    def join(self, timeout: float) -> None:
        """Wait for the end of the pod's life."""
        self._thread.join(timeout)

    def kill(self) -> None:
        """End every process of the pod at once, from any thread."""
        for container in self._containers:
            container.kill()

    # Below, only the pod's own thread.

    def _leave_word(self, word: Callable[[], None]) -> bool:
        with self._door:
            if not self._done:
                self._inbox.put(word)
            return not self._done

    def _container(self, spec: Manifest, *, init: bool) -> Container:
        work = self._workspace.folder(self.uid)
        return Container(spec, init=init, log=self._workspace.log(self._manifest, spec["name"]), work=work)

    def _live(self) -> None:
        try:
            while not self._done:
                self._retry_at = 0.0
                try:
                    over = self._turn()
                except (NotFoundError, ConflictError):
                    # Somebody else has it, or nobody: the object is not the one that this life belongs to.
                    self._vanish()
                    over = not self._any_running()
                except UNREACHABLE as error:
                    self._try_again(f"{type(error).__name__} from the API server")
                    over = self._stopping and not self._any_running()
                if over:
                    self._close()
                else:
                    self._wait()
        except Exception:
            logger.exception("%s %s: the pod's thread broke", self._cluster.context, self.title)
            self._done = True
        finally:
            self.kill()
            self._workspace.forget(self.uid)

    def _close(self) -> None:
        """The last turn is made unless word has come in meanwhile."""
        with self._door:
            self._done = self._inbox.empty()

    def _wait(self) -> None:
        """Until word comes in or something is due; then hear all that has come in."""
        due = [self._retry_at, self._refresh_at if self._volumes else 0.0, self._deadline()]
        if self._ending:
            due.append(self._ending.kill_at)
        else:
            due += [container.not_before for container in self._containers if "waiting" in container.record.state]
        now = time.monotonic()
        ahead = [moment - now for moment in due if moment > now]
        try:
            word = self._inbox.get(timeout=min(ahead) if ahead else None)
            while True:
                word()
                word = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _turn(self) -> bool:
        """Do what is due; True when nothing is left to do."""
        if not self._bound and not self._ending:
            self._cluster.bind(self._manifest)
            self._bound = True
        if not self._ending and 0 < self._deadline() <= time.monotonic():
            message = "Pod was active on the node longer than the specified deadline"
            self._end(self._grace(), "DeadlineExceeded", message)
        if self._ending:
            self._press()
        else:
            self._report()
            self._advance()
        self._report()
        if not self._over():
            return False
        if self._manifest["metadata"].get("deletionTimestamp") and not self._vanished:
            self._cluster.remove(self._manifest)
        return True

    def _over(self) -> bool:
        if self._any_running():
            return False
        if self._ending:
            return True
        init_failed = any(self._ended_for_good(one) and one.record.exit_code != 0 for one in self._init)
        return init_failed or all(self._ended_for_good(one) for one in self._regular)

    def _any_running(self) -> bool:
        return any(container.record.is_running for container in self._containers)

    def _restarts(self, exit_code: int) -> bool:
        return self._policy == "Always" or (self._policy == "OnFailure" and exit_code != 0)

    def _ended_for_good(self, container: Container) -> bool:
        code = container.record.exit_code
        if code is None:
            return False
        # An init container that has succeeded is never run again, whatever the policy.
        return not self._restarts(code) or (container.record.init and code == 0)

    # Ending.

    def _grace(self) -> float:
        metadata, spec = self._manifest["metadata"], self._manifest["spec"]
        grace = metadata.get("deletionGracePeriodSeconds")
        return float(spec.get("terminationGracePeriodSeconds", 30) if grace is None else grace)

    def _deadline(self) -> float:
        """When activeDeadlineSeconds is over, on the monotonic clock; 0 without one."""
        seconds = self._manifest["spec"].get("activeDeadlineSeconds")
        if seconds is None or self._ending:
            return 0.0
        elapsed = time.time() - datetime.fromisoformat(self._started_at).timestamp()
        return time.monotonic() + float(seconds) - elapsed

    def _end(self, grace: float, reason: str = "", message: str = "") -> None:
        """Begin the end, or hasten one that has begun."""
        kill_at = time.monotonic() + grace
        if self._ending is None:
            self._ending = Ending(kill_at, reason, message)
        else:
            self._ending.kill_at = min(self._ending.kill_at, kill_at)

    def _press(self) -> None:
        ending = self._ending
        if ending is None:
            return
        for container in self._containers:
            if not container.record.is_running:
                continue
            if time.monotonic() >= ending.kill_at:
                container.kill()
            elif not ending.asked:
                container.terminate()
        ending.asked = True

    def _updated(self, manifest: Manifest) -> None:
        self._manifest = manifest
        if manifest["metadata"].get("deletionTimestamp"):
            self._end(self._grace())

    def _vanish(self) -> None:
        self._vanished = True
        self._end(0)

    def _stop(self) -> None:
        self._stopping = True
        self._end(STOP_GRACE_SECONDS, "Terminated", "The lab's pod runner was stopped while the pod ran.")

    def _recall(self) -> None:
        """Take over the records of a runner before this one. What it left running has no process any more."""
        earlier = [*(self._status.get("initContainerStatuses") or []), *(self._status.get("containerStatuses") or [])]
        by_name = {status["name"]: status for status in earlier}
        for container in self._containers:
            record, status = container.record, by_name.get(container.record.name)
            if status is None:
                continue
            record.state = status.get("state") or record.state
            record.last_state = status.get("lastState") or {}
            record.restart_count = status.get("restartCount", 0)
            record.container_id = status.get("containerID", "")
            if record.is_running:
                record.state = terminated(137, reason="ContainerStatusUnknown", message=_LOST)
        self._has_sandbox = bool(self._status.get("podIP"))
        self._end(0)

    # Running.

    def _advance(self) -> None:
        """Start what may start now: init containers one by one, then all others."""
        if not self._prepare():
            return
        for container in self._init:
            if container.record.exit_code != 0:
                self._start_if_due(container)
                return
        for container in self._regular:
            self._start_if_due(container)

    def _prepare(self) -> bool:
        """Volumes and what is needed to make them; True when all are there."""
        if self._volumes and time.monotonic() < self._refresh_at:
            return True
        first = self._volumes is None
        try:
            if first:
                self._annotations = self._namespace_annotations()
                self._prepared = with_account_volume(self._manifest, self._cluster)
                for container, spec in zip(self._containers, self._prepared_specs(), strict=True):
                    container.spec = spec
            volumes = self._volumes or Volumes(
                self._prepared,
                self._workspace.folder(self.uid) / "volumes",
                self._workspace.folder(self.uid, large=True),
                fs_group(self._manifest, self._annotations),
            )
            volumes.refresh(self._find, self._token)
        except VolumeError as error:
            if first:
                self._warn_once("FailedMount", str(error))
                self._try_again(str(error))
                return False
        else:
            self._volumes = volumes
            self._has_sandbox = True
        self._refresh_at = time.monotonic() + _REFRESH_SECONDS
        return True

    def _prepared_specs(self) -> list[Manifest]:
        spec = self._prepared["spec"]
        return [*(spec.get("initContainers") or []), *spec["containers"]]

    def _namespace_annotations(self) -> dict[str, str]:
        try:
            found = self._cluster.read("Namespace", self._manifest["metadata"]["namespace"])
        except ForbiddenError:
            found = None
        return ((found or {}).get("metadata") or {}).get("annotations") or {}

    @property
    def _find(self) -> Find:
        namespace = self._manifest["metadata"]["namespace"]

        def find(kind: Kind, name: str) -> Manifest | None:
            return self._cluster.read(kind, name, namespace)

        return with_cluster_ca(find, self._cluster.ca)

    def _token(self, audience: str | None, seconds: int | None) -> str:
        try:
            return self._tokens.token(audience, seconds)
        except NotFoundError as error:
            account = self._manifest["spec"].get("serviceAccountName") or "default"
            raise VolumeError(f'failed to fetch token: serviceaccounts "{account}" not found') from error

    def _start_if_due(self, container: Container) -> None:
        record = container.record
        if record.is_running or self._ended_for_good(container) or time.monotonic() < container.not_before:
            return
        try:
            plan = self._plan(container)
        except ContainerConfigError as error:
            record.state = waiting(error.reason, str(error))
            container.not_before = time.monotonic() + _RETRY_SECONDS
            self._warn_once("Failed", f"Error: {error}")
            return
        if "terminated" in record.state:
            record.last_state = record.state
        if record.last_state:
            record.restart_count += 1
        record.container_id = f"lab://{self.uid}/{record.name}/{record.restart_count}"
        try:
            container.start(plan, lambda code: self._tell_exit(container, code))
        except StartError as error:
            self._ended(container, 128, reason="StartError", message=f"failed to start container: {error}")
            self._warn_once("Failed", f"Error: {error}")
            return
        record.state = running(timestamp())
        logger.info("%s %s: container %s started", self._cluster.context, self.title, record.name)

    def _plan(self, container: Container) -> Confinement:
        spec = container.spec
        if container.record.init and spec.get("restartPolicy") == "Always":
            raise ContainerConfigError("init containers that keep running (sidecars) are not available in the lab")
        who = identity(self._manifest, spec, self._annotations)
        asked_for = environment(
            self._manifest, spec, self._find, api_host=self._cluster.host, api_port=self._cluster.port
        )
        argv = command_line(spec, asked_for)
        volumes = self._volumes.mounts(spec, asked_for) if self._volumes else []
        return Confinement(
            scratch=str(container.scratch),
            argv=argv,
            environment={**image_variables(self._manifest, who.uid), **asked_for},
            hostname=self._manifest["spec"].get("hostname") or self._manifest["metadata"]["name"],
            uid=who.uid,
            gid=who.gid,
            groups=who.groups,
            working_dir=spec.get("workingDir") or "/",
            read_only_root=who.read_only_root,
            mounts=(*self._tools, container.message_mount(who.gid), *volumes),
        )

    def _tell_exit(self, container: Container, code: int) -> None:
        self._leave_word(lambda: self._ended(container, code))

    def _ended(self, container: Container, code: int, *, reason: str = "", message: str = "") -> None:
        record = container.record
        record.state = terminated(
            code,
            reason=reason,
            message=message or container.termination_message(code),
            started_at=(record.state.get("running") or {}).get("startedAt"),
            container_id=record.container_id,
        )
        logger.info("%s %s: container %s ended with %s", self._cluster.context, self.title, record.name, code)
        if self._ending or self._ended_for_good(container):
            return
        # The first restart is immediate, the next ones wait longer and longer.
        container.failures += 1
        if container.failures == 1:
            return
        delay = min(_BACK_OFF_FIRST * 2 ** (container.failures - 2), _BACK_OFF_LONGEST)
        container.not_before = time.monotonic() + delay
        metadata = self._manifest["metadata"]
        text = (
            f"back-off {delay}s restarting failed container={record.name} "
            f"pod={metadata['name']}_{metadata['namespace']}({self.uid})"
        )
        record.last_state, record.state = record.state, waiting("CrashLoopBackOff", text)

    # Reporting.

    def _try_again(self, why: str) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        if why != self._trouble:
            logger.warning("%s %s: %s; trying again", self._cluster.context, self.title, why)
            self._trouble = why

    def _warn_once(self, reason: str, message: str) -> None:
        if message != self._trouble:
            logger.warning("%s %s: %s: %s", self._cluster.context, self.title, reason, message)
            self._trouble = message
            self._cluster.warn(self._manifest, reason, message)

    def _report(self) -> None:
        """Write the status if it differs from what was written last."""
        if self._vanished or not self._bound:
            return
        ending = self._ending
        over = self._over()
        status = pod_status(
            [container.record for container in self._containers],
            self._policy,
            earlier=self._status,
            started_at=self._started_at,
            has_sandbox=self._has_sandbox,
            ending=ending is not None and over,
            reason=ending.reason if ending and over else "",
            message=ending.message if ending and over else "",
        )
        if status == self._written:
            return
        if self._stopping:
            after = self._cluster.write_status(self._manifest, status, _STOP_REPORT_SECONDS)
        else:
            after = self._cluster.write_status(self._manifest, status)
        self._written = status
        self._status = after["status"]
        if status["phase"] in TERMINAL:
            logger.info("%s %s: %s", self._cluster.context, self.title, status["phase"])
