"""What a stack was: which runs contradict it, and what is remembered."""

from typing import Any

import pulumi
import pytest

from components.past import Fact, contradictions, counting
from components.sites.past import facts, version
from tests.unit.recorder import PRIMARY, PRIMARY_OUTPUTS, STANDBY, Graph, record, settings_of

FACTS = {
    "site": Fact(value="", fix="write it again"),
    "revoke": Fact(value=0, fix="it only grows", grows=True),
    "cluster.createNamespace": Fact(value=True, fix="write it again"),
    "cluster.context": Fact(value="", sentence="leads to {new}, it led to {old}", fix="correct it"),
}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"site": "a"}),
        ({"site": "a"}, {"site": "a"}),
        ({"site": "a", "revoke": 3.0}, {"site": "a", "revoke": 3}),
        ({"revoke": 3.0}, {"revoke": 4.0}),
        ({"site": "a"}, {"revoke": 1}),
        ({"a key of a newer program": "x"}, {"site": "a"}),
    ],
)
def test_a_run_may_repeat_the_past_and_grow(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert contradictions(FACTS, now, before) == []


def test_everything_that_contradicts_the_past_is_told_at_once_with_what_it_was() -> None:
    before = {"site": "a", "revoke": 3.0, "cluster.createNamespace": True, "cluster.context": "one"}
    now = {"site": "b", "revoke": 2.0, "cluster.createNamespace": False, "cluster.context": "two"}
    assert contradictions(FACTS, now, before) == [
        'rhsi:site is "b", it was "a": write it again.',
        "rhsi:revoke is 2, it was 3: it only grows.",
        "rhsi:cluster.createNamespace is false, it was true: write it again.",
        'rhsi:cluster.context leads to "two", it led to "one": correct it.',
    ]


def test_what_is_usual_counts_only_beside_what_was_remembered() -> None:
    login = {"vault.login": Fact(value="jwt", fix="write it again", usual="kubernetes", beside="vault.authPath")}
    now = {"vault.login": "jwt"}
    assert contradictions(login, now, {"site": "a"}) == []
    assert contradictions(login, now, {"vault.authPath": "jwt-a", "vault.login": "jwt"}) == []
    assert contradictions(login, now, {"vault.authPath": "kubernetes-a"}) == [
        'rhsi:vault.login is "jwt", it was "kubernetes": write it again.'
    ]


def test_a_stack_that_had_somebody_elses_store_may_begin_with_any_login_of_its_own() -> None:
    store = {"kind": "ClusterSecretStore", "name": "vault"}
    before = memory(record({**STANDBY, "vault": {**STANDBY["vault"], "store": store}}, stack="site-b"))
    own = {**STANDBY["vault"], "login": "jwt", "namespace": "team/kv", "authNamespace": "team"}
    settings = settings_of({**STANDBY, "vault": own}, stack="site-b")
    cluster = pulumi.Output.from_input("uid-of-the-cluster")
    now = {"vault.login": "jwt", "vault.authPath": "jwt-site-b", "vault.authNamespace": "team"}
    assert contradictions(facts(settings, cluster, None), now, before) == []
    former = memory(record(STANDBY, stack="site-b"))
    said = contradictions(facts(settings, cluster, None), now, former)
    assert [sentence.split(" is ")[0] for sentence in said] == [
        "rhsi:vault.login",
        "rhsi:vault.authPath",
        "rhsi:vault.authNamespace",
    ]


def memory(graph: Graph) -> dict[str, Any]:
    (past,) = [one for one in graph.of_type("pulumi:index:Stash") if one.name == "past"]
    remembered: dict[str, Any] = past.inputs["input"]
    return remembered


def test_a_stack_remembers_its_cluster_and_whatever_names_or_counts_something() -> None:
    postgres, edb = {"enabled": True, "passwordRotation": 2}, {"enabled": True, "operator": "community"}
    assert memory(record({**PRIMARY, "postgres": postgres, "edb": edb, "revoke": 1}, stack="site-a")) == {
        "role": "primary",
        "site": "site-a",
        "cluster.context": "uid-of-the-cluster",
        "cluster.namespace": "rhsi",
        "cluster.createNamespace": True,
        "vault.mount": "rhsi",
        "vault.prefix": "",
        "vault.manageMount": True,
        "revoke": 1.0,
        "standbys.site-b.rotation": 3.0,
        "postgres.passwordRotation": 2.0,
        "postgres.promotedStandby": False,
        "postgres.version": 16.0,
        "edb.passwordRotation": 1.0,
        "edb.namespace": "db",
        "edb.createNamespace": True,
        "edb.database": "app",
        "edb.image": "16",
    }
    standby = memory(record(STANDBY, stack="site-b"))
    assert standby["role"] == "standby"
    assert standby["vault.authPath"] == "kubernetes-site-b"


def test_the_major_version_of_databases_that_do_not_replicate_is_not_held_to() -> None:
    edb = {"enabled": True, "operator": "community", "subscribe": False}
    assert "edb.image" not in memory(record({**PRIMARY, "edb": edb}, stack="site-a"))
    ended = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], "subscription": ""}}
    assert "edb.image" not in memory(record({**STANDBY, "edb": edb}, stack="site-b", primary_outputs=ended))


