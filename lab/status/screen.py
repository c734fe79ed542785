"""What stands, on a terminal: one line an object, stack by stack, as wide as the terminal and no wider.

Names are never cut or broken. What does not fit is the detail: of a Ready object it is cut at a word, of any other it
goes on below, broken between words. From 120 columns on nothing is cut.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from lab.status.row import DEAD, ERROR, READY, Row
from lab.status.survey import Status

WIDE = 120
SHORTEST = 12
"""A detail of fewer columns says nothing: it goes below, or is left out."""

_GAP = "  "
_COLOURS = {READY: "green", ERROR: "red", DEAD: "red"}


def show(console: Console, status: Status, *, processes: bool = False) -> None:
    """Print the table and the summary line; with `processes` those of the lab, their ports and memory before."""
    if processes:
        for line in _processes(status, console.width):
            _print(console, line)
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, status.rows), strict=True)]
    for stack, rows in groupby(status.rows, lambda row: row.stack):
        _print(console, Text(stack, style="bold"))
        for row in rows:
            for line in _lines(row, widths, console.width):
                _print(console, line)
    _print(console, summary(status))


def summary(status: Status) -> Text:
    """`26 Ready, 0 not`."""
    return Text(f"{status.ready} Ready, {status.not_ready} not", style="bold green" if status.ok else "bold red")


def _cells(row: Row) -> tuple[str, str, str]:
    return row.kind, row.name, row.status


def _lines(row: Row, widths: Sequence[int], width: int) -> Iterator[Text]:
    """One row: a line, and below it what is left of its detail."""
    kind, name, status = (text.ljust(size) for text, size in zip(_cells(row), widths, strict=True))
    line = Text(f"{_GAP}{kind}{_GAP}{name}{_GAP}").append(status, style=_COLOURS.get(row.status, "yellow"))
    detail, room = " ".join(row.detail.split()), width - len(line) - len(_GAP)
    if len(detail) <= room:
        yield _ended(line, detail)
    elif row.ready and width < WIDE:
        yield _ended(line, shortened(detail, room))
    else:
        yield _ended(line, "")
        indent = _GAP * 3
        for text in textwrap.wrap(detail, width - len(indent), break_long_words=False, break_on_hyphens=False):
            yield Text(indent + text)


def shortened(text: str, room: int) -> str:
    """As many whole words as there is room for, and an ellipsis; nothing where that says nothing."""
    if len(text) <= room:
        return text
    if room < SHORTEST:
        return ""
    kept = text[: room - 1]
    if not text[room - 1].isspace():
        kept = kept.rpartition(" ")[0]
    return f"{kept.rstrip(' ,:;')}…" if kept else ""


def _ended(line: Text, detail: str) -> Text:
    line.append(f"{_GAP}{detail}" if detail else "")
    line.rstrip()
    return line


def _processes(status: Status, width: int) -> Iterator[Text]:
    longest = max((len(process.name) for process in status.processes), default=0)
    for process in status.processes:
        word, colour = ("up", "green") if process.alive else ("DEAD", "red")
        if process.stopped:
            word, colour = "held", "red"
        line = Text(f"{process.name.ljust(longest)}{_GAP}").append(word.ljust(4), style=colour)
        ports = ", ".join(f"{name} {port}" for name, port in process.ports.items())
        yield _ended(line, shortened(ports, width - len(line) - len(_GAP)))
    yield Text(f"memory (PSS): {status.memory_bytes / 2**20:.0f} MiB")


def _print(console: Console, line: Text) -> None:
    # A word longer than the terminal, such as an address, is the only thing that the terminal itself breaks.
    console.print(line, soft_wrap=True, highlight=False)
