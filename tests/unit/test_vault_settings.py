"""The settings of a standby's way into Vault: what is refused, and in which words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.recorder import PRIMARY, STANDBY, settings_of
from tests.unit.test_settings import mistakes_in

CA = {"kind": "ConfigMap", "name": "vault-ca", "key": "service-ca.crt"}
TLS = {"certSecretRef": {"name": "vault-client"}, "keySecretRef": {"name": "vault-client"}}
FOUND = {"kind": "ClusterSecretStore", "name": "vault"}


def standby(*, cluster: Mapping[str, Any] = STANDBY["cluster"], **vault: Any) -> dict[str, Any]:
    return {**STANDBY, "cluster": dict(cluster), "vault": {**STANDBY["vault"], **vault}}


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"login": "oidc"}, "rhsi:vault.login is \"oidc\": it must be 'kubernetes' or 'jwt'"),
        ({"login": "jwt", "reviewer": "token"}, "with the login jwt nobody reviews a token"),
        (
            {"login": "jwt", "audiences": ["https://kubernetes.default.svc"]},
            "opens this cluster's own API to whoever sees the token",
        ),
        ({"store": {"kind": "ClusterSecretStore"}}, "rhsi:vault.store.name is missing"),
        ({"store": {"kind": "Store", "name": "x"}}, "rhsi:vault.store.kind is \"Store\": it must be 'SecretStore' or"),
        ({"store": {"name": "Vault"}}, 'rhsi:vault.store.name is "Vault": it is the name of an object'),
        ({"store": {"name": "vault"}, "login": "jwt"}, 'rhsi:vault.login is "jwt": the existing store of'),
        ({"store": {"name": "vault"}, "caProvider": CA}, "rhsi:vault.caProvider is {"),
        ({"store": {"name": "vault"}, "manageAuth": False}, "rhsi:vault.manageAuth is false: the existing store"),
        ({"caProvider": {"name": "x", "key": "a/b"}}, "Kubernetes takes letters, digits, '-', '_' and '.' for a key"),
        ({"clientTls": {"certSecretRef": {"name": "x"}}}, "rhsi:vault.clientTls.keySecretRef is missing"),
        ({"address": "http://vault:8200", "clientTls": TLS}, "External Secrets uses it with https only"),
        ({"address": "http://vault:8200", "caProvider": CA}, "External Secrets uses it with https only"),
        ({"refreshInterval": "0s"}, "it is shorter than a second"),
        ({"refreshInterval": "1.5s"}, "it has parts of a second; write whole seconds"),
        ({"refreshInterval": "1 day"}, "it is no duration"),
        ({"authNamespace": "team"}, 'rhsi:vault.namespace is ""; name a namespace above it'),
        ({"namespace": "a/b", "authNamespace": "c"}, 'rhsi:vault.namespace is "a/b"; name a namespace above it'),
        ({"namespace": "a", "authNamespace": "a/b"}, "name a namespace above it"),
        ({"namespace": "a", "authNamespace": "a"}, "name a namespace above it, or leave it out"),
    ],
)
def test_a_way_in_that_cannot_work_is_refused_in_words(vault: dict[str, Any], said: str) -> None:
    assert said in mistakes_in(standby(**vault))


def test_a_ca_in_the_settings_and_one_in_the_cluster_are_one_too_many() -> None:
    pem = (Path(__file__).parent / "fixtures" / "authority.pem").read_text()
    assert "rhsi:vault.ca gives the CA already" in mistakes_in(standby(ca=pem, caProvider=CA))


@pytest.mark.parametrize(
    ("key", "value"),
    [("login", "jwt"), ("store", {"name": "v"}), ("caProvider", CA), ("clientTls", TLS), ("refreshInterval", "5m")],
)
def test_a_primary_is_told_that_only_a_standby_reads_vault(key: str, value: Any) -> None:
    text = mistakes_in({**PRIMARY, "vault": {**PRIMARY["vault"], key: value}}, stack="site-a")
    assert f"rhsi:vault.{key} is " in text
    assert "only a standby reads Vault through External Secrets; move it into the standby's stack" in text


def test_without_a_way_from_vault_to_the_api_server_the_login_jwt_is_named() -> None:
    text = mistakes_in(standby(cluster={"context": "site-b"}))
    assert "rhsi:cluster.apiServer is missing" in text
    assert "or rhsi:vault.login to jwt where Vault cannot reach it" in text
    for vault in ({"login": "jwt"}, {"store": {"name": "vault"}}):
        settings_of(standby(cluster={"context": "site-b"}, **vault), stack="site-b")


def test_with_an_existing_store_vaults_address_is_needed_by_the_program_only() -> None:
    values = {key: value for key, value in standby(store=FOUND).items() if key != "vault"} | {"vault": {"store": FOUND}}
    assert "rhsi:vault.address is missing: set it to Vault's URL, or set VAULT_ADDR" in mistakes_in(values)
