"""A terminal of a given width for a test: what a command prints on it, line by line, as a person sees it."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyte

LINES = 24
HISTORY = 5000


def screen(command: Sequence[str], width: int, folder: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Run the command on a terminal of this width; every line that was shown, also those that have scrolled away."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, width, 0, 0))
    variables = {**os.environ, **(environ or {}), "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        variables.pop(name, None)
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ):
        os.close(theirs)
        terminal = pyte.HistoryScreen(width, LINES, history=HISTORY)
        stream = pyte.ByteStream(terminal)
        while said := _read(ours):
            stream.feed(said)
    os.close(ours)
    rows = [*terminal.history.top, *(terminal.buffer[row] for row in range(LINES))]
    shown = ["".join(row[column].data for column in range(width)).rstrip() for row in rows]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # How a terminal says that nobody holds its other end any more.
        return b""
