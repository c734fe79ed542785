"""The replicated databases in the graph of whole sites: order, ownership, where passwords are, agreement of both."""

import base64
import json
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.certificates import Authority
from tests.unit.recorder import (
    PRIMARY,
    PRIMARY_OUTPUTS,
    STANDBY,
    Graph,
    Registration,
    record,
    reveal,
)

GROUP = "kubernetes:postgresql.k8s.enterprisedb.io/v1"
CLUSTER, PUBLICATION, SUBSCRIPTION = (f"{GROUP}:{kind}" for kind in ("Cluster", "Publication", "Subscription"))
SECRET = "kubernetes:core/v1:Secret"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONNECTOR = "kubernetes:skupper.io/v2alpha1:Connector"
LISTENER = "kubernetes:skupper.io/v2alpha1:Listener"
EXTERNAL_SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"
SECRET_STORE = "kubernetes:external-secrets.io/v1:SecretStore"
SITE = "kubernetes:skupper.io/v2alpha1:Site"
KV_SECRET = "vault:kv/secretV2:SecretV2"
MOUNT = "vault:index/mount:Mount"
AUTH_ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
POLICY = "vault:index/policy:Policy"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
JOB = "kubernetes:batch/v1:Job"

TOKEN = "-".join(["edb", "token"])
RANDOM = "-".join(["random", "password"])


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random passwords that a test can tell from all other text."""
    numbers = iter(range(100))
    monkeypatch.setattr("components.credentials.secrets.token_urlsafe", lambda _: f"{RANDOM}-{next(numbers)}")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shared authority as the settings take it."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    return {"certificate": Authority(tmp_path_factory.mktemp("ca"), "shared").certificate.read_text(), "key": pem}


def primary(*, preview: bool = False, changes: dict[str, Any] | None = None, **edb: Any) -> Graph:
    wanted = {"enabled": True, "registry": {"token": TOKEN}, **edb}
    return record({**PRIMARY, "edb": wanted, **(changes or {})}, stack="site-a", preview=preview)


def standby(
    *,
    preview: bool = False,
    outputs: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    **edb: Any,
) -> Graph:
    values = {**STANDBY, "edb": {"enabled": True, **edb}, **(changes or {})}
    return record(values, stack="site-b", preview=preview, primary_outputs=outputs)


def primary_that_says(**edb: Any) -> dict[str, Any]:
    return {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], **edb}}


def in_db(graph: Graph, token: str) -> dict[str, Registration]:
    """The objects of a kind in the databases' namespace, by name."""
    found = [one for one in graph.of_type(token) if one.inputs["metadata"].get("namespace") == "db"]
    return {one.inputs["metadata"]["name"]: one for one in found}


