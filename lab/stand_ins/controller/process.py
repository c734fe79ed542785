"""What the stand-ins' processes have in common: options, log, signals, the ready file, and how errors are told.

Owns the order of a process' life: start all parts at the same time, wait until each is ready, say so, wait for SIGTERM
or Ctrl-C, stop everything. What a part does is its own business.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Annotated, Protocol, Self

import typer

from lab.home import LabError
from lab.signals import stop_event

Contexts = Annotated[list[str], typer.Option("--context", help="A context of $KUBECONFIG; may be given several times.")]
ReadyFile = Annotated[Path | None, typer.Option("--ready-file", help="A file to make once everything is ready.")]
READY_SECONDS = 90.0
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Part(Protocol):
    """What acts for one kubeconfig context."""

    context: str

    def start(self) -> None:
        """Begin; called once. May raise LabError, or what the client raises where the API server does not answer."""

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether it is ready, within so many seconds."""

    def stop(self) -> None:
        """End; also called where `start` failed."""


class Process:
    """A context manager around a process' life; a LabError becomes a sentence on standard error and exit code 1."""

    def __init__(self, ready_file: Path | None) -> None:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=FORMAT)
        # It warns of every connection that an API server closes.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._ready_file = ready_file
        self._stopped = stop_event()
        self._open = ExitStack()
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._open.close()
        if isinstance(error, LabError):
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error

    def defer(self, stop: Callable[[], object]) -> None:
        """Call this at the end; what was begun last ends first."""
        self._open.callback(stop)

    def begin(self, parts: Iterable[Part]) -> None:
        """Start these at the same time; at the end stop them.

        Raises:
            LabError: one cannot start.
        """
        self.defer(lambda: _each(_stop, self._parts))
        # One by one: a part that cannot be made must not keep those before it from being stopped.
        self._parts.extend(parts)
        _each(_start, self._parts)

    def wait_until_ready(self) -> None:
        """Wait until each part is ready, or the process is to end.

        Raises:
            LabError: one is not ready in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        for part in self._parts:
            while not self._stopped.is_set() and not part.wait_until_ready(0.1):
                if time.monotonic() > deadline:
                    raise LabError(
                        f"What serves context {part.context!r} was not ready within {READY_SECONDS:.0f} seconds; "
                        "see the lines above."
                    )

    def serve(self) -> None:
        """Make the ready file once all parts are ready, and wait until the process is to end."""
        self.wait_until_ready()
        if self._ready_file and not self._stopped.is_set():
            self._ready_file.touch()
        self._stopped.wait()


def _each(act: Callable[[Part], None], parts: list[Part]) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(act, parts))


def _start(part: Part) -> None:
    # The routers' process uses no API server, and need not load its client.
    from lab.stand_ins.controller.api import UNREACHABLE, error_text  # noqa: PLC0415 - as just said

    try:
        part.start()
    except UNREACHABLE as error:
        text = error_text(error).partition("\n")[0]
        raise LabError(
            f"The API server of context {part.context!r} does not answer as it should ({text}): "
            "start it, or correct the address and the credentials in the kubeconfig."
        ) from error


def _stop(part: Part) -> None:
    part.stop()
