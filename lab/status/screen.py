"""What stands on the lab, on a terminal: its processes, and below them the table of ops.status."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from lab.status.survey import Status
from ops.status import screen
from ops.status.row import DEAD

_GAP = "  "


def show(console: Console, status: Status, *, processes: bool = False) -> None:
    """Print the table and the summary line; with `processes` those of the lab, their ports and memory before."""
    if processes:
        screen.show(console, _processes(status, console.width))
    screen.show(console, screen.table(status, console.width))


def _processes(status: Status, width: int) -> Iterator[Text]:
    longest = max((len(process.name) for process in status.processes), default=0)
    for process in status.processes:
        word, colour = ("up", "green") if process.alive else (DEAD, "red")
        if process.stopped:
            word, colour = "held", "red"
        line = Text(f"{process.name.ljust(longest)}{_GAP}").append(word.ljust(4), style=colour)
        ports = ", ".join(f"{name} {port}" for name, port in process.ports.items())
        yield screen.ended(line, screen.shortened(ports, width - len(line) - len(_GAP)))
    yield Text(f"memory (PSS): {status.memory_bytes / 2**20:.0f} MiB")
