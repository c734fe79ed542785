"""How the lab's own processes learn that they are to end."""

import signal
import threading


def stop_event() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set from now on; call it from the main thread."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
