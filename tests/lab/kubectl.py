"""kubectl as a person has it: for its output, and in a terminal of its own."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.waiting import SECONDS, until


def command(lab: Lab, context: str, *arguments: str) -> list[str]:
    """The command line for one of the lab's clusters."""
    program = str(Path(sys.executable).parent / "kubectl")
    return [program, "--kubeconfig", str(lab.kubeconfig), "--context", context, *arguments]


class Terminal:
    """A terminal in which a command runs, and what is seen in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", keyboard: int) -> None:
        self.process = process
        self._keyboard = keyboard
        self._seen = b""

    def resize(self, rows: int, columns: int) -> None:
        """Make the window another size."""
        _resize(self._keyboard, rows, columns)

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._keyboard, keys.encode())

    def see(self, words: str) -> str:
        """Everything seen so far, once these words are."""

        def shown() -> str:
            self._look()
            text = self._seen.decode(errors="replace")
            return text if words in text else ""

        return until(shown)

    def _look(self) -> None:
        try:
            self._seen += os.read(self._keyboard, 1 << 16)
        except (BlockingIOError, OSError):
            # Nothing new; or the command has ended, and nobody has the terminal any more.
            return


@contextmanager
def terminal(line: list[str], rows: int = 24, columns: int = 80) -> Iterator[Terminal]:
    """Run a command in a terminal of this size; it is hung up on at the end."""
    keyboard, screen = os.openpty()
    os.set_blocking(keyboard, False)
    _resize(keyboard, rows, columns)
    try:
        # A session with the terminal as its own, so that it is told when the window changes its size.
        program = shutil.which("setsid")
        assert program
        process = subprocess.Popen([program, "--ctty", *line], stdin=screen, stdout=screen, stderr=screen)
    finally:
        os.close(screen)
    try:
        yield Terminal(process, keyboard)
    finally:
        os.close(keyboard)
        process.wait(SECONDS)


def _resize(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
