"""Records what a command sends to a terminal, and when.

Owns the pseudo terminal. What a person sees of it is frames.py's subject.
"""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# Each of them has a program print otherwise than on the terminal that it is given.
_UNSET = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI")


@dataclass(frozen=True)
class Chunk:
    """What arrived at once: seconds since the command began, and the bytes."""

    at: float
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A command's whole output on a terminal of this size, and its exit code."""

    columns: int
    lines: int
    chunks: Sequence[Chunk]
    code: int

    @property
    def data(self) -> bytes:
        """All of it, without the times."""
        return b"".join(chunk.data for chunk in self.chunks)

    def until(self, mark: bytes) -> "Recording":
        """What came before the mark, or all of it where there is none."""
        left = len(self.data.partition(mark)[0])
        chunks = []
        for chunk in self.chunks:
            chunks.append(Chunk(chunk.at, chunk.data[:left]))
            left -= len(chunk.data)
            if left <= 0:
                break
        return replace(self, chunks=chunks)


def record(
    command: Sequence[str], folder: Path, *, columns: int, lines: int, environ: Mapping[str, str] | None = None
) -> Recording:
    """Run a command on a terminal of this size, in a folder, to its end.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        columns: the terminal's width.
        lines: the terminal's height.
        environ: variables besides this process's own.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in _UNSET}
    variables |= {"TERM": "xterm-256color", **(environ or {})}
    began = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            chunks = [Chunk(time.monotonic() - began, data) for data in _read(ours)]
        except BaseException:
            # As Ctrl-C on that terminal would do it: whoever ends this process ends the command.
            os.killpg(process.pid, signal.SIGINT)
            raise
        finally:
            os.close(ours)
            # After Ctrl-C, Popen itself waits for a quarter of a second only.
            process.wait()
    return Recording(columns=columns, lines=lines, chunks=chunks, code=process.returncode)


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            # How a terminal says that nobody holds its other end any more.
            return
        if not data:
            return
        yield data
