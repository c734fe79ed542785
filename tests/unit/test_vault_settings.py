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
        ({"namespace": "root", "authNamespace": "root"}, "name a namespace above it, or leave it out"),
        ({"namespace": "a", "authNamespace": "/"}, "name a namespace above it, or leave it out"),
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
    for vault in ({"login": "jwt"}, {"store": FOUND}):
        settings_of(standby(cluster={"context": "site-b"}, **vault), stack="site-b")


def test_with_an_existing_store_vaults_address_is_needed_by_the_program_only() -> None:
    values = {key: value for key, value in standby(store=FOUND).items() if key != "vault"} | {"vault": {"store": FOUND}}
    assert "rhsi:vault.address is missing: set it to Vault's URL, or set VAULT_ADDR" in mistakes_in(values)


LEFT_ALONE = {"createNamespace": False}
OPERATORS_STORE = {"operators": {"externalSecrets": {"enabled": True}}}
EDBS = {"edb": {"enabled": True, **LEFT_ALONE}, "operators": {"database": {"enabled": True}}}
COMMUNITYS = {**EDBS, "edb": {"enabled": True, "operator": "community", **LEFT_ALONE}}
OWN_NAMESPACE = "a SecretStore stands in a namespace that is not this stack's; set rhsi:{}.createNamespace to false"


@pytest.mark.parametrize(
    ("store", "cluster", "more", "said"),
    [
        ({"name": "v"}, {}, {}, OWN_NAMESPACE.format("cluster")),
        ({"name": "v"}, {"createNamespace": True}, {}, OWN_NAMESPACE.format("cluster")),
        ({"name": "v"}, LEFT_ALONE, {"edb": {"enabled": True}}, OWN_NAMESPACE.format("edb")),
        ({"name": "v"}, LEFT_ALONE, EDBS, "EDB's operator reads Vault in a namespace that this stack makes"),
        ({"name": "v"}, LEFT_ALONE, OPERATORS_STORE, "needs External Secrets before this stack is there; remove one"),
        (FOUND, {}, OPERATORS_STORE, "needs External Secrets before this stack is there; remove one"),
    ],
)
def test_a_store_that_cannot_be_there_before_the_stack_is_refused(
    store: dict[str, Any], cluster: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    assert said in mistakes_in({**standby(cluster={"context": "site-b", **cluster}, store=store), **more})


@pytest.mark.parametrize(
    ("store", "cluster", "more"),
    [
        ({"name": "v"}, LEFT_ALONE, {"edb": {"enabled": False}}),
        ({"name": "v"}, LEFT_ALONE, {"edb": {"enabled": True, **LEFT_ALONE}}),
        ({"name": "v"}, LEFT_ALONE, COMMUNITYS),
        (FOUND, {}, {"edb": {"enabled": True}, "operators": {"database": {"enabled": True}}}),
    ],
)
def test_a_store_that_may_be_there_is_taken(
    store: dict[str, Any], cluster: dict[str, Any], more: dict[str, Any]
) -> None:
    settings_of({**standby(cluster={"context": "site-b", **cluster}, store=store), **more}, stack="site-b")


@pytest.mark.parametrize(
    ("namespace", "above", "prefix"),
    [
        ("a/b", "root", "a/b/"),
        ("a", "root/", "a/"),
        ("a/b", "a", "b/"),
        ("a/b", "", ""),
    ],
)
def test_the_namespace_above_all_others_is_called_root(namespace: str, above: str, prefix: str) -> None:
    found = settings_of(standby(namespace=namespace, authNamespace=above), stack="site-b")
    assert found.vault.policy_prefix == prefix
