"""The databases' part of the graph: what depends on what, where passwords are, and what the pods are allowed."""

import base64
import itertools
import json
from typing import Any

import pulumi
import pytest

from components.postgres import following, replication, shape
from tests.unit.recorder import (
    PRIMARY,
    PRIMARY_OUTPUTS,
    SECRET_KEY,
    STANDBY,
    Graph,
    Registration,
    record,
    reveal,
)

NAMESPACE = "kubernetes:core/v1:Namespace"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"
JOB = "kubernetes:batch/v1:Job"
CONNECTOR = "kubernetes:skupper.io/v2alpha1:Connector"
LISTENER = "kubernetes:skupper.io/v2alpha1:Listener"
EXTERNAL_SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"
KV_SECRET = "vault:kv/secretV2:SecretV2"

# Of the primary's passwords: one that was made again has others under the same rotation, and another grant.
VERSION = f"2/{PRIMARY_OUTPUTS['standbys']['site-b']['expires']}"

# Assembled at run time so that no scanner takes them for real ones.
APPLICATION, REPLICATION = "-".join(["given", "application"]), "-".join(["given", "replication"])
GIVEN: dict[str, Any] = {"applicationPassword": APPLICATION, "replicationPassword": REPLICATION}


def primary(*, preview: bool = False, changes: dict[str, Any] | None = None, **wanted: Any) -> Graph:
    values = {**PRIMARY, "postgres": {"enabled": True, **wanted}, **(changes or {})}
    return record(values, stack="site-a", preview=preview)


def standby(
    *,
    preview: bool = False,
    primary_outputs: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    **wanted: Any,
) -> Graph:
    values = {**STANDBY, "postgres": {"enabled": True, **wanted}, **(changes or {})}
    return record(values, stack="site-b", preview=preview, primary_outputs=primary_outputs)


def the_claim(graph: Graph) -> Registration:
    return graph.named(JOB, "create-access-token-from-vault")


def the_server(graph: Graph) -> Registration:
    """The StatefulSet as it is registered; a standby's is read too."""
    (found,) = [one for one in graph.of_type(STATEFUL_SET) if not one.read_id]
    return found


def pod(graph: Graph) -> dict[str, Any]:
    spec: dict[str, Any] = the_server(graph).inputs["spec"]["template"]["spec"]
    return spec


def decoded(secret: Registration) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in reveal(secret.inputs["data"]).items()}


def test_without_the_setting_there_is_no_database() -> None:
    for graph in (record(PRIMARY, stack="site-a"), record(STANDBY, stack="site-b")):
        assert not graph.of_type(STATEFUL_SET)
        assert not graph.passwords()
        assert "postgres" not in graph.exports


def test_the_primary_starts_once_its_secrets_are_there_and_is_awaited() -> None:
    graph = primary()
    server = the_server(graph)
    for secret in ("postgres-application", "postgres-replication"):
        assert graph.waits_for(server, graph.named(SECRET, secret))
    assert server.timeouts["create"] == "10m"
    assert "pulumi.com/skipAwait" not in server.inputs["metadata"].get("annotations", {})


def test_a_standby_starts_once_the_link_is_ready_and_up_does_not_wait_for_its_copy() -> None:
    graph = standby()
    server = the_server(graph)
    for earlier in (the_claim(graph), graph.one(LISTENER), graph.named(EXTERNAL_SECRET, "postgres-replication")):
        assert graph.waits_for(server, earlier)
    assert server.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize("site", [primary, standby])
def test_a_service_is_not_awaited_for_it_would_wait_for_the_pod(site: Any) -> None:
    assert site().one(SERVICE).inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_connector_and_listener_meet_under_one_key_and_nobody_waits_for_them() -> None:
    here, there = primary(), standby()
    connector, listener = here.one(CONNECTOR), there.one(LISTENER)
    assert connector.inputs["spec"]["routingKey"] == listener.inputs["spec"]["routingKey"] == "site-a/postgres-primary"
    assert connector.inputs["spec"]["selector"] == "app.kubernetes.io/name=postgres-primary"
    assert "host" not in connector.inputs["spec"]
    assert listener.inputs["spec"]["host"] == "postgres-primary"
    for one in (connector, listener):
        assert "pulumi.com/waitFor" not in one.inputs["metadata"].get("annotations", {})


