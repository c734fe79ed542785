"""The lab's processes as they are right now: which live, which are dead, which somebody has stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.environment import Environment
from lab.servers.process import Process, last_words
from ops.status.row import DEAD, ERROR, Row

LAB = "lab"
"""The `stack` of the rows of what belongs to no stack: the lab's own processes."""

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
        last_words: why it has ended, where its log says so.
    """

    name: str
    pid: int
    alive: bool
    stopped: bool
    ports: dict[str, int]
    log: Path
    last_words: str


def look(environment: Environment) -> list[Seen]:
    """Every process of the lab, by name."""
    return [_seen(process) for process in environment.processes()]


def dead_processes(environment: Environment) -> list[str]:
    """Names of the processes that have ended and should not have."""
    return [process.name for process in environment.processes() if not process.alive]


def sentence(processes: Sequence[Seen]) -> str:
    """Which of these do not serve, in words (`etcd-site-a is dead`); empty where all do."""
    dead = [process.name for process in processes if not process.alive]
    held = [process.name for process in processes if process.stopped]
    return ", ".join(_are(names, how) for names, how in ((dead, "dead"), (held, "held by a signal")) if names)


def restart(environment: Environment) -> str:
    """Which processes are dead and what to type; empty where none is."""
    dead = dead_processes(environment)
    return f"{_are(dead, 'dead')}: `python -m lab up` starts what is missing." if dead else ""


def rows(processes: Sequence[Seen]) -> list[Row]:
    """What a person has to do about the processes that do not serve; none where all do."""
    return [_row(process) for process in processes if process.stopped or not process.alive]


def _seen(process: Process) -> Seen:
    handle = process.handle()
    return Seen(
        name=process.name,
        pid=process.pid,
        alive=handle is not None,
        stopped=_is_stopped(handle),
        ports=process.ports,
        log=process.log,
        last_words="" if handle else last_words(process),
    )


def _is_stopped(handle: psutil.Process | None) -> bool:
    try:
        return handle is not None and handle.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    except psutil.NoSuchProcess:
        return False


def _are(names: Sequence[str], how: str) -> str:
    listed = " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])
    return f"{listed} {'is' if len(names) == 1 else 'are'} {how}"


def _row(process: Seen) -> Row:
    if process.stopped:
        return Row(LAB, "process", process.name, ERROR, f"held by a signal: `kill -CONT {process.pid}` lets it go on")
    said = f"; it said: {process.last_words}" if process.last_words else ""
    return Row(LAB, "process", process.name, DEAD, f"{START}{said}")
