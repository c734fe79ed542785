"""What Go's HTTP client says of a request that got no answer: the real providers pass its words on.

Source: net/url:url.go (`Error`), net:net.go (`OpError`), crypto/tls, crypto/x509.
"""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit


def sentence(method: str, url: str, error: BaseException) -> str:
    """The words for what a Python client raised instead of an answer."""
    return f'{method.capitalize()} "{url}": {_reason(url, error)}'


def is_distrust(error: BaseException) -> bool:
    """Whether the server's certificate was the reason, which no other attempt will change."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))


def _reason(url: str, error: BaseException) -> str:
    server = urlsplit(url)
    for each in _chain(error):
        match each:
            case ConnectionRefusedError():
                return f"dial tcp {server.netloc}: connect: connection refused"
            case ConnectionResetError():
                return f"read tcp {server.netloc}: connection reset by peer"
            case socket.gaierror():
                return f"dial tcp: lookup {server.hostname}: no such host"
            case ssl.SSLCertVerificationError():
                return f"tls: failed to verify certificate: x509: {_distrust(each)}"
    return str(error)


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    unknown = "issuer" in error.verify_message or "self-signed" in error.verify_message
    return "certificate signed by unknown authority" if unknown else error.verify_message


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised for."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
