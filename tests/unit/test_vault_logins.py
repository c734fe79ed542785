"""The ways into Vault: the login by the cluster's own signature, stores that exist, and what an own store names."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from components.secret_store import FoundSecretStoreArgs, KeyOf, store_problem, store_spec
from components.settings import formats
from components.vault import issuer, jwk
from lab.home import CHECKOUT
from tests.arguments import vault_store
from tests.unit.recorder import FOUND_STORE, PRIMARY_OUTPUTS, PUBLISHED, STANDBY, Graph, record
from tests.unit.test_issuer import encoded

MOUNT = "vault:jwt/authBackend:AuthBackend"
ROLE = "vault:jwt/authBackendRole:AuthBackendRole"
POLICY = "vault:index/policy:Policy"
STORE = "kubernetes:external-secrets.io/v1:SecretStore"
EXTERNAL_SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"
DELEGATOR = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
JOB_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
EDB = {"enabled": True, "operator": "community"}
CA = {"kind": "ConfigMap", "name": "vault-ca", "key": "service-ca.crt"}
TLS = {"certSecretRef": {"name": "vault-client"}, "keySecretRef": {"name": "vault-client"}}
FOUND = {"kind": "ClusterSecretStore", "name": "vault"}


def standby(*, cluster: Mapping[str, Any] = STANDBY["cluster"], **vault: Any) -> dict[str, Any]:
    return {**STANDBY, "cluster": dict(cluster), "vault": {**STANDBY["vault"], **vault}}


def by_jwt(**more: Any) -> Graph:
    # Without the address of its API server, which Vault need not know.
    return record({**standby(login="jwt", cluster={"context": "site-b"}), **more}, stack="site-b")


def test_the_login_jwt_gives_vault_the_clusters_issuer_and_keys_and_binds_the_account() -> None:
    graph = by_jwt()
    mount, role = graph.one(MOUNT), graph.one(ROLE)
    assert mount.inputs["path"] == role.inputs["backend"] == "jwt-site-b"
    assert mount.inputs["boundIssuer"] == "https://kubernetes.default.svc"
    assert mount.inputs["jwtSupportedAlgs"] == ["ES256"]
    (key,) = mount.inputs["jwtValidationPubkeys"]
    assert key == jwk.pem(PUBLISHED[issuer.KEYS]["keys"][0])
    assert role.inputs["boundClaims"] == {"sub": "system:serviceaccount:rhsi:rhsi-vault-reader"}
    assert role.inputs["boundAudiences"] == ["vault"]
    assert (role.inputs["roleType"], role.inputs["userClaim"], role.inputs["tokenTtl"]) == ("jwt", "sub", 3600)
    assert role.inputs["tokenPolicies"] == ["rhsi-site-b"]
    assert mount.delete_before_replace
    assert role.delete_before_replace
    for one in (mount, role):
        assert graph.waits_for(one, graph.one(POLICY)), "the policy tells whose the site is"
    assert graph.waits_for(graph.one(STORE), role)


def test_nobody_reviews_a_token_of_the_login_jwt() -> None:
    graph = by_jwt(edb=EDB)
    assert not graph.of_type(DELEGATOR)
    assert not graph.of_type("vault:kubernetes/authBackendConfig:AuthBackendConfig")
    assert not [one for one in graph.resources.values() if one.read_id == "kube-public/kube-root-ca.crt"]
    (sub,) = graph.one(ROLE).inputs["boundClaims"].values()
    assert sub == "system:serviceaccount:rhsi:rhsi-vault-reader,system:serviceaccount:db:rhsi-vault-reader"
    auth = [store.inputs["spec"]["provider"]["vault"]["auth"] for store in graph.of_type(STORE)]
    assert len(auth) == 2
    assert auth[0] == auth[1]
    assert auth[0] == {
        "jwt": {
            "path": "jwt-site-b",
            "role": "rhsi-site-b",
            "kubernetesServiceAccountToken": {
                "serviceAccountRef": {"name": "rhsi-vault-reader"},
                "audiences": ["vault"],
                "expirationSeconds": 600,
            },
        }
    }


def test_new_keys_of_the_cluster_are_news_to_vault_in_the_next_run() -> None:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    new = {"kty": "EC", "crv": "P-256", "x": encoded(numbers.x), "y": encoded(numbers.y)}
    both = {**PUBLISHED, issuer.KEYS: {"keys": [*PUBLISHED[issuer.KEYS]["keys"], new]}}
    values = standby(login="jwt")
    before, after = by_jwt(), record(values, stack="site-b", published=both)
    keys = [graph.one(MOUNT).inputs["jwtValidationPubkeys"] for graph in (before, after)]
    assert set(keys[0]) < set(keys[1])
    assert len(keys[1]) == 2


def test_keys_that_cannot_be_read_end_a_run_and_are_unknown_in_a_preview() -> None:
    values = standby(login="jwt")
    with pytest.raises(Exception, match="nobody may ask site-b for"):
        record(values, stack="site-b", published={})
    graph = record(values, stack="site-b", published={}, preview=True)
    assert graph.one(MOUNT).inputs["boundIssuer"] not in ("", None)


def test_somebody_elses_auth_mount_is_not_configured_and_no_key_is_read() -> None:
    values = standby(login="jwt", manageAuth=False, authPath="clusters/b")
    graph = record(values, stack="site-b", published={})
    assert not graph.of_type(MOUNT)
    assert graph.one(ROLE).inputs["backend"] == "clusters/b"


def test_an_existing_store_leaves_everything_of_the_login_to_whoever_made_it() -> None:
    graph = record({**standby(store=FOUND, cluster={"context": "site-b"}), "edb": EDB}, stack="site-b")
    vaults = {one.inputs["name"] for one in graph.resources.values() if one.token.startswith("vault:")}
    assert vaults == {"site-b/owner-standby"}, "no policy, mount or role"
    assert not graph.made(STORE)
    accounts = {one.inputs["metadata"]["name"] for one in graph.made("kubernetes:core/v1:ServiceAccount")}
    assert "rhsi-vault-reader" not in accounts
    references = [one.inputs["spec"]["secretStoreRef"] for one in graph.of_type(EXTERNAL_SECRET)]
    assert len(references) > 1
    assert all(reference == {"kind": "ClusterSecretStore", "name": "vault"} for reference in references)
    mark = graph.one("vault:kv/secretV2:SecretV2")
    assert mark.inputs["options"] == {"cas": "0"}
    for one in graph.of_type(EXTERNAL_SECRET):
        assert graph.waits_for(one, mark), "a second standby of this name spends no grant"
    read = {one.read_id for one in graph.of_type("kubernetes:external-secrets.io/v1:ClusterSecretStore")}
    assert read == {"vault"}


def test_an_existing_store_of_a_namespace_is_looked_for_in_each_one_and_never_touched() -> None:
    cluster = {**STANDBY["cluster"], "createNamespace": False}
    values = {**standby(store={"name": "vault"}, cluster=cluster), "edb": {**EDB, "createNamespace": False}}
    graph = record(values, stack="site-b")
    assert {one.read_id for one in graph.of_type(STORE)} == {"rhsi/vault", "db/vault"}
    rules = [rule for role in graph.of_type(JOB_ROLE) for rule in role.inputs["rules"]]
    assert not [rule for rule in rules if "secretstores" in rule["resources"]]
    own = [rule for role in record(STANDBY, stack="site-b").of_type(JOB_ROLE) for rule in role.inputs["rules"]]
    assert [rule for rule in own if "secretstores" in rule["resources"]]


@pytest.mark.parametrize("vault", [{}, {"login": "jwt"}, {"store": FOUND}])
def test_what_a_standby_publishes_waits_for_what_says_whose_the_standby_is(vault: dict[str, Any]) -> None:
    values = {**standby(**vault), "edb": {**EDB, "publish": {"tables": ["stock.levels"]}}}
    told = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], "published": {"sales.orders": "table"}}}
    graph = record(values, stack="site-b", primary_outputs=told)
    secrets = {one.inputs["name"]: one for one in graph.of_type("vault:kv/secretV2:SecretV2")}
    mark = secrets["site-b/owner-standby"] if "store" in vault else graph.one("vault:index/policy:Policy")
    assert graph.waits_for(secrets["site-b/edb-published"], mark)
    assert set(secrets) == {"site-b/edb-published", *(["site-b/owner-standby"] if "store" in vault else [])}


def found_store(**changes: Any) -> FoundSecretStoreArgs:
    usual = {"kind": "SecretStore", "store": "vault", "namespace": "rhsi", "mount": "rhsi", "vault_namespace": ""}
    return FoundSecretStoreArgs(**{**usual, "refresh_interval": "1h0m0s", **changes})


@pytest.mark.parametrize(
    ("spec", "args", "said"),
    [
        (FOUND_STORE, {}, None),
        ({"provider": {"vault": {"path": "rhsi"}}}, {}, None),
        ({"provider": {"vault": {"path": "rhsi", "namespace": "team/"}}}, {"vault_namespace": "team"}, None),
        ({"provider": {"vault": {"path": "rhsi", "namespace": "root"}}}, {}, None),
        ({"provider": {"aws": {}}}, {}, "reads no Vault"),
        (None, {}, "reads no Vault"),
        ({"provider": {"vault": {"path": "rhsi", "version": "v1"}}}, {}, "of version 1"),
        (FOUND_STORE, {"mount": "kv"}, "reads the mount 'rhsi', and rhsi:vault.mount is 'kv'"),
        ({"provider": {"vault": {}}}, {}, "reads the mount ''"),
        (FOUND_STORE, {"vault_namespace": "team"}, "reads the Vault namespace '', and rhsi:vault.namespace is 'team'"),
    ],
)
def test_a_store_that_opens_something_else_is_told_by_name(spec: Any, args: dict[str, str], said: str | None) -> None:
    found = store_problem(spec, found_store(**args))
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")


def test_a_run_with_the_wrong_store_ends_in_a_sentence() -> None:
    spec = {"provider": {"vault": {"path": "kv", "version": "v2"}}}
    with pytest.raises(
        Exception, match=r"rhsi:vault\.store names ClusterSecretStore vault, which reads the mount 'kv'"
    ):
        record(standby(store=FOUND), stack="site-b", store_spec=spec)


def test_a_store_of_ones_own_takes_ca_and_client_certificate_from_the_cluster() -> None:
    graph = record({**standby(caProvider=CA, clientTls=TLS), "edb": EDB}, stack="site-b")
    for store in graph.of_type(STORE):
        vault = store.inputs["spec"]["provider"]["vault"]
        assert vault["caProvider"] == {"type": "ConfigMap", "name": "vault-ca", "key": "service-ca.crt"}
        assert "caBundle" not in vault
        assert vault["tls"] == {
            "certSecretRef": {"name": "vault-client", "key": "tls.crt"},
            "keySecretRef": {"name": "vault-client", "key": "tls.key"},
        }


def test_a_store_names_the_namespace_of_its_login() -> None:
    auth = store_spec(vault_store(auth_namespace="team"))["provider"]["vault"]["auth"]
    assert auth["namespace"] == "team"
    ca = KeyOf(kind="Secret", name="ca", key="ca.crt")
    provider = store_spec(vault_store(ca_provider=ca))["provider"]["vault"]
    assert provider["caProvider"] == {"type": "Secret", "name": "ca", "key": "ca.crt"}


@pytest.mark.parametrize("login", ["kubernetes", "jwt"])
def test_a_login_above_the_mounts_namespace_is_made_there_with_a_policy_that_leads_down(login: str) -> None:
    graph = record(standby(namespace="team/kv/x", authNamespace="team", login=login), stack="site-b")
    providers = {one.name: one for one in graph.of_type("pulumi:providers:vault")}
    assert providers["vault"].inputs["namespace"] == "team/kv/x"
    assert providers["vault-login"].inputs["namespace"] == "team"
    made = [one for one in graph.resources.values() if one.token.startswith("vault:")]
    assert len(made) >= 3
    assert all("::vault-login::" in one.provider for one in made)
    assert graph.one(POLICY).inputs["policy"].startswith('path "kv/x/rhsi/data/site-b/*"')
    kinds = {one.token for one in graph.resources.values() if "::vault-login::" in one.provider}
    assert all(kind.startswith("vault:") for kind in kinds)


@pytest.mark.parametrize(
    ("given", "written_as"), [("1h", "1h0m0s"), ("90s", "1m30s"), ("30s", "30s"), ("36h", "36h0m0s")]
)
def test_the_refresh_interval_is_written_as_the_controller_writes_it_back(given: str, written_as: str) -> None:
    assert formats.as_go_writes(given) == written_as
    graph = record(standby(refreshInterval=given), stack="site-b")
    assert {one.inputs["spec"]["refreshInterval"] for one in graph.of_type(EXTERNAL_SECRET)} == {written_as}


def test_a_stacks_memory_of_its_login_begins_with_one_that_is_unusual() -> None:
    def memory(graph: Graph) -> dict[str, Any]:
        (past,) = [one for one in graph.of_type("pulumi:index:Stash") if one.name == "past"]
        remembered: dict[str, Any] = past.inputs["input"]
        return remembered

    assert not {"vault.login", "vault.authNamespace"} & set(memory(record(STANDBY, stack="site-b")))
    assert memory(by_jwt())["vault.login"] == "jwt"
    assert memory(by_jwt())["vault.authPath"] == "jwt-site-b"
    below = record(standby(namespace="a/b", authNamespace="a"), stack="site-b")
    assert memory(below)["vault.authNamespace"] == "a"


def test_the_operators_policy_and_rights_know_the_login_jwt() -> None:
    policy = (CHECKOUT / "deploy" / "operator-policy.hcl").read_text()
    for path in ("sys/auth/jwt-site-b", "auth/jwt-site-b/config", "auth/jwt-site-b/role/rhsi-site-b"):
        assert f'path "{path}"' in policy
    rights = (CHECKOUT / "deploy" / "operator-rbac.yaml").read_text()
    assert json.dumps([issuer.DISCOVERY, issuer.KEYS]).replace('"', "") in rights
