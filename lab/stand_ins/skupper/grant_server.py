"""The HTTPS server at which remote controllers redeem access tokens.

Owns sockets, TLS 1.3 and the form of requests and answers; what is answered is decided by `redeem` (grants). Upstream:
internal/kube/grants/server.go and grants.go:312-360. Neither codes nor certificates are ever logged.
"""

import logging
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab.home import LabError
from lab.stand_ins.skupper.grants import Answer
from lab.stand_ins.skupper.pki import TlsData

Redeem = Callable[[str, bytes, str, str], Answer]
LONGEST_BODY = 1 << 20
log = logging.getLogger("skupper.grant-server")


class UnreadableBodyError(Exception):
    """The request's body cannot be taken in."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: "GrantServer"

    def setup(self) -> None:
        # The handshake belongs to this thread: a client that stalls must not keep the others out.
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        super().setup()

    def __getattr__(self, name: str) -> Callable[[], None]:
        # http.server looks for do_<METHOD>; every method but POST gets the same answer.
        if name.startswith("do_"):
            return lambda: self._refuse(Answer(405, "Only POST is supported"))
        raise AttributeError(name)

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        try:
            body = self._body()
        except (UnreadableBodyError, ValueError):
            self._refuse(Answer(400, "Request body not valid"))
            return
        headers = self.headers
        answer = self.server.redeem(path.replace("/", ""), body, headers.get("name", ""), headers.get("subject", ""))
        if answer.status != 200:
            self._refuse(answer)
            return
        self._send(200, answer.text)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked_body()
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= LONGEST_BODY:
            raise UnreadableBodyError
        body = self.rfile.read(length)
        if len(body) < length:
            raise UnreadableBodyError
        return body

    def _chunked_body(self) -> bytes:
        body = b""
        while length := int(self.rfile.readline(32).partition(b";")[0], 16):
            if not 0 < length <= LONGEST_BODY - len(body):
                raise UnreadableBodyError
            body += self.rfile.read(length)
            self.rfile.readline(32)
        while self.rfile.readline(1024).strip():
            pass  # Trailers mean nothing here.
        return body

    def _refuse(self, answer: Answer) -> None:
        # What is left of an unread body would be taken for the next request.
        self.close_connection = True
        self._send(answer.status, answer.text + "\n", {"X-Content-Type-Options": "nosniff", "Connection": "close"})

    def _send(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        content = text.encode()
        # As Go's server, and unlike http.server's send_response, without a Server header.
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class GrantServer(ThreadingHTTPServer):
    """Listens from the start, so that its port is known; answers once it has a certificate and was started.

    Raises:
        LabError: the address cannot be listened at.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, redeem: Redeem) -> None:
        self.redeem = redeem
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise LabError(
                f"The grant server cannot listen at {host}, port {port} ({error.strerror}): "
                "give an address of this machine with --grant-server-host."
            ) from error

    @property
    def port(self) -> int:
        """The port that was free."""
        return int(self.server_address[1])

    def use(self, credentials: TlsData) -> None:
        """Present this certificate from the next connection on.

        Raises:
            ssl.SSLError: certificate and key are not a pair.
        """
        # Python's TLS reads keys from files only: one that nobody else can open, gone at once.
        with tempfile.TemporaryDirectory(prefix="grant-server-") as folder:
            path = Path(folder) / "tls.pem"
            path.touch(mode=0o600)
            path.write_bytes(credentials.crt + credentials.key)
            self._tls.load_cert_chain(path)

    def start(self) -> None:
        """Accept connections, in a thread of its own."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="grant-server", daemon=True
        ).start()

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """Accept a connection; its handshake follows in its own thread."""
        connection, address = super().get_request()
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: tuple[str, int]) -> None:  # noqa: ARG002 - socketserver's signature
        """A client that broke off, or whose handshake failed, is worth one line and no traceback."""
        log.info("connection from %s failed", client_address[0], exc_info=log.isEnabledFor(logging.DEBUG))
