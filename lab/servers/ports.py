"""Loopback ports: free ones, remembered by name, so that a server that is started again keeps its address.

Owns the numbers. They lie below the range that the kernel takes source ports from (`ip_local_port_range`): within it, a
client that tries to reach a server that is down can be given that server's own port and keep it from coming back.
A port is free when it is chosen, not when the server binds it: who starts a server handles that race by `renew`.
"""

import json
import random
import socket
import threading
from pathlib import Path

from lab.home import Home, LabError

LOOPBACK = "127.0.0.1"
LOWEST = 10240
SOURCE_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


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
        """A free port that no other part of this lab has."""
        end = int(SOURCE_PORTS.read_text().split()[0])
        candidates = range(min(LOWEST, end // 2), end)
        for port in random.sample(candidates, len(candidates)):
            if port not in taken and _is_free(port):
                return port
        raise LabError(f"No port of {LOOPBACK} from {candidates.start} to {end - 1} is free: stop what holds them.")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
