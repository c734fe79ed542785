"""One container of a pod: its record and, while it runs, its confined process and its log.

Owns starting, signalling and the end of that process, the log file, the termination message, and the rules of restart
and back-off. Does not decide when to start or stop: the pod does.
"""

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.home import CHECKOUT
from lab.kube import Manifest
from lab.pods import logs
from lab.pods.status import ContainerRecord, running, terminated, timestamp, waiting
from lab.pods.walls.plan import Mount, Plan

_MESSAGE_PATH = "/dev/termination-log"
_MESSAGE_BYTES = 4096
"""The longest termination message (kubernetes: pkg/kubelet/container/runtime.go)."""

_BACK_OFF_FIRST, _BACK_OFF_LONGEST = 10, 300
"""Seconds, doubled from the one to the other (kubernetes: pkg/kubelet/kubelet.go MaxContainerBackOff)."""

_LOG_BYTES = 10 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class StartError(Exception):
    """The command could not be started; what the kernel said."""


@dataclass(frozen=True)
class Launched:
    """A confined command that runs, and the reading end of what it prints."""

    process: subprocess.Popen[bytes]
    output: io.BufferedReader


def launch(plan: Plan) -> Launched:
    """Start a confined command, both of its streams in one pipe. Returns once it runs, or has failed to.

    Raises:
        StartError: the command does not run; nothing is left of it.
    """
    report, reporting = os.pipe()
    output, printing = os.pipe()
    with os.fdopen(report, "rb") as reports, contextlib.ExitStack() as ours:
        ours.callback(os.close, reporting)
        ours.callback(os.close, printing)
        # A file without a name, in memory: the plan may hold secrets.
        plan_file = ours.enter_context(os.fdopen(os.memfd_create("plan"), "w+b"))
        plan_file.write(plan.encode())
        plan_file.seek(0)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-S", "-m", "lab.pods.walls.confinement", str(reporting)],
                stdin=plan_file,
                stdout=printing,
                stderr=printing,
                pass_fds=[reporting],
                start_new_session=True,
                env={"PYTHONPATH": str(CHECKOUT)},
            )
        except OSError as error:
            os.close(output)
            raise StartError(f"no process for the container: {error.strerror}") from error
        ours.close()
        trouble = reports.read().decode(errors="replace")
    if trouble:
        process.kill()
        process.wait()
        os.close(output)
        raise StartError(trouble)
    return Launched(process, os.fdopen(output, "rb"))


class Container:
    """A container's record, its process while it runs, and the files that outlive a run."""

    def __init__(self, spec: Manifest, *, init: bool, restart_policy: str, log: Path, work: Path) -> None:
        """`work` is the pod's folder, which somebody else removes at its end."""
        self.spec = spec
        self.record = ContainerRecord(name=spec["name"], image=spec.get("image", ""), init=init)
        self.not_before = 0.0
        self._restart_policy = restart_policy
        self._failures = 0
        self._log = log
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
        if self._log.exists():
            self._log.replace(logs.previous(self._log))
        self._log.touch(mode=0o600)
        try:
            self._launched = launch(plan)
        except StartError as error:
            self.ended(128, reason="StartError", message=f"failed to start container: {error}")
            raise
        record.state = running(timestamp())
        threading.Thread(target=self._follow, args=(self._launched, on_exit), daemon=True).start()

    def _follow(self, launched: Launched, on_exit: Callable[[int], None]) -> None:
        """Copy the output until its last writer is gone. A full disk must not stop the container."""
        with launched.output as pipe:
            while chunk := pipe.read1(_CHUNK_BYTES):
                with contextlib.suppress(OSError):
                    self.append(chunk)
        code = launched.process.wait()
        on_exit(code if code >= 0 else 128 - code)

    def append(self, chunk: bytes) -> None:
        """Add to the log; one that has grown too long becomes the previous log."""
        with self._log.open("ab") as file:
            file.write(chunk)
            full = file.tell() > _LOG_BYTES
        if full:
            self._log.replace(logs.previous(self._log))

    def ended(self, code: int, *, reason: str = "", message: str = "") -> None:
        """Record the end of a run."""
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
        return logs.tail(self._log)

    def back_off(self, pod: Manifest) -> None:
        """After a run that is to be repeated: the first time at once, then after longer and longer waits."""
        self._failures += 1
        if self._failures == 1:
            return
        delay = min(_BACK_OFF_FIRST * 2 ** (self._failures - 2), _BACK_OFF_LONGEST)
        metadata = pod["metadata"]
        owner = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        ended = self.record.state
        message = f"back-off {delay}s restarting failed container={self.record.name} pod={owner}"
        self.refuse("CrashLoopBackOff", message, delay)
        self.record.last_state = ended

    def terminate(self) -> None:
        """Ask every process of the container to end."""
        if self._launched and self._launched.process.poll() is None:
            self._launched.process.terminate()

    def kill(self) -> None:
        """End every process of the container."""
        if self._launched and self._launched.process.poll() is None:
            self._launched.process.kill()
