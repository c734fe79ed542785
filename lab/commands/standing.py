"""What stands on the lab, for `up` and `status`: one look, its table, its figures."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from lab import replication, report
from lab.environment import Environment
from lab.stacks import Stack


@dataclass(frozen=True)
class Status:
    """What stood at one moment; the default is a lab that does not run."""

    rows: list[report.Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> int:
        """How many rows are Ready."""
        return sum(row.status == "Ready" for row in self.rows)

    @property
    def not_ready(self) -> int:
        """How many rows are not."""
        return len(self.rows) - self.ready

    @property
    def running(self) -> bool:
        """Whether there is a lab and each of its processes lives."""
        return bool(self.facts["running"])

    @property
    def ok(self) -> bool:
        """Whether the lab runs, something stands on it, and all of that is Ready."""
        return self.running and self.ready > 0 and self.not_ready == 0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.facts, "ok": self.ok, "ready": self.ready, "not_ready": self.not_ready}


def survey(environment: Environment | None, stacks: Sequence[Stack]) -> Status:
    """Look at the lab and at what these stacks have on it."""
    if environment is None:
        return Status([], report.document(None, []))
    os.environ.update(environment.environ())
    rows, copies = report.rows(environment, stacks), replication.figures(environment, stacks)
    return Status(rows + report.replication_rows(copies), report.document(environment, rows, copies))


def show(console: Console, status: Status, *, processes: bool = False) -> None:
    """Print the table and the summary line; with `processes` those of the lab before."""
    if processes:
        for process in status.facts["processes"]:
            ports = ", ".join(f"{name} {port}" for name, port in process["ports"].items())
            console.print(f"{process['name']:<34} {'up' if process['alive'] else 'DEAD':<5} {ports}", highlight=False)
        console.print(f"memory (PSS): {status.facts['memory_bytes'] / 2**20:.0f} MiB", highlight=False)
    console.print(report.table(status.rows))
    console.print(f"{status.ready} Ready, {status.not_ready} not", highlight=False)
