"""How the lab tells a person what it is doing, on a terminal and in a log alike.

Owns the wording's way to the screen, not the wording. Everything goes to standard error, so that `--json` output on
standard output stays clean.
"""

import sys
import threading
import time
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.status import Status

PLAIN_INTERVAL_SECONDS = 15.0


class Progress(Protocol):
    """What a long-running function needs to report; safe to call from several threads."""

    def step(self, text: str) -> None:
        """Say that something has begun or is done; the line stays."""

    def update(self, text: str) -> None:
        """Say how far the present step is; the line may be replaced by the next one."""


class Silent:
    """Reports nothing: for tests and for callers that only want the result."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def update(self, text: str) -> None:
        """Say nothing."""


class Terminal:
    """Lines for steps and one spinner for the present state; without a terminal, lines with the elapsed time only.

    Use as a context manager, so that the spinner is gone before the next thing is printed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._said_at = float("-inf")
        self._status: Status | None = None

    def __enter__(self) -> "Terminal":
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def step(self, text: str) -> None:
        """Print the line at once."""
        with self._lock:
            self._print(text)

    def update(self, text: str) -> None:
        """Show the text behind the spinner; without a terminal, print it when the last line is some seconds old."""
        with self._lock:
            if self._status is not None:
                self._status.update(text, spinner_style="cyan")
            elif time.monotonic() - self._said_at >= PLAIN_INTERVAL_SECONDS:
                self._print(text)

    def _print(self, text: str) -> None:
        self._said_at = time.monotonic()
        elapsed = f"{self._said_at - self._began:6.1f} s  "
        self._console.print(elapsed + text, markup=False, soft_wrap=True)
