"""What stands, on a terminal: one line an object, stack by stack, as wide as the terminal and no wider.

Names are never cut or broken. What does not fit is the detail: of a Ready object it is cut at a word, of any other it
goes on below, broken between words. From 120 columns on nothing is cut.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console
from rich.text import Text

from ops.status.row import DEAD, ERROR, READY, Row
from ops.status.survey import Status

WIDE = 120
SHORTEST = 12
"""A detail of fewer columns says nothing: it goes below, or is left out."""

_GAP = "  "
_COLOURS = {READY: "green", ERROR: "red", DEAD: "red"}


def show(console: Console, lines: Iterable[Text]) -> None:
    """Print lines that have been made for this console's width."""
    for line in lines:
        # A word longer than the terminal, such as an address, is the only thing that the terminal itself breaks.
        console.print(line, soft_wrap=True, highlight=False)


def table(status: Status, width: int) -> Iterator[Text]:
    """The rows, stack by stack, and the summary line."""
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, status.rows), strict=True)]
    for stack, rows in groupby(status.rows, lambda row: row.stack):
        yield Text(stack, style="bold")
        for row in rows:
            yield from _lines(row, widths, width)
    yield summary(status)


def fitted(status: Status, width: int, height: int) -> list[Text]:
    """Table and next commands; where they are longer than the screen, without what is Ready."""
    lines = [*table(status, width), *commands(status, width)]
    if len(lines) <= height:
        return lines
    troubles = replace(status, rows=[row for row in status.rows if not row.ready])
    return [*list(table(troubles, width))[:-1], summary(status), *commands(status, width)]


def commands(status: Status, width: int) -> Iterator[Text]:
    """The next commands, each once, with what it is about; nothing where all is Ready. No command is cut."""
    if status.next:
        yield Text("Next:", style="bold")
    for one in status.next:
        line = Text(f"{_GAP}{one.command}")
        about = f"# {one.about}"
        yield ended(line, about if len(line) + len(_GAP) + len(about) <= width else "")


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
        yield ended(line, detail)
    elif row.ready and width < WIDE:
        yield ended(line, shortened(detail, room))
    else:
        yield ended(line, "")
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


def ended(line: Text, detail: str) -> Text:
    """The line with its detail, if there is one, and without blanks at its end."""
    line.append(f"{_GAP}{detail}" if detail else "")
    line.rstrip()
    return line
