"""Everything that stands on the lab, asked at the same time: its processes, and what ops.status sees of its clusters.

Owns what the lab adds to that answer. How it looks is the business of screen.py.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.environment import Environment
from lab.stacks import Stack
from lab.status import dead, vault
from lab.status.advice import LabAdvice
from lab.status.clusters import standing
from lab.status.dead import Seen
from ops.status.survey import Status as OfClusters
from ops.status.survey import survey as look_at_clusters


@dataclass(frozen=True)
class Status(OfClusters):
    """What stood at one moment; the default is a lab that does not run.

    Attributes:
        processes: every process of the lab.
        memory_bytes: memory (PSS) of all of them.
        exists: whether there is a lab at all.
    """

    processes: list[Seen] = field(default_factory=list)
    memory_bytes: int = 0
    exists: bool = False

    @property
    def running(self) -> bool:
        """Whether there is a lab and each of its processes lives."""
        return self.exists and all(process.alive for process in self.processes)

    @property
    def ok(self) -> bool:
        """Whether the lab runs, something stands on it, and all of that is Ready."""
        return self.running and super().ok

    def document(self) -> dict[str, Any]:
        """The same as JSON.

        Keys: those of ops.status, besides `running` (there is a lab and all of its processes live), `processes` and
        `memory_bytes`.
        """
        return {
            **super().document(),
            "running": self.running,
            "processes": [asdict(process) | {"log": str(process.log)} for process in self.processes],
            "memory_bytes": self.memory_bytes,
        }


def survey(environment: Environment | None, stacks: Sequence[Stack]) -> Status:
    """Look at the lab and at what these stacks have on it; takes less than five seconds whatever is dead."""
    if environment is None:
        return Status()
    processes = dead.look(environment)
    with ThreadPoolExecutor() as threads:
        memory = threads.submit(environment.memory)
        sealed = threads.submit(vault.rows, environment, processes)
        found = look_at_clusters(standing(environment, stacks), LabAdvice(environment), rotations=False)
    return Status(
        rows=[*dead.rows(processes), *sealed.result(), *found.rows],
        replication=found.replication,
        processes=processes,
        memory_bytes=memory.result(),
        exists=True,
    )
