"""What a run waits for, and how a person ends it.

Source of the words: pulumi:pkg/backend/cancellation_scope.go.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator

from lab.engine.run import Run

_NOTE = "Note that terminating immediately may lead to orphaned resources and other inconsistencies.\n"


def wait_for_any(*events: threading.Event) -> None:
    """Return when one of the events is set. Signals are handled meanwhile."""
    some = threading.Event()

    def forward(event: threading.Event) -> None:
        event.wait()
        some.set()

    for event in events:
        threading.Thread(target=forward, args=(event,), daemon=True).start()
    while not some.wait(0.5):
        continue


@contextlib.contextmanager
def cancelling(run: Run) -> Iterator[None]:
    """Let SIGINT and SIGTERM cancel the run while it lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
        threading.Thread(target=cancel, args=(number,), daemon=True).start()

    def cancel(number: int) -> None:
        name, again = ("SIGTERM", "send SIGTERM") if number == signal.SIGTERM else ("^C", "press ^C")
        if run.cancelled:
            run.events.message(f"{name} received; terminating")
        else:
            note = "" if run.options.preview else _NOTE
            run.events.message(
                f"{name} received; cancelling. If you would like to terminate immediately, {again} again.\n{note}"
            )
        run.cancel()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
