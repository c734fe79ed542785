"""Everything that stands, asked at the same time: processes, the objects of each stack, the copies of databases.

Owns what belongs to the answer and what it comes to. How it looks is the business of screen.py.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from lab.environment import Environment
from lab.home import Home
from lab.stacks import Stack
from lab.stand_ins.controller.api import UNREACHABLE
from lab.status import dead, operators, vault
from lab.status.clusters import api, namespaces, unanswered
from lab.status.copies import Replication
from lab.status.dead import Seen
from lab.status.namespace import Namespace
from lab.status.replication import figures
from lab.status.row import ERROR, PENDING, Row


@dataclass(frozen=True)
class Status:
    """What stood at one moment; the default is a lab that does not run.

    Attributes:
        processes: every process of the lab.
        memory_bytes: memory (PSS) of all of them.
        rows: every line of the table: processes that do not serve, objects, copies; stack by stack.
        replication: the figures of the copies.
        exists: whether there is a lab at all.
    """

    processes: list[Seen] = field(default_factory=list)
    memory_bytes: int = 0
    rows: list[Row] = field(default_factory=list)
    replication: list[Replication] = field(default_factory=list)
    exists: bool = False

    @property
    def ready(self) -> int:
        """How many rows are Ready."""
        return sum(row.ready for row in self.rows)

    @property
    def not_ready(self) -> int:
        """How many rows are not."""
        return len(self.rows) - self.ready

    @property
    def running(self) -> bool:
        """Whether there is a lab and each of its processes lives."""
        return self.exists and all(process.alive for process in self.processes)

    @property
    def ok(self) -> bool:
        """Whether the lab runs, something stands on it, and all of that is Ready."""
        return self.running and self.ready > 0 and self.not_ready == 0

    def document(self) -> dict[str, Any]:
        """The same as JSON.

        Keys: `ok`, `ready`, `not_ready`, `running` (there is a lab and all of its processes live), `processes`,
        `memory_bytes`, `objects` (every row), `links_ready` (at least one, and all), `replication`.
        """
        links = [row.ready for row in self.rows if row.kind == "Link"]
        return {
            "ok": self.ok,
            "ready": self.ready,
            "not_ready": self.not_ready,
            "running": self.running,
            "processes": [asdict(process) | {"log": str(process.log)} for process in self.processes],
            "memory_bytes": self.memory_bytes,
            "objects": [asdict(row) for row in self.rows],
            "links_ready": bool(links) and all(links),
            "replication": [asdict(copy) for copy in self.replication],
        }


def survey(environment: Environment | None, stacks: Sequence[Stack]) -> Status:
    """Look at the lab and at what these stacks have on it; takes less than five seconds whatever is dead."""
    if environment is None:
        return Status()
    processes = dead.look(environment)
    standing = [stack for stack in stacks if stack.context in environment.contexts]
    with ThreadPoolExecutor() as threads:
        memory = threads.submit(environment.memory)
        measured = threads.submit(figures, environment, standing)
        sealed = threads.submit(vault.rows, environment, processes)
        found = list(threads.map(partial(_of_stack, environment), standing))
        copies = measured.result()
    rows = [*dead.rows(processes), *sealed.result()]
    for stack, own in zip(standing, found, strict=True):
        rows += [*own, *(copy.row() for copy in copies if copy.stack == stack.name)]
    return Status(processes, memory.result(), rows, copies, exists=True)


def _of_stack(environment: Environment, stack: Stack) -> list[Row]:
    """The objects of a stack; an API server that does not answer is one row."""
    client, found = api(environment, stack), list[Row]()
    try:
        if environment.bare:
            found += operators.rows(client, stack)
        for name in namespaces(stack):
            namespace = Namespace(client, Home(environment.root), stack, name)
            found += [*namespace.objects(), *namespace.troubles()]
    except UNREACHABLE as error:
        why = unanswered(environment, stack, error)
        return [Row(stack.name, "cluster", stack.context, ERROR, f"{why}: nothing is known of its objects")]
    if not found:
        nothing = f"nothing stands: `python -m lab up -s {stack.name}` brings it up"
        found = [Row(stack.name, "stack", stack.name, PENDING, nothing)]
    return found