def test_the_connectors_selector_finds_the_servers_pod() -> None:
    labels = the_server(primary()).inputs["spec"]["template"]["metadata"]["labels"]
    name, value = shape.selector("postgres-primary").split("=")
    assert labels[name] == value


def test_another_environment_has_another_prefix_which_its_standbys_read() -> None:
    here = primary(changes={"services": {"routingPrefix": "staging"}})
    assert here.one(CONNECTOR).inputs["spec"]["routingKey"] == "staging/postgres-primary"
    assert here.exports["routing_prefix"] == "staging"
    there = standby(primary_outputs={**PRIMARY_OUTPUTS, "routing_prefix": "staging"})
    assert there.one(LISTENER).inputs["spec"]["routingKey"] == "staging/postgres-primary"


def test_passwords_are_random_and_kept_unless_they_are_given() -> None:
    made = [reveal(stash.inputs["input"]) for graph in (primary(), primary()) for stash in graph.passwords()]
    assert len(set(made)) == len(made) == 4
    assert all(len(password) == 32 for password in made)
    given = {reveal(stash.inputs["input"]) for stash in primary(**GIVEN).passwords()}
    assert given == {APPLICATION, REPLICATION}


def test_a_password_changes_with_its_rotation_only() -> None:
    before, after = primary(), primary(passwordRotation=2)
    urns = [{stash.urn for stash in graph.passwords()} for graph in (before, after)]
    assert len(urns[0]) == len(urns[1]) == 2, "one for each user"
    assert all(stash.ignore_changes == ["input"] for stash in before.passwords())
    assert not urns[0] & urns[1], "another one takes its place"
    assert set(before.resources) - urns[0] == set(after.resources) - urns[1]
    restarts = [the_server(graph).inputs["spec"]["template"]["metadata"] for graph in (before, after)]
    assert restarts[0] != restarts[1], "the server starts again, for it takes passwords when it starts"


@pytest.mark.parametrize(("kept", "told"), [("an-earlier-one", 1), (APPLICATION, 0)])
def test_a_given_password_that_waits_for_a_rotation_is_told_of(
    kept: str, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: lines.append(text))
    values = {**PRIMARY, "postgres": {"enabled": True, "applicationPassword": APPLICATION}}
    graph = record(values, stack="site-a", kept=kept)
    assert lines == ["Another password was given. It is taken over with the next passwordRotation."] * told
    assert decoded(graph.named(SECRET, "postgres-application"))["password"] == kept


def test_each_user_has_a_secret_here_and_one_in_vault_for_each_standby() -> None:
    standbys: dict[str, Any] = {"site-b": {}, "site-c": {}}
    graph = primary(changes={"standbys": standbys}, **GIVEN)
    credentials = {
        "postgres-application": {"username": "appuser", "password": APPLICATION},
        "postgres-replication": {"username": "replicator", "password": REPLICATION},
    }
    for name, credential in credentials.items():
        secret = graph.named(SECRET, name)
        assert secret.inputs["type"] == "kubernetes.io/basic-auth"
        assert decoded(secret) == credential
    published = {one.inputs["name"]: json.loads(reveal(one.inputs["dataJson"])) for one in graph.of_type(KV_SECRET)}
    for site, (name, credential) in itertools.product(standbys, credentials.items()):
        assert published[f"{site}/{name}"] == credential


