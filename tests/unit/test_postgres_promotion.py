"""Which objects a promotion makes on both sides, in which order, and what a stack may not become afterwards."""

import json
from typing import Any

import pytest

from components.outputs import OutputError
from components.past import contradictions
from components.sites.past import facts
from components.sites.peer import peer_sites
from tests.unit.recorder import PRIMARY, PRIMARY_OUTPUTS, STANDBY, Graph, Registration, record, settings_of
from tests.unit.test_databases import CONNECTOR, JOB, LISTENER, SERVICE, STATEFUL_SET, primary, standby, the_server

KEY = "site-a/site-b/postgres-primary"
TWO = {**PRIMARY, "standbys": {"site-b": {}, "site-c": {}}}
FOLLOWED = {**PRIMARY_OUTPUTS, "standbys": {**PRIMARY_OUTPUTS["standbys"], "site-c": {}}}


def promoted(**wanted: Any) -> Graph:
    return standby(promoted=True, primary_outputs=FOLLOWED, **wanted)


def fenced(**wanted: Any) -> Graph:
    return primary(promotedStandby="site-b", **wanted)


def the_job(graph: Graph) -> Registration:
    return graph.named(JOB, "postgres-upkeep")


def environment(job: Registration) -> dict[str, Any]:
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value") for one in container["env"]}


def test_the_pod_of_a_promoted_server_is_the_one_that_it_had() -> None:
    assert the_server(promoted()).inputs == the_server(standby(primary_outputs=FOLLOWED)).inputs


def test_the_server_is_promoted_before_anything_leads_to_it() -> None:
    graph = promoted()
    job, connector, listener = the_job(graph), graph.one(CONNECTOR), graph.one(LISTENER)
    assert graph.waits_for(job, the_server(graph))
    for way in (connector, listener):
        assert graph.waits_for(way, job)
        assert way.inputs["spec"]["routingKey"] == KEY
    assert connector.inputs["spec"]["selector"] == "app.kubernetes.io/name=postgres-standby"
    assert not graph.waits_for(the_server(graph), listener), "until then the former way brings the rest of the WAL"


def test_a_promotion_says_what_to_do_and_names_the_slots_of_the_others() -> None:
    told = environment(the_job(promoted(maxSlotWalKeepSize="8GB")))
    assert told | {"PROMOTE": "1", "WAL_KEEP": "8GB", "SLOTS": "site_c", "RESERVE": "true"} == told
    assert "max_connections=100 " in told["PARAMETERS"]
    assert told["USERS"] == told["OWN"] == "application replication"
    assert told["PASSWORDS"].startswith("2/"), "new ones mean another run"
    assert environment(the_job(standby(promoted=True)))["SLOTS"] == "-"
    assert all(value for name, value in told.items() if name != "JOB_UID"), "an empty one would show in every preview"


