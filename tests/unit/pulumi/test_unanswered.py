"""What the providers say of a server that cannot be reached or answers badly: the words of the real ones."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import yaml

from lab.pulumi.kubernetes.cluster import Cluster
from lab.pulumi.provider import ProviderError, Request
from lab.pulumi.vault import client
from lab.pulumi.vault.provider import VaultProvider

POLICY = Request(urn="urn:pulumi:dev::proj::vault:index/policy:Policy::p", news={"name": "p", "policy": "x"})


def cluster(address: str, context: str = "here") -> Cluster:
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": f"https://{address}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }
    return Cluster(yaml.safe_dump(kubeconfig), context)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that refuses connections: the port is taken, but nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


class Vault(HTTPServer):
    """Answers each request with the next of these codes, and 200 when there are none left."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.codes = codes

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Vault

    def do_GET(self) -> None:
        code = self.server.codes.pop(0) if self.server.codes else 200
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(
            json.dumps({"errors": ["Vault is sealed"]} if code > 299 else {"data": {"policy": "x"}}).encode()
        )

    do_PUT = do_GET  # noqa: N815 - the names are those of the methods

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def vault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setattr(client, "_PAUSES", (0, 0))
    server = Vault(list(request.param))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def provider(address: str) -> VaultProvider:
    return VaultProvider({"address": address, "token": "t", "skipChildToken": True})


def test_a_context_that_the_kubeconfig_lacks_is_named(nobody: str) -> None:
    reason = cluster(nobody, "elsewhere").unreachable
    assert reason.startswith("unable to load Kubernetes client configuration from kubeconfig file")
    assert reason.endswith('context "elsewhere" does not exist')


def test_an_api_server_that_refuses_connections_is_named(nobody: str) -> None:
    reason = cluster(nobody).unreachable
    assert reason.startswith(f'unable to load schema information from the API server: Get "https://{nobody}/')
    assert reason.endswith(f'": dial tcp {nobody}: connect: connection refused')


def test_a_vault_that_refuses_connections_is_named(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAUSES", (0, 0))
    with pytest.raises(ProviderError) as caught:
        provider(f"https://{nobody}").create(POLICY)
    assert str(caught.value) == (
        f'1 error occurred:\n\t* failed to lookup token, err=Get "https://{nobody}/v1/auth/token/lookup-self": '
        f"dial tcp {nobody}: connect: connection refused\n\n"
    )


@pytest.mark.parametrize("vault", [[503, 503]], indirect=True)
def test_a_vault_that_is_away_for_a_moment_is_asked_again(vault: Vault) -> None:
    assert provider(vault.address).create(POLICY)[0] == "p"


@pytest.mark.parametrize("vault", [[503, 503, 503]], indirect=True)
def test_a_vault_that_stays_away_is_asked_three_times(vault: Vault) -> None:
    with pytest.raises(ProviderError, match="failed to lookup token") as caught:
        provider(vault.address).create(POLICY)
    assert f"URL: GET {vault.address}/v1/auth/token/lookup-self\nCode: 503. Errors:\n\n* Vault is sealed" in str(
        caught.value
    )
    assert vault.codes == []


@pytest.mark.parametrize("vault", [[200, 200, 403, 503]], indirect=True)
def test_a_refusal_is_not_questioned(vault: Vault) -> None:
    with pytest.raises(ProviderError, match=r"\* error writing to Vault: Error making API request"):
        provider(vault.address).create(POLICY)
    assert vault.codes == [503]