@pytest.fixture(params=["primary", "standby"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return primary() if request.param == "primary" else standby(smokeTest=True)


def test_without_the_setting_nothing_of_it_is_there() -> None:
    for graph in (record(PRIMARY, stack="site-a"), record(STANDBY, stack="site-b")):
        assert not [name for name in graph.resources if "edb" in name]
        assert "edb" not in graph.exports
    assert "edb-repos2" not in record(STANDBY, stack="site-b").one(POLICY).inputs["policy"]


def test_a_primarys_cluster_starts_once_its_secrets_are_there() -> None:
    graph = primary()
    cluster = graph.one(CLUSTER)
    held = in_db(graph, SECRET)
    assert set(held) == {
        "edb-site-a-superuser",
        "edb-site-a-app",
        "edb-site-a-replicator",
        "edb-site-b-replicator",
        "edb-repos2-token",
    }
    for secret in held.values():
        assert graph.waits_for(cluster, secret), secret.name
        assert graph.waits_for(secret, graph.named(NAMESPACE, "db"))
    for earlier in (SITE, MOUNT):
        assert graph.waits_for(cluster, graph.one(earlier))


def test_a_primary_waits_for_nothing_of_its_standby() -> None:
    graph = primary()
    for one in (graph.one(SUBSCRIPTION), *graph.of_type(CONNECTOR), *graph.of_type(LISTENER)):
        assert "pulumi.com/waitFor" not in one.inputs["metadata"].get("annotations", {}), one.name
    awaited = json.loads(graph.one(PUBLICATION).inputs["metadata"]["annotations"]["pulumi.com/waitFor"])
    assert awaited == ["jsonpath={.status.applied}=true"]


def test_a_standbys_cluster_starts_once_its_secrets_are_synced() -> None:
    graph = standby()
    cluster, synced = graph.one(CLUSTER), in_db(graph, EXTERNAL_SECRET)
    assert set(synced) == {
        "edb-site-b-superuser",
        "edb-site-b-app",
        "edb-site-b-replicator",
        "edb-site-a-replicator",
        "edb-repos2-token",
    }
    for name, external in synced.items():
        assert graph.waits_for(cluster, external), name
        annotations = external.inputs["metadata"]["annotations"]
        carried = f"jsonpath={{.metadata.annotations['rhsi/version']}}={annotations['rhsi/version']}"
        assert json.loads(annotations["pulumi.com/waitFor"]) == ["condition=Ready", carried], "never an older copy"
        assert graph.waits_for(external, in_db(graph, SECRET_STORE)["vault-rhsi"])
    assert not in_db(graph, SECRET), "the passwords never pass through this stack"


def test_a_standby_replicates_once_it_is_linked_but_its_cluster_need_not_wait() -> None:
    graph = standby()
    claim = graph.named(JOB, "create-access-token-from-vault")
    assert graph.waits_for(graph.one(SUBSCRIPTION), claim)
    assert not graph.waits_for(graph.one(CLUSTER), claim)


def test_a_subscription_goes_before_its_way_to_the_peer_and_everything_before_the_cluster(graph: Graph) -> None:
    subscription, cluster = graph.one(SUBSCRIPTION), graph.one(CLUSTER)
    ways = [*graph.of_type(CONNECTOR), *graph.of_type(LISTENER)]
    assert len(ways) == 2
    for later, earlier in ((subscription, graph.one(PUBLICATION)), (graph.one(PUBLICATION), cluster)):
        assert graph.waits_for(later, earlier)
    for way in ways:
        assert graph.waits_for(subscription, way)
        assert graph.waits_for(way, graph.one(SITE))


def test_the_databases_meet_under_the_names_of_skupper() -> None:
    for graph, own, other in ((primary(), "site-a", "site-b"), (standby(), "site-b", "site-a")):
        connector, listener = graph.one(CONNECTOR).inputs, graph.one(LISTENER).inputs
        assert connector["spec"] == {
            "routingKey": f"site-a/pg-{own}",
            "host": f"edb-{own}-rw.db.svc.cluster.local",
            "port": 5432,
        }
        assert listener["spec"] == {"routingKey": f"site-a/pg-{other}", "host": f"pg-{other}", "port": 5432}
        (peer,) = graph.one(CLUSTER).inputs["spec"]["externalClusters"]
        assert peer["connectionParameters"]["host"] == f"pg-{other}.rhsi.svc.cluster.local"
        assert set(graph.exports["exported_services"]) == {f"pg-{own}"}
        assert set(graph.exports["imported_services"]) == {f"pg-{other}"}


def test_both_sites_know_the_same_two_replication_passwords_and_the_peer_no_other_one() -> None:
    graph = primary()
    published = {
        one.inputs["name"]: json.loads(reveal(one.inputs["dataJson"]))
        for one in graph.of_type(KV_SECRET)
        if "/edb-site" in one.inputs["name"]
    }
    assert set(published) == {
        "site-b/edb-site-b-superuser",
        "site-b/edb-site-b-app",
        "site-b/edb-site-b-replicator",
        "site-b/edb-site-a-replicator",
    }
    held = {
        name: {key: base64.b64decode(value).decode() for key, value in reveal(secret.inputs["data"]).items()}
        for name, secret in in_db(graph, SECRET).items()
        if name != "edb-repos2-token"
    }
    for name in ("edb-site-a-replicator", "edb-site-b-replicator"):
        assert published[f"site-b/{name}"] == held[name]
        assert held[name]["username"] == "site_repl"
    words = {secret["password"] for secret in [*published.values(), *held.values()]}
    assert len(words) == 6, "three logins on each site, each with a password of its own"
    assert graph.exports["standbys"]["site-b"]["secrets"] == {path.split("/")[1]: path for path in published}


def test_the_owners_password_crosses_only_for_the_smoke_test() -> None:
    assert primary().exports["edb"]["peer_app"] is False
    graph = primary(smokeTest=True)
    assert "site-b/edb-site-a-app" in {one.inputs["name"] for one in graph.of_type(KV_SECRET)}
    assert graph.exports["edb"]["peer_app"] is True
    assert "edb-site-a-app" in in_db(standby(smokeTest=True), EXTERNAL_SECRET)


def test_passwords_and_the_token_are_secret_wherever_they_are() -> None:
    graph = primary(smokeTest=True)
    held = [reveal(stash.inputs["input"]) for stash in graph.passwords()]
    assert len(held) == 6
    assert all(password.startswith(RANDOM) for password in held)
    assert graph.leaks(RANDOM, TOKEN, *held) == []


def test_the_operator_follows_changed_secrets(graph: Graph) -> None:
    made = [(name, secret.inputs["metadata"]) for name, secret in in_db(graph, SECRET).items()]
    synced = [
        (name, external.inputs["spec"]["target"]["template"]["metadata"])
        for name, external in in_db(graph, EXTERNAL_SECRET).items()
        if name != "edb-repos2-token"
    ]
    passwords = [(name, metadata) for name, metadata in [*made, *synced] if name != "edb-repos2-token"]
    assert len(passwords) >= 4
    for name, metadata in passwords:
        assert metadata["labels"] == {"k8s.enterprisedb.io/reload": "true"}, name


def test_a_password_rotation_is_read_at_once_on_the_standby() -> None:
    external = in_db(standby(), EXTERNAL_SECRET)["edb-site-b-app"]
    assert external.inputs["metadata"]["annotations"]["rhsi/version"] == "2/2026-11-23T21:30:00Z"


def test_the_databases_namespace_has_a_reader_of_its_own() -> None:
    graph = standby()
    role = graph.one(AUTH_ROLE).inputs
    assert role["boundServiceAccountNamespaces"] == ["rhsi", "db"]
    binding = graph.named(BINDING, "rhsi-vault-reader-db-auth-delegator")
    store = in_db(graph, SECRET_STORE)["vault-rhsi"]
    assert graph.waits_for(store, binding)
    assert graph.waits_for(store, graph.one(AUTH_ROLE))
    assert graph.waits_for(binding, graph.named(NAMESPACE, "db"))
    assert 'path "rhsi/data/edb-repos2"' in graph.one(POLICY).inputs["policy"]
    assert "edb-repos2" not in standby(operator="community").one(POLICY).inputs["policy"]


def test_a_namespace_that_is_there_already_is_not_taken_over() -> None:
    for graph in (primary(createNamespace=False), standby(createNamespace=False)):
        assert [one.inputs["metadata"]["name"] for one in graph.made(NAMESPACE)] == ["rhsi"]
        assert graph.of_type(CLUSTER)


def test_the_token_goes_to_vault_unless_somebody_else_writes_it() -> None:
    paths = {one.inputs["name"] for one in primary().of_type(KV_SECRET)}
    assert "edb-repos2" in paths
    kept = primary(registry={"token": TOKEN, "manageToken": False})
    assert "edb-repos2" not in {one.inputs["name"] for one in kept.of_type(KV_SECRET)}
    assert "edb-repos2-token" in in_db(kept, SECRET)


def test_the_communitys_operator_needs_no_pull_secret() -> None:
    for graph in (primary(operator="community", registry={}), standby(operator="community")):
        cluster = graph.one("kubernetes:postgresql.cnpg.io/v1:Cluster")
        assert "imagePullSecrets" not in cluster.inputs["spec"]
        assert "edb-repos2-token" not in {**in_db(graph, SECRET), **in_db(graph, EXTERNAL_SECRET)}


def test_a_shared_authority_goes_to_both_sites(authority: dict[str, str]) -> None:
    graph = primary(tls="verify-full", ca=authority)
    secret = in_db(graph, SECRET)["edb-ca"]
    assert base64.b64decode(reveal(secret.inputs["data"])["ca.key"]).decode() == authority["key"]
    assert graph.waits_for(graph.one(CLUSTER), secret)
    (published,) = [one for one in graph.of_type(KV_SECRET) if one.inputs["name"] == "site-b/edb-ca"]
    assert json.loads(reveal(published.inputs["dataJson"])) == {
        "ca.crt": authority["certificate"],
        "ca.key": authority["key"],
    }
    strict = standby(tls="verify-full", outputs=primary_that_says(tls="verify-full"))
    assert strict.waits_for(strict.one(CLUSTER), in_db(strict, EXTERNAL_SECRET)["edb-ca"])


def test_the_smoke_test_comes_last_and_its_result_is_an_output() -> None:
    graph = standby(smokeTest=True)
    job = in_db(graph, JOB)["edb-replication-test"]
    assert graph.waits_for(job, graph.one(SUBSCRIPTION))
    assert graph.exports["edb"]["smoke_test"] == "site-b and site-a replicate both ways"
    pod = job.inputs["spec"]["template"]["spec"]
    assert {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume} == {
        "edb-site-a-app",
        "edb-site-b-app",
    }
    assert pod["imagePullSecrets"] == [{"name": "edb-repos2-token"}]
    assert pod["automountServiceAccountToken"] is False


def test_a_new_link_is_proved_anew() -> None:
    grant = {**PRIMARY_OUTPUTS["standbys"]["site-b"], "rotation": 4.0}
    rotated = standby(smokeTest=True, outputs={**PRIMARY_OUTPUTS, "standbys": {"site-b": grant}})
    before, after = (in_db(one, JOB)["edb-replication-test"] for one in (standby(smokeTest=True), rotated))
    assert before.inputs["spec"] != after.inputs["spec"]


def test_subscriptions_can_go_first() -> None:
    for without in (primary(subscribe=False), standby(subscribe=False)):
        assert not without.of_type(SUBSCRIPTION)
        assert without.of_type(PUBLICATION)
        assert without.of_type(CLUSTER)
        assert without.exports["edb"]["subscription"] == ""


def test_clusters_and_their_namespace_are_protected_unless_the_stack_says_otherwise() -> None:
    for make in (primary, standby):
        for graph, protected in ((make(), True), (make(changes={"protect": "false"}), False)):
            assert graph.one(CLUSTER).protect == protected
            assert graph.named(NAMESPACE, "db").protect == protected
            assert not graph.named(NAMESPACE, "rhsi").protect, "no volume is in it"


def test_logical_names_stay_when_sites_are_renamed() -> None:
    munich = primary(changes={"site": "munich", "standbys": {"site-b": {"rotation": 3}}})
    assert set(munich.resources) == set(primary().resources)


def test_two_standbys_may_link_while_one_replicates() -> None:
    graph = primary(peer="site-c", changes={"standbys": {"site-b": {}, "site-c": {}}})
    assert graph.exports["standbys"]["site-b"]["secrets"] == {}
    assert "edb-site-c-app" in graph.exports["standbys"]["site-c"]["secrets"]


@pytest.mark.parametrize(
    ("outputs", "edb", "sentence"),
    [
        ({"edb": None}, {}, "has no databases to replicate with: set rhsi:edb.enabled to true there"),
        (primary_that_says(peer="site-c"), {}, "replicate with site-c, not with site-b: set rhsi:edb.peer there"),
        (primary_that_says(site="munich"), {}, "rhsi:edb.peer is 'site-a', but in the primary's stack site-a 'munich'"),
        (
            primary_that_says(database="shop"),
            {},
            "rhsi:edb.database is 'app', but in the primary's stack site-a 'shop'",
        ),
        (primary_that_says(tls="verify-full"), {}, "rhsi:edb.tls is 'require', but in the primary's stack"),
        (primary_that_says(peer_app=False), {"smokeTest": True}, "rhsi:edb.smokeTest needs a login of the primary's"),
        (
            primary_that_says(tls="verify-full", link_host="pg-site-a.other.svc.cluster.local"),
            {"tls": "verify-full"},
            "The certificate of site-a's database is for pg-site-a.other.* in the primary's stack site-a to",
        ),
        (
            primary_that_says(tls="verify-full", peer_host="pg-site-b.other.svc.cluster.local"),
            {"tls": "verify-full"},
            "The certificate of site-b's database is for pg-site-b.rhsi.* rhsi:edb.peerNamespace here to the namespace",
        ),
    ],
)
def test_two_sites_that_disagree_are_told_so_in_one_sentence(
    outputs: dict[str, Any], edb: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence):
        standby(outputs={**PRIMARY_OUTPUTS, **outputs}, **edb)


def test_a_primary_without_outputs_is_unknown_in_preview() -> None:
    graph = standby(preview=True, outputs={})
    assert graph.of_type(CLUSTER)
    version = in_db(graph, EXTERNAL_SECRET)["edb-site-b-app"].inputs["metadata"]["annotations"]["rhsi/version"]
    assert isinstance(version, pulumi.output.Unknown) or version == pulumi.runtime.rpc.UNKNOWN
