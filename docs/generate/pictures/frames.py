"""What a person sees of a recording, one frame after the other.

Owns which moments are worth a frame and how long each is shown: a picture of a minute's work that takes a minute is
seen by nobody. Does not own how a frame looks (animation.py).
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyte

from docs.generate.pictures.recording import Recording

# What follows within this many seconds belongs to the same frame; the picture shows a frame no longer than this.
SHORTEST = 0.2
LONGEST = 0.4
# A slow machine, on which more happens one after the other, makes no bigger file.
MOST = 60
# All frames but the last take at most so many seconds: nobody watches for longer, however slow the machine was.
WHOLE = 20.0
# For how many seconds the last frame stands, in which the whole result is read.
LAST = 15.0


@dataclass(frozen=True)
class Run:
    """Text of one style within a row: its first column, and its colour as pyte names it."""

    column: int
    text: str
    colour: str
    bold: bool


Row = tuple[Run, ...]
_State = tuple[float, tuple[Row, ...]]


@dataclass(frozen=True)
class Frame:
    """The terminal at one moment.

    Attributes:
        at: seconds since the command began.
        shown: for how many seconds the picture shows it.
        rows: every row of the terminal.
    """

    at: float
    shown: float
    rows: tuple[Row, ...]


def frames(recording: Recording, names: Mapping[str, str]) -> list[Frame]:
    """The frames of a recording; two that follow each other differ.

    Args:
        recording: of a command that has printed something.
        names: texts that the picture shows otherwise, such as a folder of this machine.
    """
    seen = _evenly(list(_seen(recording, names)))
    pauses = [min(after - at, LONGEST) for (at, _), (after, _) in itertools.pairwise(seen)]
    pace = WHOLE / max(sum(pauses), WHOLE)
    return [
        Frame(at, shown, rows) for (at, rows), shown in zip(seen, [*(pace * one for one in pauses), LAST], strict=True)
    ]


def _seen(recording: Recording, names: Mapping[str, str]) -> Iterator[_State]:
    """Each state of the terminal in which it stayed for a moment, with when it began."""
    screen = pyte.Screen(recording.columns, recording.lines)
    stream = pyte.ByteStream(screen)
    last: tuple[Row, ...] = ()
    chunks = recording.chunks
    for number, chunk in enumerate(chunks):
        stream.feed(chunk.data)
        if number + 1 < len(chunks) and chunks[number + 1].at - chunk.at < SHORTEST:
            continue
        rows = tuple(_row(screen, line, names) for line in range(recording.lines))
        if rows != last:
            last = rows
            yield chunk.at, rows


def _evenly(seen: list[_State]) -> list[_State]:
    """At most so many of them, the first and the last included."""
    if len(seen) <= MOST:
        return seen
    return [seen[round(number * (len(seen) - 1) / (MOST - 1))] for number in range(MOST)]


def _row(screen: pyte.Screen, line: int, names: Mapping[str, str]) -> Row:
    runs: list[Run] = []
    cells = [screen.buffer[line][column] for column in range(screen.columns)]
    column = 0
    while column < len(cells):
        style = (cells[column].fg, cells[column].bold)
        end = column
        while end < len(cells) and (cells[end].fg, cells[end].bold) == style:
            end += 1
        text = "".join(cell.data for cell in cells[column:end])
        for name, shown in names.items():
            text = text.replace(name, shown)
        if stripped := text.strip():
            runs.append(Run(column + text.index(stripped), stripped, *style))
        column = end
    return tuple(runs)
