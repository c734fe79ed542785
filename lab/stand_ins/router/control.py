"""How the controllers tell the routers' process what to carry: tables, one a line, through a Unix socket."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from lab.stand_ins.network.table import Table

AGAIN_SECONDS = 0.2
log = logging.getLogger("skupper.router")


@contextlib.contextmanager
def address(file: Path) -> Iterator[str]:
    """A path to the socket that is short enough for one: a home's may be longer than the 107 bytes allowed."""
    folder = os.open(file.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


class Control:
    """Sends tables from a thread of its own, the latest only, and again to a router process that has come back."""

    def __init__(self, socket_file: Path) -> None:
        self._file = socket_file
        self._latest = b""
        self._changed = threading.Event()
        self._stopped = threading.Event()

    def serve(self, table: Table) -> None:
        """Have this table served; returns at once.

        Also one that changes nothing is sent: only by sending is a router process noticed that was started anew.
        """
        self._latest = table.encode()
        self._changed.set()

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._run, name="router-control", daemon=True).start()

    def stop(self) -> None:
        """Send no more; the routers go on with what they have."""
        self._stopped.set()
        self._changed.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with socket.socket(socket.AF_UNIX) as connection, address(self._file) as path:
                    connection.connect(path)
                    self._send_on(connection)
            except OSError as error:
                log.debug("the routers do not listen (%s): trying again", error.strerror)
                self._changed.set()
                self._stopped.wait(AGAIN_SECONDS)

    def _send_on(self, connection: socket.socket) -> None:
        while self._changed.wait() and not self._stopped.is_set():
            self._changed.clear()
            connection.sendall(self._latest)
