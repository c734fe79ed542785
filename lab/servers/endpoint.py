"""Quick questions to an HTTPS server that may not be there yet: the conditions that the lab's starts wait for."""

import json
import socket
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from lab.servers.certificates import Pair

QUESTION_SECONDS = urllib3.Timeout(connect=1.0, read=5.0)


class Endpoint:
    """One HTTPS server, by URL, the authority that it is known by, and the certificate to show it."""

    def __init__(self, url: str, authority: Path, client: Pair | None = None) -> None:
        self.url = url
        certificate, key = (str(client.certificate), str(client.key)) if client else (None, None)
        self._pool = urllib3.PoolManager(
            ca_certs=str(authority), cert_file=certificate, key_file=key, retries=False, timeout=QUESTION_SECONDS
        )

    def ok(self, *paths: str) -> bool:
        """Whether the server answers 200 to GET of each of these paths."""
        return all(self._status("GET", path, None) == 200 for path in paths)

    def create(self, path: str, body: dict[str, Any]) -> int:
        """POST an object; returns the HTTP status, 0 where nobody answers."""
        return self._status("POST", path, body)

    def _status(self, method: str, path: str, body: dict[str, Any] | None) -> int:
        headers = {"Content-Type": "application/json"} if body else {}
        content = json.dumps(body).encode() if body else None
        try:
            return self._pool.request(method, self.url + path, body=content, headers=headers).status
        except HTTPError:
            return 0


def listening(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((host, port)) == 0