def test_the_primarys_outputs_name_the_paths_and_the_service_and_hold_no_password() -> None:
    exports = primary(**GIVEN).exports
    assert exports["standbys"]["site-b"]["secrets"] == {
        "postgres-application": "site-b/postgres-application",
        "postgres-replication": "site-b/postgres-replication",
    }
    assert exports["exported_services"]["postgres-primary"] == {
        "host": "app.kubernetes.io/name=postgres-primary",
        "port": 5432,
        "routing_key": "site-a/postgres-primary",
    }
    assert exports["postgres"]["password_rotation"] == 1
    assert APPLICATION not in str(exports)


def test_a_password_shows_nowhere_but_in_secret_values() -> None:
    assert primary(**GIVEN).leaks(APPLICATION, REPLICATION) == []


def test_a_standby_syncs_its_secrets_by_the_paths_that_the_primary_tells() -> None:
    graph = standby()
    for name in ("postgres-application", "postgres-replication"):
        external = graph.named(EXTERNAL_SECRET, name)
        assert external.inputs["spec"]["dataFrom"] == [{"extract": {"key": f"site-b/{name}"}}]
        assert external.inputs["metadata"]["annotations"]["rhsi/version"] == VERSION, "the password's rotation"
        assert "condition=Ready" in external.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
        template = external.inputs["spec"]["target"]["template"]
        assert template["type"] == "kubernetes.io/basic-auth"
        assert "password={{ .password }}\n" in template["data"]["pg_service.conf"]


def test_a_standby_has_no_password_and_makes_none() -> None:
    graph = standby(smokeTest=True)
    assert not graph.passwords()
    assert not graph.of_type(SECRET)
    assert SECRET_KEY not in str(graph.resources)


def test_a_service_file_reaches_the_primary_by_its_listener() -> None:
    assert replication.service_file("app").splitlines() == [
        "[postgres-primary]",
        "host=postgres-primary",
        "port=5432",
        "dbname=app",
        "user={{ .username }}",
        "password={{ .password }}",
        "connect_timeout=10",
    ]


def test_a_standbys_slot_is_a_name_that_postgresql_takes() -> None:
    assert replication.slot_name("site-b-2") == "site_b_2"


