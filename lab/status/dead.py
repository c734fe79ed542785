"""The lab's processes as they are right now: which live, which are dead, which somebody has stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.environment import Environment
from lab.servers.process import Process
from lab.status.row import DEAD, ERROR, LAB, Row

START = "`python -m lab up` starts it again"


@dataclass(frozen=True)
class Seen:
    """One process of the lab at the moment of the look.

    Attributes:
        name: of the process.
        pid: of the process, or of the one that has ended.
        alive: whether it exists.
        stopped: whether it is held by a signal (SIGSTOP): it exists and answers nothing.
        ports: name -> port that it serves.
        log: what it wrote.
    """

    name: str
    pid: int
    alive: bool
    stopped: bool
    ports: dict[str, int]
    log: Path


def look(environment: Environment) -> list[Seen]:
    """Every process of the lab, by name."""
    return [_seen(process) for process in environment.processes()]


def dead_processes(environment: Environment) -> list[str]:
    """Names of the processes that have ended and should not have."""
    return [process.name for process in environment.processes() if not process.alive]


def rows(processes: Sequence[Seen]) -> list[Row]:
    """What a person has to do about the processes that do not serve; none where all do."""
    return [_row(process) for process in processes if process.stopped or not process.alive]


def _seen(process: Process) -> Seen:
    handle = process.handle()
    return Seen(process.name, process.pid, handle is not None, _is_stopped(handle), process.ports, process.log)


def _is_stopped(handle: psutil.Process | None) -> bool:
    try:
        return handle is not None and handle.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    except psutil.NoSuchProcess:
        return False


def _row(process: Seen) -> Row:
    if process.stopped:
        return Row(LAB, "process", process.name, ERROR, f"held by a signal: `kill -CONT {process.pid}` lets it go on")
    return Row(LAB, "process", process.name, DEAD, START)
