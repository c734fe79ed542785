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
from rich.text import Text

from lab.lines import wrapped

BEAT_SECONDS = 1.0
# Without a terminal; the longest silence of a person who reads a log.
PLAIN_INTERVAL_SECONDS = 10.0
SPINNER_COLUMNS = 2


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
    """Lines for steps, and one spinner for the present state; without a terminal, its line every ten seconds.

    What is done within a second has no spinner. While nobody reports anything the last words are shown with the time
    that has passed since. Use as a context manager, so that the spinner is gone before the next thing is printed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._lock = threading.Lock()
        self._began = self._said_at = self._since = time.monotonic()
        self._text = ""
        self._status: Status | None = None
        self._done = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="progress", daemon=True)

    def __enter__(self) -> "Terminal":
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._beats.join()
        if self._status is not None:
            self._status.stop()
            self._status = None

    def step(self, text: str) -> None:
        """Print the line at once."""
        with self._lock:
            self._now(text)
            self._print(text)

    def update(self, text: str) -> None:
        """Have the text shown from the next beat on."""
        with self._lock:
            self._now(text)

    def _now(self, text: str) -> None:
        if text != self._text:
            self._text, self._since = text, time.monotonic()

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with self._lock:
                now = time.monotonic()
                lasts = now - self._since
                text = f"{self._text} ({lasts:.0f} s)" if self._text and lasts >= BEAT_SECONDS else self._text
                if self._console.is_terminal:
                    self._spin(text)
                elif self._text and now - self._said_at >= PLAIN_INTERVAL_SECONDS:
                    self._print(text)

    def _spin(self, text: str) -> None:
        shown = Text(text)
        shown.truncate(self._console.width - SPINNER_COLUMNS, overflow="ellipsis")
        if self._status is None:
            self._status = self._console.status(shown, spinner_style="cyan")
            self._status.start()
        else:
            self._status.update(shown)

    def _print(self, text: str) -> None:
        self._said_at = time.monotonic()
        elapsed = f"{self._said_at - self._began:6.1f} s  "
        line = Text(text)
        lines = wrapped(line, self._console.width - len(elapsed)) if self._console.is_terminal else [line]
        for number, line in enumerate(lines):
            self._console.print(Text(elapsed if number == 0 else " " * len(elapsed)) + line, soft_wrap=True)
