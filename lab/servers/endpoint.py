"""Quick questions to an HTTP server that may not be there yet: the conditions that the lab's starts wait for."""

from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from lab.certificates import Files

QUESTION_SECONDS = urllib3.Timeout(connect=1.0, read=5.0)


class Endpoint:
    """One HTTP or HTTPS server, by URL, the authority that it is known by, and the certificate to show it."""

    def __init__(self, url: str, authority: Path | None = None, client: Files | None = None) -> None:
        self.url = url
        certificate, key = (str(client.certificate), str(client.key)) if client else (None, None)
        self._pool = urllib3.PoolManager(
            ca_certs=str(authority) if authority else None,
            cert_file=certificate,
            key_file=key,
            retries=False,
            timeout=QUESTION_SECONDS,
        )

    def ok(self, *paths: str) -> bool:
        """Whether the server answers 200 to GET of each of these paths."""
        try:
            return all(self._pool.request("GET", self.url + path).status == 200 for path in paths)
        except HTTPError:
            return False
