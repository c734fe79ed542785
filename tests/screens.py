"""A terminal of a given width for a test: what a command sends there, and what a person sees of it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyte
from rich.cells import cell_len

from docs.generate.pictures.recording import record

LINES = 24
HISTORY = 5000


def raw(command: Sequence[str], width: int, folder: Path, environ: Mapping[str, str] | None = None) -> bytes:
    """Run the command on a terminal of this width; what it sent there."""
    return record(command, folder, columns=width, lines=LINES, environ=environ).data


def screen(said: bytes, width: int) -> list[str]:
    """What a person sees of it: every line that was shown, also those that have scrolled away."""
    terminal = pyte.HistoryScreen(width, LINES, history=HISTORY)
    pyte.ByteStream(terminal).feed(said)
    rows = [*terminal.history.top, *(terminal.buffer[row] for row in range(LINES))]
    shown = ["".join(row[column].data for column in range(width)).rstrip() for row in rows]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def broken(said: bytes, width: int) -> list[str]:
    """The lines that the terminal itself had to break, for they were wider than it."""
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", said).decode()
    return [line for line in re.split(r"[\r\n]+", plain) if cell_len(line) > width]
