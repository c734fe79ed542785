"""What runs in the observer's pod: a page over HTTPS that shows the Skupper network, and the same as JSON.

Runs by itself with Python's standard library, as the image's program. `/` is for people; `/api/v2alpha1/sites`
answers as the real one does, with fewer fields. Reads the certificate, the users and the pod's own account from the
mounted files.
"""

import argparse
import base64
import hmac
import html
import json
import os
import ssl
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATES = Path("/etc/certificates")
USERS = Path("/etc/httpusers/htpasswd")
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
METRICS_PORT = 9000
PLAIN = "{PLAIN}"


def users(text: str) -> dict[str, str]:
    """User -> password of a file in nginx's form, of which plain passwords are understood."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return {user: word.removeprefix(PLAIN) for user, _, word in pairs if word.startswith(PLAIN)}


def may_enter(header: str, known: dict[str, str]) -> bool:
    """Whether an Authorization header names one of the users with their password."""
    kind, _, encoded = header.partition(" ")
    try:
        user, _, word = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return False
    right = known.get(user)
    return kind.lower() == "basic" and right is not None and hmac.compare_digest(right.encode(), word.encode())


def network(namespace: str) -> list[dict[str, object]]:
    """The sites in reach of the Site in a namespace, as that says.

    Raises:
        OSError: the API server gives no answer.
    """
    host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    url = f"https://{host}:{port}/apis/skupper.io/v2alpha1/namespaces/{namespace}/sites"
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
    request = urllib.request.Request(url, headers=headers)
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310 - as above
        sites = json.load(answer)["items"]
    return [record for site in sites for record in (site.get("status") or {}).get("network") or []]


def page(records: list[dict[str, object]]) -> str:
    """The sites and their links as a page."""
    rows = "".join(
        f"<tr><td>{html.escape(str(one.get('name')))}</td><td>{html.escape(str(one.get('namespace')))}</td>"
        f"<td>{html.escape(_links(one))}</td></tr>"
        for one in records
    )
    return (
        "<!DOCTYPE html><title>Skupper network observer</title><h1>Skupper network</h1>"
        f"<table><tr><th>Site</th><th>Namespace</th><th>Links to</th></tr>{rows}</table>"
    )


def _links(record: dict[str, object]) -> str:
    links = record.get("links")
    return ", ".join(str(one.get("remoteSiteName")) for one in links) if isinstance(links, list) else ""


def _json(records: list[dict[str, object]]) -> str:
    named = {"identity": "id", "name": "name", "nameSpace": "namespace", "platform": "platform"}
    results = [{key: one.get(field) for key, field in named.items()} for one in records]
    return json.dumps({"results": results, "status": "", "count": len(results), "timeRangeCount": len(results)})


def handler(namespace: str, auth: str) -> type[BaseHTTPRequestHandler]:
    """What answers requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a request."""
            known = users(USERS.read_text()) if auth == "basic" else {}
            if auth == "basic" and not may_enter(self.headers.get("Authorization", ""), known):
                self._send(401, "text/plain", "log in first", login=True)
                return
            try:
                records = network(namespace)
            except OSError as error:
                self._send(503, "text/plain", f"the network is not known: {error}")
                return
            if self.path.startswith("/api/"):
                self._send(200, "application/json", _json(records))
            else:
                self._send(200, "text/html; charset=utf-8", page(records))

        def _send(self, code: int, kind: str, text: str, *, login: bool = False) -> None:
            body = text.encode()
            self.send_response(code)
            if login:
                self.send_header("WWW-Authenticate", 'Basic realm="Skupper"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class Metrics(BaseHTTPRequestHandler):
    """Says that it lives, as far as a probe asks."""

    def do_GET(self) -> None:
        """Answer a request."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    """Serve until the pod ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--auth", choices=["none", "basic", "openshift"], required=True)
    parser.add_argument("--address", default="")
    given = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(CERTIFICATES / "tls.crt", CERTIFICATES / "tls.key")
    metrics = ThreadingHTTPServer((given.address, METRICS_PORT), Metrics)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    server = ThreadingHTTPServer((given.address, given.port), handler(given.namespace, given.auth))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
