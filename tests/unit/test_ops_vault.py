"""Vault as `ops` sees it: which address, token and namespace count, and what each kind of answer means."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.vault import Vault, VaultError
from tests.unit.http_api import HttpApi, http_api


@pytest.fixture
def api() -> Iterator[HttpApi]:
    with http_api() as served:
        yield served


def vault(api: HttpApi, namespace: str = "", **environment: str) -> Vault:
    return Vault(api.url, namespace, {"VAULT_TOKEN": "mine", **environment}, seconds=2)


def test_token_and_namespace_are_the_ones_that_were_given(
    api: HttpApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".vault-token").write_text("of-the-file")
    monkeypatch.setenv("HOME", str(tmp_path))
    api.answers["/v1/auth/token/lookup-self"] = {"data": {"ttl": 60}}
    assert vault(api, "team-a").token() == {"ttl": 60}
    assert (api.seen["X-Vault-Token"], api.seen["X-Vault-Namespace"]) == ("mine", "team-a")
    without = Vault(api.url, "", {})
    without.token()
    assert not without.has_token
    assert "X-Vault-Token" not in api.seen


def test_the_environments_address_wins(api: HttpApi) -> None:
    api.answers["/v1/sys/health"] = {"sealed": False}
    assert Vault("https://vault.invalid", "", {"VAULT_ADDR": api.url}).health() == {"sealed": False}


def test_the_machines_authorities_count_where_nobody_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A company's authority is in the machine's list, and in no list of a Python package."""
    (tmp_path / "company.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
    trusted: list[object] = []

    def send(*_: object, **options: object) -> requests.Response:
        trusted.append(options["verify"])
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "send", send)
    for environment in ({}, {"VAULT_CACERT": "named.pem"}):
        with pytest.raises(VaultError, match="does not answer"):
            Vault("https://vault.invalid", "", environment).health()
    assert trusted == [str(tmp_path / "company.pem"), "named.pem"]


def test_vault_is_asked_for_itself_above_all_namespaces(api: HttpApi) -> None:
    api.answers["/v1/sys/health"] = {"sealed": False}
    vault(api, "team-a").health()
    assert "X-Vault-Namespace" not in api.seen


def test_a_sealed_vault_tells_so_with_its_status(api: HttpApi) -> None:
    api.answers["/v1/sys/health"] = (503, {"initialized": True, "sealed": True})
    assert vault(api).health()["sealed"] is True


def test_a_refusal_is_told_from_a_vault_that_is_away(api: HttpApi) -> None:
    api.answers["/v1/rhsi/config"] = (403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
    with pytest.raises(VaultError, match="refuses rhsi/config: 1 error occurred:") as error:
        vault(api).read("rhsi/config")
    assert error.value.refused
    with pytest.raises(VaultError, match=r"Vault at http://127\.0\.0\.1:1 does not answer: .*refused") as error:
        Vault("http://127.0.0.1:1", "", {}).health()
    assert not error.value.refused


def test_what_is_not_there_is_none(api: HttpApi) -> None:
    assert vault(api).read("sys/policies/acl/rhsi-site-b") is None


def test_a_mount_in_which_the_token_has_no_right_looks_as_one_that_is_not_there(api: HttpApi) -> None:
    api.answers["/v1/sys/internal/ui/mounts/rhsi"] = (403, {"errors": ["preflight capability check returned 403"]})
    assert vault(api).mount("rhsi") is None


def test_capabilities_come_by_path(api: HttpApi) -> None:
    api.answers["/v1/sys/capabilities-self"] = lambda body: {"data": {path: ["read"] for path in body["paths"]}}
    assert vault(api).capabilities(["sys/mounts/rhsi", "sys/auth"]) == {
        "sys/mounts/rhsi": ["read"],
        "sys/auth": ["read"],
    }
