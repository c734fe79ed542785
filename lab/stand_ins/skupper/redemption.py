"""The client's half of the redemption protocol: one POST, with the error texts of upstream's Go client.

Owns nothing but the request. It goes straight to the URL (proxy settings are ignored), trusts the token's CA only,
speaks TLS 1.3, follows no redirect and gives up after 10 s. Upstream: internal/kube/grants/redeem.go:28-83.
"""

import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

TIMEOUT = 10.0
_UNKNOWN_CA = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


class RedemptionError(Exception):
    """Why a token was not redeemed; the text ends up in its status."""


def quote(text: str) -> str:
    """Quoted as Go's %q quotes plain text."""
    return json.dumps(text, ensure_ascii=False)


def parse_url(url: str) -> SplitResult:
    """The parts of a token's URL.

    Raises:
        RedemptionError: it is no URL, or not https.
    """
    problem = None
    if re.search(r"[\x00-\x1f\x7f]", url):
        problem = "net/url: invalid control character in URL"
    elif not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", url) and ":" in url.partition("/")[0]:
        problem = "missing protocol scheme" if url.startswith(":") else "first path segment in URL cannot contain colon"
    else:
        authority = re.match(r"[^:]*://([^/?#]*)", url)
        port = re.search(r":([^:\]]*)$", authority.group(1)) if authority else None
        if port and not re.fullmatch(r"[0-9]*", port.group(1), re.ASCII):
            problem = f"invalid port {quote(port.group())} after host"
        elif authority and " " in authority.group(1):
            problem = 'invalid character " " in host name'
    if problem:
        raise RedemptionError(f"could not parse token url: parse {quote(url)}: {problem}")
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise RedemptionError("token url scheme must be https")
    return parts


def post(url: str, code: str, ca: str, *, name: str, subject: str) -> bytes:
    """Redeem a code.

    Args:
        url: the grant's URL.
        code: sent as it is; it never shows in an error.
        ca: PEM bundle, the only trusted roots.
        name: of the wanted Secret and Link.
        subject: of the wanted certificate.

    Returns:
        The body of the 200 answer.

    Raises:
        RedemptionError: anything else.
    """
    if not ca:
        raise RedemptionError("token does not have a CA")
    parts = parse_url(url)
    try:
        status, body = _exchange(parts, code, _trust(ca), {"Name": name, "Subject": subject})
    except (OSError, http.client.HTTPException) as error:
        raise RedemptionError(f"Controller got error: Post {quote(url)}: {_go_text(error, parts)}") from error
    if status != 200:
        text = body.decode(errors="replace").strip()
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        raise RedemptionError(f"Controller got failed response: {status} ({phrase}) {text}")
    return body


def _trust(ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # As in Go, any certificate of the bundle is a root, self-signed or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Go skips what it cannot read; with nothing trusted the handshake fails with the text for an unknown CA.
    with contextlib.suppress(ssl.SSLError, ValueError):
        context.load_verify_locations(cadata=ca)
    return context


def _exchange(parts: SplitResult, code: str, trust: ssl.SSLContext, headers: dict[str, str]) -> tuple[int, bytes]:
    deadline = time.monotonic() + TIMEOUT
    if not parts.hostname:
        raise http.client.HTTPException("http: no Host in request URL")
    connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=TIMEOUT, context=trust)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=code.encode(), headers=headers)
        connection.sock.settimeout(max(0.01, deadline - time.monotonic()))
        response = connection.getresponse()
        connection_timeout = max(0.01, deadline - time.monotonic())
        if connection.sock:
            connection.sock.settimeout(connection_timeout)
        return response.status, response.read()
    finally:
        connection.close()


def _go_text(error: Exception, parts: SplitResult) -> str:
    """What Go's client says in such a case."""
    text = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        text = _certificate_text(error, parts)
    elif isinstance(error, ssl.SSLError):
        reasons = {
            "WRONG_VERSION_NUMBER": "http: server gave HTTP response to HTTPS client",
            "TLSV1_ALERT_PROTOCOL_VERSION": "remote error: tls: protocol version not supported",
            "UNSUPPORTED_PROTOCOL": "tls: server selected unsupported protocol version",
        }
        text = reasons.get(error.reason or "", f"tls: {error.reason or text}")
    elif isinstance(error, ConnectionRefusedError):
        text = f"dial tcp {_address(parts)}: connect: connection refused"
    elif isinstance(error, socket.gaierror):
        text = f"dial tcp: lookup {parts.hostname}: no such host"
    elif isinstance(error, TimeoutError):
        text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    elif isinstance(error, http.client.RemoteDisconnected):
        text = "EOF"
    return text


def _certificate_text(error: ssl.SSLCertVerificationError, parts: SplitResult) -> str:
    prefix = "tls: failed to verify certificate: x509:"
    if error.verify_code == 62:  # X509_V_ERR_HOSTNAME_MISMATCH
        return f"{prefix} certificate is not valid for any names, but wanted to match {parts.hostname}"
    if error.verify_code == 64:  # X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"{prefix} cannot validate certificate for {parts.hostname} because it doesn't contain any IP SANs"
    if error.verify_code in {9, 10}:  # not yet valid, expired
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        side = "before the certificate begins" if error.verify_code == 9 else "after the certificate ends"
        return f"{prefix} certificate has expired or is not yet valid: current time {now} is {side}"
    return _UNKNOWN_CA


def _address(parts: SplitResult) -> str:
    host = parts.hostname or ""
    with contextlib.suppress(OSError):
        host = socket.gethostbyname(host)
    return f"{host}:{parts.port or 443}"
