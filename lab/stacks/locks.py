"""Pulumi's locks on the stacks of the lab: who holds one, and whether that run still lives.

Reads the backend's files; only `pulumi cancel` removes a lock. A run that was killed leaves its lock behind, and
Pulumi's own words about it lead to a file of the backend.
"""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from lab.home import Home, LabError
from lab.stacks import state

# The lock's time is taken a moment after its process began, by another clock.
TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Lock:
    """One lock, as its file has it.

    Attributes:
        stack: that is locked.
        pid: of the `pulumi` that took it.
        user: who ran that.
        host: where.
        since: when it was taken.
    """

    stack: str
    pid: int
    user: str
    host: str
    since: datetime

    @property
    def is_elsewhere(self) -> bool:
        """Whether its process is on another machine, where it cannot be seen."""
        return self.host != socket.gethostname()

    @property
    def is_held(self) -> bool:
        """Whether its process still lives; one that got the same pid later is another one."""
        try:
            process = psutil.Process(self.pid)
            older = process.create_time() <= self.since.timestamp() + TOLERANCE_SECONDS
            return not self.is_elsewhere and older and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def sentence(self) -> str:
        """Who holds the stack since when, and whether that run still lives."""
        if self.is_elsewhere:
            life = "on another machine, where this one cannot see it"
        else:
            life = "which still runs" if self.is_held else "which does not run any more"
        since = self.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"stack {self.stack} is locked since {since} by {self.user}@{self.host}, process {self.pid}, {life}"


def locks(home: Home, stack: str) -> list[Lock]:
    """The locks on a stack, the oldest first; a file that vanishes or is none of Pulumi's is no lock."""
    folder = state.folder(home) / ".pulumi" / "locks" / "organization" / state.PROJECT / stack
    found = [lock for file in folder.glob("*.json") if (lock := _read(stack, file))]
    return sorted(found, key=lambda lock: lock.since)


def refuse_locked(home: Home, stacks: Iterable[str]) -> None:
    """Refuse to work on stacks that somebody has locked.

    Raises:
        LabError: one is, with the command that helps.
    """
    for stack in stacks:
        for lock in locks(home, stack):
            if lock.is_held:
                advice = "wait for it, or press Ctrl-C where it runs"
            else:
                advice = f"run `python -m lab cancel -s {stack}`, then `python -m lab up`, which goes on from there"
            raise LabError(f"The {lock.sentence}: {advice}.")


def refuse_held(home: Home, stack: str) -> None:
    """Refuse to take a stack's lock from a run that still lives.

    Raises:
        LabError: it lives.
    """
    for lock in locks(home, stack):
        if lock.is_held:
            raise LabError(
                f"The {lock.sentence}: wait for it, or end it with `kill -INT {lock.pid}`, after which it keeps its "
                "state and gives the lock back."
            )


def _read(stack: str, file: Path) -> Lock | None:
    try:
        facts = json.loads(file.read_text())
        since = datetime.fromisoformat(facts["timestamp"])
        return Lock(stack, int(facts["pid"]), str(facts["username"]), str(facts["hostname"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None