def test_the_job_may_do_nothing_but_exec_in_the_servers_pod_and_has_the_passwords_in_files() -> None:
    graph = promoted()
    rules = graph.named("kubernetes:rbac.authorization.k8s.io/v1:Role", "postgres-upkeep").inputs["rules"]
    assert {(*rule["resources"], *rule["resourceNames"]) for rule in rules} == {
        ("pods", "postgres-standby-0"),
        ("pods/exec", "postgres-standby-0"),
    }
    mounts = the_job(graph).inputs["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {one["mountPath"] for one in mounts} == {"/home/job", "/secrets/application", "/secrets/replication"}


def test_a_promoted_standby_is_not_said_not_to_follow_and_has_no_smoke_test() -> None:
    graph = promoted(smokeTest=True)
    assert not [one for one in graph.of_type(STATEFUL_SET) if one.read_id]
    assert [one.inputs["metadata"]["name"] for one in graph.of_type(JOB)].count("postgres-smoke-test") == 0
    assert graph.exports["postgres"]["promoted"] is True
    assert "smoke_test" not in graph.exports["postgres"]
    assert graph.exports["exported_services"]["postgres-primary"]["routing_key"] == KEY


def test_a_promotion_is_unknown_until_it_is_done() -> None:
    graph = standby(promoted=True, preview=True)
    assert not isinstance(graph.exports.get("postgres", {}).get("promoted"), bool)


def test_a_primary_with_a_successor_is_off_keeps_its_volume_and_leads_to_the_successor() -> None:
    graph, before = fenced(), primary()
    server, was = the_server(graph).inputs, the_server(before).inputs
    assert server["spec"]["replicas"] == 0
    assert {**server["spec"], "replicas": 1} == was["spec"]
    awaited = json.dumps(["jsonpath={.status.replicas}=0"])
    assert server["metadata"]["annotations"] == {"pulumi.com/waitFor": awaited}, (
        "nothing goes on before its pod is gone"
    )
    assert the_server(graph).timeouts["update"] == "10m"
    assert not graph.of_type(CONNECTOR)
    listener, service = graph.one(LISTENER), graph.one(SERVICE)
    assert listener.inputs["spec"] == {"routingKey": KEY, "port": 5432, "host": "postgres-primary"}
    assert service.inputs["metadata"]["name"] == "postgres-primary-fenced"
    assert service.delete_before_replace, "the Listener's Service gets the name that is free then"
    assert graph.waits_for(listener, service)
    assert graph.waits_for(listener, the_server(graph))
    assert service.urn == before.one(SERVICE).urn
    assert graph.exports["postgres"]["promoted_standby"] == "site-b"
    assert graph.exports["imported_services"]["postgres-primary"]["host"] == "postgres-primary.rhsi.svc"


def test_a_primary_with_a_successor_makes_passwords_as_before_and_touches_no_server() -> None:
    graph, before = fenced(manageSlots=True, users={"orders_app": {}}), primary(users={"orders_app": {}})
    assert {one.urn for one in graph.passwords()} == {one.urn for one in before.passwords()}
    assert graph.exports["standbys"] == before.exports["standbys"]
    assert not graph.of_type(JOB)


def test_another_standby_goes_where_the_writes_are() -> None:
    told = {**PRIMARY_OUTPUTS["postgres"], "promoted_standby": "site-c"}
    graph = standby(primary_outputs={**PRIMARY_OUTPUTS, "postgres": told})
    assert graph.one(LISTENER).inputs["spec"]["routingKey"] == "site-a/site-c/postgres-primary"


@pytest.mark.parametrize("preview", [False, True])
def test_two_stacks_do_not_both_take_the_writes(preview: bool) -> None:
    def told(site: str | None) -> dict[str, Any]:
        return {**FOLLOWED, "postgres": {**PRIMARY_OUTPUTS["postgres"], "promoted_standby": site}}

    said = (
        r"The primary's stack site-a names site-c in rhsi:postgres.promotedStandby, and with rhsi:postgres.promoted "
        r"here two servers would take writes: remove rhsi:postgres.promoted here, or set rhsi:postgres.enabled to "
        r"false where site-c takes over from this server; if this one is meant, write site-b there and run "
        r"`pulumi up -s site-a` first\."
    )
    with pytest.raises(Exception, match=said):
        standby(promoted=True, preview=preview, primary_outputs=told("site-c"))
    for agreed in ("site-b", None):
        assert the_job(standby(promoted=True, preview=preview, primary_outputs=told(agreed)))


def test_a_site_that_was_overtaken_gives_up_its_server_and_keeps_the_volume() -> None:
    policy = the_server(promoted()).inputs["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert policy["whenDeleted"] == "Retain"
    told = {**FOLLOWED, "postgres": {**PRIMARY_OUTPUTS["postgres"], "promoted_standby": "site-c"}}
    graph = standby(promoted=True, enabled=False, primary_outputs=told)
    assert not graph.of_type(STATEFUL_SET)


def test_a_new_server_of_the_same_name_gets_everything_anew() -> None:
    for graph in (promoted(), primary(users={"orders_app": {}})):
        assert environment(the_job(graph))["SERVER_UID"] == f"uid-of-{the_server(graph).name}"
    environment_of_new = environment(the_job(promoted(preview=True)))
    assert not isinstance(environment_of_new.get("SERVER_UID"), str), "a preview does not know a new server"


def test_a_promoted_standby_needs_the_passwords_of_its_former_primary() -> None:
    outputs = {key: value for key, value in PRIMARY_OUTPUTS.items() if key != "postgres"}
    with pytest.raises(
        Exception, match=r"set rhsi:postgres.enabled to true and rhsi:postgres.promotedStandby to site-b"
    ):
        standby(promoted=True, primary_outputs=outputs)


@pytest.mark.parametrize("told", [5, "site-c", ["site-c"], True])
def test_standbys_of_another_shape_are_a_sentence(told: object) -> None:
    with pytest.raises(OutputError, match=r"does not tell its output standbys as this program reads it"):
        peer_sites(told, settings_of(STANDBY, stack="site-b"))
    assert peer_sites(None, settings_of(STANDBY, stack="site-b")) == []


@pytest.mark.parametrize(
    ("values", "stack", "before", "now", "sentence"),
    [
        (STANDBY, "site-b", {"promoted": True}, {}, "rhsi:postgres.promoted is false, it was true: a promoted server"),
        (
            PRIMARY,
            "site-a",
            {"promotedStandby": "site-b"},
            {},
            "rhsi:postgres.promotedStandby is missing, and it was set: its server would take writes",
        ),
        (PRIMARY, "site-a", {}, {"image": "postgres:17"}, "rhsi:postgres.version is 17, it was 16: one major version"),
        (STANDBY, "site-b", {}, {"promoted": True}, ""),
        (PRIMARY, "site-a", {}, {"promotedStandby": "site-b"}, ""),
        (PRIMARY, "site-a", {"image": "pg:latest"}, {"version": 18}, ""),
        (PRIMARY, "site-a", {"promotedStandby": "site-b"}, {"enabled": False}, ""),
        (TWO, "site-a", {"promotedStandby": "site-b"}, {"promotedStandby": "site-c"}, ""),
        (STANDBY, "site-b", {"promoted": True}, {"enabled": False, "promoted": True}, ""),
    ],
)
def test_what_a_database_may_not_become(
    values: dict[str, Any], stack: str, before: dict[str, Any], now: dict[str, Any], sentence: str
) -> None:
    def remembered(wanted: dict[str, Any]) -> dict[str, Any]:
        found = settings_of({**values, "postgres": {"enabled": True, **wanted}}, stack=stack)
        known = facts(found, None, None)  # type: ignore[arg-type] # the cluster is not of interest here
        return {key: fact for key, fact in known.items() if key.startswith("postgres.")}

    present = remembered(now)
    found = contradictions(
        present,
        {key: fact.value for key, fact in present.items()},
        {key: fact.value for key, fact in remembered(before).items()},
    )
    assert [one[: len(sentence)] for one in found] == ([sentence] if sentence else [])


def test_without_a_promotion_nobody_has_a_way_or_a_job_of_one() -> None:
    for graph in (primary(), standby()):
        assert [one for one in graph.of_type(JOB) if one.inputs["metadata"]["name"] == "postgres-upkeep"] == []
    assert record(PRIMARY, stack="site-a").of_type(JOB) == []
