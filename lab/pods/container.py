"""One container of a pod: its record and, while it runs, its confined process and its log.

Owns starting, signalling and the end of that process, the log file, and the termination message. Does not decide when
to start, restart or stop: the pod does.
"""

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.kube import Manifest
from lab.pods import confinement, logs
from lab.pods.confinement import Confinement, Mount
from lab.pods.status import ContainerRecord

MESSAGE_BYTES = 4096
"""The longest termination message (kubernetes: pkg/kubelet/container/runtime.go)."""

_LOG_BYTES = 10 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class StartError(Exception):
    """The command could not be started; what the kernel said."""


@dataclass(frozen=True)
class Running:
    """A confined command that runs, and the reading end of what it prints."""

    process: subprocess.Popen[bytes]
    output: io.BufferedReader


def launch(plan: Confinement) -> Running:
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
                [sys.executable, "-I", "-S", confinement.__file__, str(reporting)],
                stdin=plan_file,
                stdout=printing,
                stderr=printing,
                pass_fds=[reporting],
                start_new_session=True,
                env={},
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
    return Running(process, os.fdopen(output, "rb"))


class Container:
    """A container's record, its process while it runs, and the files that outlive a run."""

    def __init__(self, spec: Manifest, *, init: bool, log: Path, work: Path) -> None:
        self.spec = spec
        self.record = ContainerRecord(name=spec["name"], image=spec.get("image", ""), init=init)
        self.not_before = 0.0
        self.failures = 0
        self.log = log
        self._work = work
        self._running: Running | None = None

    @property
    def scratch(self) -> Path:
        """An empty folder for the root file system."""
        return self._made(self._work / f"{self.record.name}.root")

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def message_mount(self, group: int) -> Mount:
        """A fresh, empty termination message, writable for the container's group, where the container expects it."""
        file = self._message_file
        self._made(file.parent)
        file.unlink(missing_ok=True)
        file.touch()
        if os.geteuid() == 0:
            os.chown(file, 0, group)
        file.chmod(0o666)
        return Mount(
            source=str(file.resolve()), target=self.spec.get("terminationMessagePath") or "/dev/termination-log"
        )

    @property
    def _message_file(self) -> Path:
        return self._work / f"{self.record.name}.message"

    def start(self, plan: Confinement, on_exit: Callable[[int], None]) -> None:
        """Run the command; `on_exit` is called with its exit code from another thread, after its last output.

        Raises:
            StartError: it does not run.
        """
        if self.log.exists():
            self.log.replace(logs.previous(self.log))
        self.log.touch(mode=0o600)
        self._running = launch(plan)
        threading.Thread(target=self._follow, args=(self._running, on_exit), daemon=True).start()

    def _follow(self, running: Running, on_exit: Callable[[int], None]) -> None:
        """Copy the output until its last writer is gone. A full disk must not stop the container."""
        with running.output as pipe:
            while chunk := pipe.read1(_CHUNK_BYTES):
                with contextlib.suppress(OSError):
                    self._append(chunk)
        code = running.process.wait()
        on_exit(code if code >= 0 else 128 - code)

    def _append(self, chunk: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(chunk)
            full = file.tell() > _LOG_BYTES
        if full:
            self.log.replace(logs.previous(self.log))

    def termination_message(self, exit_code: int) -> str:
        """What the container left at its terminationMessagePath; else, if asked for and it failed, its last lines."""
        try:
            with self._message_file.open("rb") as file:
                message = file.read(MESSAGE_BYTES).decode(errors="replace")
        except OSError:
            message = ""
        if message or exit_code == 0 or self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return message
        return logs.tail(self.log)

    def terminate(self) -> None:
        """Ask every process of the container to end."""
        if self._running and self._running.process.poll() is None:
            self._running.process.terminate()

    def kill(self) -> None:
        """End every process of the container."""
        if self._running and self._running.process.poll() is None:
            self._running.process.kill()
