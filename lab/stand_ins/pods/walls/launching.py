"""Starts commands within walls, from the runner: a container's main command, and others inside it later.

Owns the interpreter that the walls are built by and how its failure becomes a sentence.
"""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lab.home import CHECKOUT
from lab.stand_ins.pods.walls.plan import Plan

OUTPUT_BYTES = 10 * 1024
"""How much of a short command's output is kept (kubernetes: pkg/kubelet/prober/prober.go maxRespBodyLength)."""

_KILL_SECONDS = 2.0


class StartError(Exception):
    """The command could not be started; what the kernel said."""


@dataclass(frozen=True)
class Launched:
    """A confined command that runs, and the reading end of what it prints."""

    process: subprocess.Popen[bytes]
    output: io.BufferedReader


@dataclass(frozen=True)
class Streams:
    """The standard streams of a command, by descriptors, which stay whose they are.

    `terminal`: all three are one terminal, which becomes the command's own.
    """

    stdin: int
    stdout: int
    stderr: int
    terminal: bool = False


@dataclass(frozen=True)
class Finished:
    """How a short command ended. `code` is None where its time was over."""

    code: int | None
    output: str


def launch(plan: Plan) -> Launched:
    """Start a container's command, both of its streams in one pipe. Returns once it runs, or has failed to.

    Raises:
        StartError: the command does not run; nothing is left of it.
    """
    output, printing = os.pipe()
    try:
        process = _start(plan, "confinement", stdout=printing, stderr=printing)
    except StartError:
        os.close(output)
        raise
    finally:
        os.close(printing)
    return Launched(process, os.fdopen(output, "rb"))


def run_inside(container: int, plan: Plan, argv: Sequence[str], timeout: float) -> Finished:
    """Run a short command within a container's walls, with its user and environment, for so many seconds at most.

    `container` is the process that `launch` has started.

    Raises:
        StartError: the command does not run, or the container does not run any more.
    """
    # A file and no pipe: nobody reads before the end, and a pipe that is full would stop the command.
    with os.fdopen(os.memfd_create("output"), "w+b") as output, Path(os.devnull).open("rb") as nothing:
        process = start_inside(container, plan, argv, Streams(nothing.fileno(), output.fileno(), output.fileno()))
        code: int | None = None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            end(process)
        output.seek(0)
        return Finished(code, output.read(OUTPUT_BYTES).decode(errors="replace"))


def start_inside(container: int, plan: Plan, argv: Sequence[str], streams: Streams) -> subprocess.Popen[bytes]:
    """Start a command within a container's walls, with its user and environment; SIGTERM to the process kills it.

    `container` is the process that `launch` has started. The command does not outlive the thread that starts it.

    Raises:
        StartError: the command does not run, or the container does not run any more.
    """
    arguments = (str(container), str(streams.stdin), *(["terminal"] if streams.terminal else []))
    # As a container runtime has it.
    terminal = {"TERM": "xterm"} if streams.terminal else {}
    within = replace(plan, argv=tuple(argv), environment={**terminal, **plan.environment})
    return _start(
        within, "entering", *arguments, stdout=streams.stdout, stderr=streams.stderr, inherited=(streams.stdin,)
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a command that `start_inside` has started, and wait until it is gone."""
    process.terminate()
    try:
        process.wait(_KILL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _start(
    plan: Plan, module: str, *arguments: str, stdout: int, stderr: int, inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a module of this package with the plan, and wait until it has become the command."""
    report, reporting = os.pipe()
    with os.fdopen(report, "rb") as reports, ExitStack() as ours:
        ours.callback(os.close, reporting)
        # A file without a name, in memory: the plan may hold secrets.
        plan_file = ours.enter_context(os.fdopen(os.memfd_create("plan"), "w+b"))
        plan_file.write(plan.encode())
        plan_file.seek(0)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-S", "-m", f"{__package__}.{module}", str(reporting), *arguments],
                stdin=plan_file,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[reporting, *inherited],
                start_new_session=True,
                env={"PYTHONPATH": str(CHECKOUT)},
            )
        except OSError as error:
            raise StartError(f"no process for the container: {error.strerror}") from error
        ours.close()
        trouble = reports.read().decode(errors="replace")
    if trouble:
        process.kill()
        process.wait()
        raise StartError(trouble)
    return process
