"""An HTTP API on loopback that answers from a dict: a cluster's or Vault's, for the real clients of `ops`."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

Answer = dict[str, Any] | tuple[int, dict[str, Any]] | Callable[[dict[str, Any]], dict[str, Any]]
"""A document, one with another status than 200, or what makes a document of the request's body."""


class HttpApi:
    """What it answers, by path without query, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.seen: dict[str, str] = {}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append((method, path))
        found = self.answers.get(path.partition("?")[0], (404, {"message": "not found", "errors": []}))
        if isinstance(found, tuple):
            return found
        return 200, found if isinstance(found, dict) else found(body)


@contextmanager
def http_api() -> Iterator[HttpApi]:
    """A server that runs as long as the block."""
    served: list[HttpApi] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            api = served[0]
            api.seen = {name.title(): value for name, value in self.headers.items()}
            length = int(self.headers.get("Content-Length") or 0)
            status, document = api.answer(self.command, self.path, json.loads(self.rfile.read(length) or b"{}"))
            data = json.dumps(document).encode()
            self.send_response_only(status)
            for name, value in {"Date": self.date_time_string(), **api.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _respond  # noqa: N815 -- http.server calls methods by the protocol's names

        def log_message(self, *_: Any) -> None:
            """Nothing goes to the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.append(HttpApi(server.server_port))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(file: Path, servers: dict[str, str]) -> Path:
    """A kubeconfig with these contexts, each with its server's URL; none is the current one."""
    file.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": name, "cluster": {"server": url}} for name, url in servers.items()],
                "users": [{"name": name, "user": {"token": f"token-of-{name}"}} for name in servers],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in servers],
            }
        )
    )
    return file
