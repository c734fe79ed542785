"""Namespaces: who may use one, and what waits until that is certain."""

from typing import Any

import pytest

from components.namespace import MANAGER_LENGTH, check_owner, field_manager
from components.owner import OwnerError
from tests.unit.recorder import OWNER_ID, PRIMARY, STANDBY, Graph, Registration, record

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE = "kubernetes:core/v1:Namespace"
DATABASES = {"postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}
SITES = [({**PRIMARY, **DATABASES}, "site-a"), ({**STANDBY, **DATABASES}, "site-b")]


def claims(graph: Graph) -> dict[str, Registration]:
    """The ConfigMaps that name the owner, by namespace."""
    found = [one for one in graph.made(CONFIG_MAP) if one.inputs["metadata"]["name"] == "rhsi-owner"]
    return {one.inputs["metadata"]["namespace"]: one for one in found}


def test_a_field_manager_tells_stacks_of_one_name_apart_however_long_it_is() -> None:
    assert field_manager("organization/rhsi/site-b", "12ab") == "rhsi organization/rhsi/site-b 12ab"
    long = [field_manager("o/" * 200, number) for number in ("1" * 16, "2" * 16)]
    assert len(set(long)) == 2
    assert {len(one) for one in long} == {MANAGER_LENGTH}


@pytest.mark.parametrize(("values", "stack"), SITES)
def test_a_claim_is_never_forced_and_says_whose_it_is(values: dict[str, Any], stack: str) -> None:
    graph = record(values, stack=stack)
    assert set(claims(graph)) == {"rhsi", "db"}
    for claim in claims(graph).values():
        assert claim.inputs["data"] == {"stack": f"acme/rhsi/{stack}", "id": OWNER_ID}
        manager = f"rhsi acme/rhsi/{stack} {OWNER_ID}"
        assert claim.inputs["metadata"]["annotations"] == {"pulumi.com/patchFieldManager": manager}
        assert "::kubernetes-claiming::" in claim.provider
    (provider,) = [one for one in graph.of_type("pulumi:providers:kubernetes") if one.name == "kubernetes-claiming"]
    assert (provider.inputs["enablePatchForce"], provider.inputs["upsertExistingObjects"]) == ("false", "true")


@pytest.mark.parametrize(("values", "stack"), SITES)
def test_a_namespace_is_created_or_refused_and_never_taken_over(values: dict[str, Any], stack: str) -> None:
    graph = record(values, stack=stack)
    assert {one.inputs["metadata"]["name"] for one in graph.made(NAMESPACE)} == {"rhsi", "db"}
    assert all("::kubernetes-creating::" in one.provider for one in graph.made(NAMESPACE))
    (provider,) = [one for one in graph.of_type("pulumi:providers:kubernetes") if one.name == "kubernetes-creating"]
    assert provider.inputs["upsertExistingObjects"] == "false"


@pytest.mark.parametrize(("values", "stack"), SITES)
def test_everything_in_a_namespace_waits_for_the_claim_of_it(values: dict[str, Any], stack: str) -> None:
    graph = record(values, stack=stack)
    made = [one for one in graph.resources.values() if one.token.startswith("kubernetes:") and not one.read_id]
    inside = [one for one in made if "namespace" in one.inputs["metadata"]]
    assert len(inside) >= 20
    for one in inside:
        claim = claims(graph)[one.inputs["metadata"]["namespace"]]
        assert one is claim or graph.waits_for(one, claim), one.name


def test_a_namespace_that_another_stack_has_taken_over_ends_the_run() -> None:
    theirs = {"rhsi/rhsi-owner": {"stack": "acme/rhsi/other", "id": "theirs"}}
    with pytest.raises(OwnerError, match="Namespace rhsi belongs to another stack now, acme/rhsi/other"):
        record(STANDBY, stack="site-b", claims=theirs)
    with pytest.raises(OwnerError, match="of unknown name"):
        check_owner(None, OWNER_ID, "rhsi")


def test_taking_over_is_for_the_named_namespace_and_one_run_only(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = record(*SITES[1][:1], stack="site-b")
    monkeypatch.setenv("RHSI_TAKE_OVER", "db")
    taking = record(*SITES[1][:1], stack="site-b")
    assert "::kubernetes::" in claims(taking)["db"].provider
    assert "::kubernetes-claiming::" in claims(taking)["rhsi"].provider
    inputs = [{urn: one.inputs for urn, one in graph.resources.items()} for graph in (usual, taking)]
    for of_a_run in inputs:
        of_a_run.pop("urn:pulumi:site-b::rhsi::rhsi:index:Foundation$pulumi:index:Stash::owner")
    assert inputs[0] == inputs[1], "nothing of it stays in the state"
