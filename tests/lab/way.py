"""A way to a server that can be closed: connections to it are refused until it is opened."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Way(socketserver.ThreadingTCPServer):
    """A loopback port of its own that leads to another one. A context manager: the port is taken for as long."""

    daemon_threads = True

    def __init__(self, target: int) -> None:
        self.target = target
        super().__init__(("127.0.0.1", 0), _Passage, bind_and_activate=False)
        self.server_bind()

    @property
    def port(self) -> int:
        """Where it begins."""
        return int(self.server_address[1])

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let connections pass."""
        self.server_activate()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield
        finally:
            self.shutdown()


class _Passage(socketserver.BaseRequestHandler):
    server: Way

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as target:
            back = threading.Thread(target=_copy, args=(target, self.request), daemon=True)
            back.start()
            _copy(self.request, target)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    # Either end may be gone already when the other one closes.
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
