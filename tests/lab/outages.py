"""Outages of the lab's servers, and commands that a test begins, watches and ends."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from lab import environment
from lab.servers import process
from lab.stacks import Runner
from tests.lab.checkout import Checkout, Result
from tests.lab.lab import Lab

SECONDS = 180
"""How long anything may take that is not meant to be in vain, on a busy machine."""


@contextmanager
def down(lab: Lab, *parts: str) -> Iterator[None]:
    """Kill the servers whose names begin so, such as `skupper`; they come back with their addresses and data."""
    process.stop((one for one in lab.environment.processes() if one.name.startswith(parts)), grace=0)
    try:
        yield
    finally:
        environment.start(lab.home)


def control_plane(context: str) -> tuple[str, ...]:
    """The servers that a cluster is down without: alone, the controllers would come back half a minute late."""
    return f"kube-apiserver-{context}", f"kube-controller-manager-{context}"


@contextmanager
def stalled(lab: Lab, name: str) -> Iterator[None]:
    """A server that takes connections and answers nothing; afterwards it goes on where it was."""
    (server,) = (one for one in lab.environment.processes() if one.name == name)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@dataclass
class Begun:
    """A command that runs."""

    process: subprocess.Popen[str]
    output: IO[str]

    def outlasts(self, seconds: float) -> bool:
        """Whether it still runs after that time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self, number: signal.Signals | None = None) -> Result:
        """Signal it, if a signal is given, and wait until it has ended."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        self.output.seek(0)
        return Result(code, self.output.read())


@contextmanager
def begun(checkout: Checkout, action: str, name: str, *arguments: str, previewed: bool = False) -> Iterator[Begun]:
    """Begin a command on a stack, after its preview or without; one that still runs at the end is killed."""
    runner = Runner(checkout.environment, checkout.root)
    runner.prepare(checkout.stacks())
    (stack,) = [stack for stack in checkout.stacks() if stack.name == name]
    line = [word for word in runner.line(action, stack, arguments) if not (previewed and word == "--skip-preview")]
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            line,
            cwd=runner.project,
            env=runner.environ(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield Begun(process, output)
        finally:
            process.kill()
