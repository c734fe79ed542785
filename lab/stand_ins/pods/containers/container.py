"""One container of a pod: its record and, while it runs, its confined process and its log.

Owns starting, signalling and the end of that process, commands beside it, the termination message, and the rules of
restart and back-off. Does not decide when to start or stop: the pod and its care do.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.pods.containers.health import Health
from lab.stand_ins.pods.logs import Log, tail
from lab.stand_ins.pods.status import ContainerRecord, running, terminated, waiting
from lab.stand_ins.pods.walls.launching import (
    Finished,
    Launched,
    StartError,
    Streams,
    launch,
    run_inside,
    start_inside,
)
from lab.stand_ins.pods.walls.plan import Mount, Plan

_MESSAGE_PATH = "/dev/termination-log"
_MESSAGE_BYTES = 4096
"""The longest termination message (kubernetes: pkg/kubelet/container/runtime.go)."""

_BACK_OFF_FIRST, _BACK_OFF_LONGEST = 10, 300
"""Seconds, doubled from the one to the other (kubernetes: pkg/kubelet/kubelet.go MaxContainerBackOff)."""

_FORGIVEN_AFTER = 2 * _BACK_OFF_LONGEST
"""Seconds of running after which earlier failures do not count any more."""

_CHUNK_BYTES = 64 * 1024


class Container:
    """A container's record, its process while it runs, and the files that outlive a run."""

    def __init__(self, spec: Manifest, *, init: bool, restart_policy: str, log: Path, work: Path) -> None:
        """`work` is the pod's folder, which somebody else removes at its end."""
        self.spec = spec
        self.record = ContainerRecord(name=spec["name"], image=spec.get("image", ""), init=init)
        self.not_before = 0.0
        self.kill_at = self._patience = float("inf")
        self.health = Health({}, 0.0)
        self._began = 0.0
        self._plan: Plan | None = None
        self._restart_policy = restart_policy
        self._failures = 0
        self._log = Log(log)
        self._scratch = work / f"{self.record.name}.root"
        self._message_file = work / f"{self.record.name}.message"
        self._launched: Launched | None = None

    @property
    def ended_for_good(self) -> bool:
        """Whether it has ended and its policy does not start it again."""
        code = self.record.exit_code
        if code is None:
            return False
        if code == 0:
            # An init container that has succeeded is never run again, whatever the policy.
            return self.record.init or self._restart_policy != "Always"
        return self._restart_policy == "Never"

    @property
    def is_due(self) -> bool:
        """Whether it may be started now."""
        return not self.record.is_running and not self.ended_for_good and time.monotonic() >= self.not_before

    @property
    def is_stopping(self) -> bool:
        """Whether it has been asked to end."""
        return self._patience < float("inf")

    def scratch(self) -> Path:
        """An empty folder for the root file system."""
        self._scratch.mkdir(exist_ok=True)
        return self._scratch

    def message_mount(self, gid: int) -> Mount:
        """A fresh, empty termination message, writable for the container, where the container expects it."""
        self._message_file.unlink(missing_ok=True)
        self._message_file.touch()
        if os.geteuid() == 0:
            os.chown(self._message_file, 0, gid)
        self._message_file.chmod(0o666)
        target = self.spec.get("terminationMessagePath") or _MESSAGE_PATH
        return Mount(source=str(self._message_file.resolve()), target=target)

    def refuse(self, reason: str, message: str, retry_after: float) -> None:
        """Record why it cannot be made yet."""
        self.record.state = waiting(reason, message)
        self.not_before = time.monotonic() + retry_after

    def start(self, plan: Plan, container_id: str, on_exit: Callable[[int], None]) -> None:
        """Run the command; `on_exit` is called with its exit code from another thread, after its last output.

        Raises:
            StartError: it does not run; recorded as ended.
        """
        record = self.record
        if "terminated" in record.state:
            record.last_state = record.state
        if record.last_state:
            record.restart_count += 1
        record.container_id = f"{container_id}/{record.restart_count}"
        self._log.begin()
        try:
            self._launched = launch(plan)
        except StartError as error:
            self.ended(128, reason="StartError", message=f"failed to start container: {error}")
            raise
        self._plan = plan
        self._began = time.monotonic()
        self.kill_at = self._patience = float("inf")
        self.health = Health(self.spec, self._began)
        record.state = running(timestamp())
        self.judge()
        threading.Thread(target=self._follow, args=(self._launched, on_exit), daemon=True).start()

    def _follow(self, launched: Launched, on_exit: Callable[[int], None]) -> None:
        """Copy the output until its last writer is gone."""
        with launched.output as pipe:
            while chunk := pipe.read1(_CHUNK_BYTES):
                self._log.append(chunk)
        self._log.finish()
        code = launched.process.wait()
        on_exit(code if code >= 0 else 128 - code)

    def judge(self) -> None:
        """Record what the probes say by now."""
        self.record.started, self.record.ready = self.health.started, self.health.ready

    def execute(self, argv: Sequence[str], timeout: float) -> Finished:
        """Run a short command inside, as the container's user; from any thread.

        Raises:
            StartError: it does not run, or the container does not run any more.
        """
        return run_inside(*self._inside(), argv, timeout)

    def start_inside(self, argv: Sequence[str], streams: Streams) -> subprocess.Popen[bytes]:
        """Start a command inside, as the container's user, that reads and prints there; from any thread.

        Raises:
            StartError: it does not run, or the container does not run any more.
        """
        return start_inside(*self._inside(), argv, streams)

    def _inside(self) -> tuple[int, Plan]:
        launched, plan = self._launched, self._plan
        if launched is None or plan is None or launched.process.returncode is not None:
            raise StartError("the container does not run")
        return launched.process.pid, plan

    def ended(self, code: int, *, reason: str = "", message: str = "") -> None:
        """Record the end of a run."""
        if self.record.is_running and time.monotonic() - self._began > _FORGIVEN_AFTER:
            self._failures = 0
        self.record.started = self.record.ready = False
        self.record.state = terminated(
            code,
            reason=reason,
            message=message or self._termination_message(code),
            started_at=(self.record.state.get("running") or {}).get("startedAt"),
            container_id=self.record.container_id,
        )

    def _termination_message(self, exit_code: int) -> str:
        """What the container left at its terminationMessagePath; else, if asked for and it failed, its last lines."""
        try:
            with self._message_file.open("rb") as file:
                message = file.read(_MESSAGE_BYTES).decode(errors="replace")
        except OSError:
            message = ""
        if message or exit_code == 0 or self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return message
        return tail(self._log.path)

    def back_off(self, pod: Manifest) -> str:
        """After a run that is to be repeated: the first time at once, then after longer and longer waits.

        Returns:
            What an event says of the wait; empty where there is none.
        """
        self._failures += 1
        if self._failures == 1:
            return ""
        delay = min(_BACK_OFF_FIRST * 2 ** (self._failures - 2), _BACK_OFF_LONGEST)
        metadata = pod["metadata"]
        owner = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        ended = self.record.state
        message = f"back-off {delay}s restarting failed container={self.record.name} pod={owner}"
        self.refuse("CrashLoopBackOff", message, delay)
        self.record.last_state = ended
        return f"Back-off restarting failed container {self.record.name} in pod {owner}"

    def begin_stop(self, until: float) -> bool:
        """Set or bring forward the moment when patience ends; True the first time: somebody must see to `terminate`."""
        first = not self.is_stopping
        if until < self._patience:
            self._patience = self.kill_at = until
        return first

    def terminate(self) -> None:
        """Ask the main process to end, by its stop signal."""
        if self._launched and self._launched.process.poll() is None:
            self._launched.process.terminate()

    def kill(self) -> None:
        """End every process of the container."""
        if self._launched and self._launched.process.poll() is None:
            self._launched.process.kill()