@pytest.mark.parametrize("site", [primary, standby])
def test_the_pod_is_admissible_under_restricted_rules(site: Any) -> None:
    spec = pod(site())
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "runAsUser" not in spec["securityContext"], "OpenShift assigns it"
    for container in [*spec["initContainers"], *spec["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_elsewhere_the_images_own_user_owns_the_volume() -> None:
    kubernetes = {"cluster": {**PRIMARY["cluster"], "platform": "kubernetes"}}
    security = pod(primary(changes=kubernetes))["securityContext"]
    assert (security["runAsUser"], security["fsGroup"]) == (999, 999)
    assert pod(primary(changes=kubernetes, runAsUser=70))["securityContext"]["runAsUser"] == 70


def test_a_server_that_recovers_is_not_ready_and_is_not_killed() -> None:
    (server,) = pod(primary())["containers"]
    assert server["readinessProbe"]["exec"]["command"][-1] == "pg_isready -q"
    for probe in ("startupProbe", "livenessProbe"):
        assert server[probe]["exec"]["command"][-1] == "pg_isready -q || [ $? -eq 1 ]"


def test_shape_settings_reach_the_server() -> None:
    graph = primary(
        image="registry.example.com/pg:16",
        size="5Gi",
        storageClass="fast",
        resources={"requests": {"cpu": "2"}, "limits": {}},
        parameters={"work_mem": "64MB", "shared_buffers": "2GB"},
        maxSlotWalKeepSize="20GB",
    )
    (server,) = pod(graph)["containers"]
    assert server["image"] == "registry.example.com/pg:16"
    assert server["args"] == ["-c", "shared_buffers=2GB", "-c", "work_mem=64MB"]
    assert server["resources"] == {"requests": {"cpu": "2"}, "limits": {}}
    assert {"name": "WAL_KEEP", "value": "20GB"} in server["env"]
    (claim,) = the_server(graph).inputs["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"] == {"requests": {"storage": "5Gi"}}


@pytest.mark.parametrize(("protect", "policy"), [("true", "Retain"), ("false", "Delete")])
def test_a_protected_volume_outlives_its_server(protect: str, policy: str) -> None:
    spec = the_server(primary(changes={"protect": protect})).inputs["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": policy, "whenScaled": "Retain"}


def test_a_namespace_with_a_volume_in_it_is_protected_unless_the_stack_says_otherwise() -> None:
    for make in (primary, standby):
        assert make().named(NAMESPACE, "rhsi").protect
        assert not make(changes={"protect": "false"}).named(NAMESPACE, "rhsi").protect
        assert not make(changes={"postgres": {"enabled": False}}).named(NAMESPACE, "rhsi").protect


def test_a_changed_size_never_replaces_a_server_with_data() -> None:
    assert "spec.volumeClaimTemplates" in the_server(primary()).ignore_changes


def test_the_smoke_test_is_off_by_default_and_runs_last() -> None:
    assert len(standby().of_type(JOB)) == 1
    graph = standby(smokeTest=True)
    test = graph.named(JOB, "postgres-smoke-test")
    for earlier in (the_claim(graph), graph.one(LISTENER), the_server(graph)):
        assert graph.waits_for(test, earlier)
    assert test.inputs["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}
    assert graph.exports["postgres"]["smoke_test"] == "passed through standby-from-vault-3"


def test_the_smoke_test_runs_again_through_each_new_link_and_reads_its_password_from_a_file() -> None:
    test = standby(smokeTest=True).named(JOB, "postgres-smoke-test").inputs["spec"]["template"]["spec"]
    (container,) = test["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["LINK"] == "standby-from-vault-3"
    assert environment["PGSERVICEFILE"] == "/secrets/application/pg_service.conf"
    assert "PGPASSWORD" not in environment
    assert test["automountServiceAccountToken"] is False
    assert {"name": "application", "secret": {"secretName": "postgres-application", "defaultMode": 0o440}} in test[
        "volumes"
    ]


def test_a_smoke_tests_result_is_unknown_until_it_ran() -> None:
    graph = standby(preview=True, smokeTest=True)
    assert isinstance(graph.outputs_of("standby-smoke-test")["result"], pulumi.output.Unknown)


def test_a_standby_whose_primary_has_no_database_is_a_sentence_in_up_and_unknown_in_preview() -> None:
    outputs = {key: value for key, value in PRIMARY_OUTPUTS.items() if key != "postgres"}
    with pytest.raises(Exception, match=r"stack site-a has no PostgreSQL to follow: set rhsi:postgres.enabled to true"):
        standby(primary_outputs=outputs)
    assert standby(preview=True, primary_outputs=outputs).of_type(STATEFUL_SET)


def test_a_primary_tells_what_its_standbys_must_match_and_they_take_it_over() -> None:
    told = primary(parameters={"max_connections": "300"}).exports["postgres"]["parameters"]
    assert told == {
        "max_connections": 300,
        "max_locks_per_transaction": 64,
        "max_prepared_transactions": 0,
        "max_wal_senders": 10,
        "max_worker_processes": 8,
    }
    known = {**PRIMARY_OUTPUTS, "postgres": {**PRIMARY_OUTPUTS["postgres"], "parameters": told}}
    usual = "max_locks_per_transaction=64 max_prepared_transactions=0 max_wal_senders=10 max_worker_processes=8"
    graph = standby(primary_outputs=known, smokeTest=True, parameters={"max_connections": "300"})
    for environment in (
        pod(graph)["containers"][0]["env"],
        graph.named(JOB, "postgres-smoke-test").inputs["spec"]["template"]["spec"]["containers"][0]["env"],
    ):
        assert {"name": "PRIMARY_PARAMETERS", "value": f"max_connections=300 {usual}"} in environment
    older = pod(standby())["containers"][0]["env"]
    assert {"name": "PRIMARY_PARAMETERS", "value": f"max_connections=100 {usual}"} in older


def test_a_standby_that_wants_less_than_its_primary_has_is_refused_with_both_values() -> None:
    parameters = primary(parameters={"max_connections": "300"}).exports["postgres"]["parameters"]
    told = {**PRIMARY_OUTPUTS["postgres"], "parameters": {name: float(value) for name, value in parameters.items()}}
    with pytest.raises(
        Exception,
        match=r"rhsi:postgres.parameters.max_connections is 200, but 300 in the primary's stack site-a, and with less "
        r"a standby stops replaying: remove it here, or write 300 or more",
    ):
        standby(primary_outputs={**PRIMARY_OUTPUTS, "postgres": told}, parameters={"max_connections": "200"})


def test_a_standby_is_ready_when_it_follows_and_serves_all_the_same() -> None:
    here, there = primary(), standby()
    command = pod(there)["containers"][0]["readinessProbe"]["exec"]["command"][-1]
    assert "pg_get_wal_replay_pause_state()" in command
    assert "pg_stat_wal_receiver" in command
    assert there.named(SERVICE, "postgres-standby").inputs["spec"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in here.named(SERVICE, "postgres-primary").inputs["spec"]


@pytest.mark.parametrize("tested", [True, False])
def test_every_run_reads_whether_the_standby_follows_once_its_server_and_its_test_are_done(tested: bool) -> None:
    graph = standby(smokeTest=tested)
    (read,) = [one for one in graph.of_type(STATEFUL_SET) if one.read_id]
    assert read.read_id == "rhsi/postgres-standby"
    assert graph.waits_for(read, the_server(graph))
    if tested:
        assert graph.waits_for(read, graph.named(JOB, "postgres-smoke-test"))
    assert graph.outputs_of("standby-postgres-following") == {"follows": False}, "the recorder's server has no status"


@pytest.mark.parametrize(
    ("metadata", "status", "ready"),
    [
        ({"generation": 2}, {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1}, True),
        ({"generation": 2.0}, {"observedGeneration": 1.0, "readyReplicas": 1.0, "updatedReplicas": 1.0}, False),
        ({"generation": 2}, {"observedGeneration": 2, "readyReplicas": 1}, False),
        ({"generation": 2}, {"observedGeneration": 2, "updatedReplicas": 1}, False),
        ({"generation": 1}, None, False),
        (None, None, False),
    ],
)
def test_a_server_follows_when_its_present_generation_is_ready(metadata: Any, status: Any, ready: bool) -> None:
    assert following.is_ready(metadata, status) is ready


def test_services_of_the_users_own_cross_the_network_in_both_directions() -> None:
    exports = {"orders": {"host": "orders.shop.svc", "port": 8080}}
    here = record({**PRIMARY, "services": {"exports": exports}}, stack="site-a")
    there = record({**STANDBY, "services": {"imports": {"orders": {"port": 80}}}}, stack="site-b")
    assert here.one(CONNECTOR).inputs["spec"] == {
        "routingKey": "site-a/orders",
        "host": "orders.shop.svc",
        "port": 8080,
    }
    assert there.one(LISTENER).inputs["spec"] == {"routingKey": "site-a/orders", "host": "orders", "port": 80}
    assert there.exports["imported_services"] == {
        "orders": {"host": "orders.rhsi.svc", "port": 80, "routing_key": "site-a/orders"}
    }
    back = record({**STANDBY, "services": {"exports": exports}}, stack="site-b")
    assert back.one(CONNECTOR).inputs["spec"]["routingKey"] == "site-a/orders"


def test_a_standby_of_a_primary_that_tells_no_prefix_is_a_sentence() -> None:
    imports = {**STANDBY, "services": {"imports": {"orders": {"port": 80}}}}
    outputs = {key: value for key, value in PRIMARY_OUTPUTS.items() if key != "routing_prefix"}
    with pytest.raises(Exception, match=r"site-a does not tell the name of its services: run `pulumi up -s site-a`"):
        record(imports, stack="site-b", primary_outputs=outputs)