def test_a_standby_is_held_to_its_major_version_as_long_as_the_primary_has_a_slot_there() -> None:
    edb = {"enabled": True, "operator": "community", "subscribe": False}
    follows = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], "subscription": "site_a_from_site_b"}}
    assert memory(record({**STANDBY, "edb": edb}, stack="site-b", primary_outputs=follows))["edb.image"] == "16"


def test_the_run_that_ends_the_subscription_is_held_to_the_major_version_and_the_next_is_not() -> None:
    """It ends it last, when the cluster has been upgraded."""
    image = "ghcr.io/cloudnative-pg/postgresql:18.1-standard-trixie"
    edb = {"enabled": True, "operator": "community", "subscribe": False, "image": image}
    settings = settings_of({**PRIMARY, "edb": edb}, stack="site-a")
    fact = {"edb.image": version(settings)}
    (found,) = contradictions(fact, {}, {"edb.image": "16"})
    assert found.startswith('rhsi:edb.image is PostgreSQL "18", it was "16": a major upgrade loses the slots')
    assert contradictions(fact, {}, {}) == []


@pytest.mark.parametrize(("values", "stack"), [(PRIMARY, "site-a"), (STANDBY, "site-b")])
def test_nothing_but_the_look_at_the_cluster_comes_before_the_past(values: dict[str, Any], stack: str) -> None:
    graph = record(values, stack=stack)
    (past,) = [one for one in graph.of_type("pulumi:index:Stash") if one.name == "past"]
    earlier = {one.name for one in graph.resources.values() if one is not past and not graph.waits_for(one, past)}
    assert earlier == {"foundation", "kubernetes-reading", "cluster", "owner"}


def of_everything(values: dict[str, Any], stack: str) -> dict[str, Fact]:
    """The facts of a stack with databases of both kinds."""
    settings = settings_of({**values, "edb": {"enabled": True, "operator": "community"}}, stack=stack)
    return facts(settings, pulumi.Output.from_input("uid-of-the-cluster"), None)


def test_a_stack_is_held_to_what_it_has_made_or_marked_and_not_to_what_it_was_refused() -> None:
    known = of_everything(PRIMARY, "site-a")
    site = {"cluster.namespace", "cluster.createNamespace"}
    databases, mount = {"edb.namespace", "edb.createNamespace"}, {"vault.mount", "vault.manageMount"}

    def free(*resources: str) -> set[str]:
        return known.keys() - counting(known, set(resources)).keys()

    assert free() == site | databases | mount
    assert free("primary-skupper-owner") == databases | mount
    assert free("primary-skupper-namespace", "primary-edb-namespace") == mount
    assert free("primary-site-b-owner-secret") == site | databases
    assert free("primary-kv-mount", "primary-skupper-owner", "primary-edb-owner") == set()
    known = of_everything(STANDBY, "site-b")
    login = {"vault.manageAuth", "vault.authPath"}
    assert free("standby-vault-auth-policy") == site | databases | login
    assert free("standby-skupper-owner", "standby-edb-owner", "standby-vault-auth-role") == set()


@pytest.mark.parametrize(("values", "stack"), [(PRIMARY, "site-a"), (STANDBY, "site-b")])
def test_what_shows_that_something_is_the_stacks_are_resources_that_it_registers(
    values: dict[str, Any], stack: str
) -> None:
    token = {"registry": {"token": "the-token"}} if values is PRIMARY else {}
    given = {**values, "edb": {"enabled": True, "operator": "edb", **token}}
    known = facts(settings_of(given, stack=stack), pulumi.Output.from_input("uid-of-the-cluster"), None)
    registered = {one.name for one in record(given, stack=stack).resources.values()}
    assert {name for fact in known.values() for name in fact.made} <= registered
