"""Loopback ports: free ones, remembered by name, so that a server that is started again keeps its address.

Owns the numbers. A port is free when it is chosen, not when the server binds it: who starts a server handles that race
by `renew`.
"""

import json
import socket
import threading
from contextlib import ExitStack

from lab.home import Home

LOOPBACK = "127.0.0.1"


class Ports:
    """The ports of one lab, kept in `ports.json` in its home; safe to use from several threads."""

    def __init__(self, home: Home) -> None:
        self._file = home.folder() / "ports.json"
        self._lock = threading.Lock()

    def get(self, name: str) -> int:
        """The port of that name, chosen at the first call."""
        with self._lock:
            known = self._known()
            if name not in known:
                known[name] = self._choose(set(known.values()))
                self._file.write_text(json.dumps(known))
            return known[name]

    def renew(self, *names: str) -> None:
        """Forget these ports, since something else took them; the next `get` chooses others."""
        with self._lock:
            self._file.write_text(json.dumps({key: port for key, port in self._known().items() if key not in names}))

    def _known(self) -> dict[str, int]:
        return (
            {str(name): int(port) for name, port in json.loads(self._file.read_text()).items()}
            if (self._file.exists())
            else {}
        )

    @staticmethod
    def _choose(taken: set[int]) -> int:
        """A free port that no other part of this lab has: the refused ones are held until one fits."""
        with ExitStack() as held:
            while True:
                listener = held.enter_context(socket.socket())
                listener.bind((LOOPBACK, 0))
                port = int(listener.getsockname()[1])
                if port not in taken:
                    return port
