"""What is a stack's own in Vault: names that no other environment has, claims, and mounts that are refused."""

import dataclasses
import re
from typing import Any, cast

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.owner import Owner
from components.settings import formats
from components.sites.vault_owners import standby_owner_args
from components.vault.mount import engine_problem
from components.vault.names import policy_name
from components.vault.ownership import OTHER_ENVIRONMENT, VaultOwnerArgs, refusal
from lab.home import CHECKOUT
from tests.unit.recorder import (
    OWNER_ID,
    PRIMARY,
    PRIMARY_OUTPUTS,
    SECRET_KEY,
    STANDBY,
    Graph,
    record,
    reveal,
    settings_of,
)

KV_SECRET = "vault:kv/secretV2:SecretV2"
POLICY = "vault:index/policy:Policy"
AUTH_ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
MOUNT_ANSWER = {"path": "rhsi/", "type": "kv", "options": {"version": "2"}}

parts = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,6}", fullmatch=True)
mounts = st.lists(parts, min_size=1, max_size=3).map("/".join)
prefixes = st.one_of(st.just(""), mounts)
sites = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
places = st.tuples(mounts, prefixes, sites)


def test_the_default_mounts_names_are_those_of_the_manual_procedure() -> None:
    assert policy_name("rhsi", "", "site-b") == "rhsi-site-b"


@pytest.mark.parametrize(
    ("mount", "prefix", "name"),
    [
        ("rhsi-test", "", "rhsi.rhsi-test.site-b"),
        ("rhsi", "env.test", "rhsi.rhsi__env_2etest.site-b"),
        ("team/kv", "", "rhsi.team_2fkv.site-b"),
        ("RHSI", "", "rhsi._52_48_53_49.site-b"),
    ],
)
def test_elsewhere_mount_and_prefix_are_in_the_name(mount: str, prefix: str, name: str) -> None:
    assert policy_name(mount, prefix, "site-b") == name


@given(one=places, other=places)
def test_two_environments_or_sites_never_have_one_policy(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (policy_name(*one) == policy_name(*other)) == (one == other)


@given(place=places)
def test_vault_takes_the_name_for_a_policy_and_a_role_as_it_is(place: tuple[str, str, str]) -> None:
    name = policy_name(*place)
    assert re.fullmatch(r"\w([\w.-]+)?\w", name, re.ASCII)
    assert name == name.lower()
    assert name.startswith("rhsi"), "no name of anything else"
    assert name != "pulumi-rhsi", "the operator's own policy"


@given(one=places, other=places)
def test_what_grants_one_environments_names_grants_no_other_ones(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    granted = policy_name(*one).removesuffix(one[2])
    if one[:2] != ("rhsi", "") and one[:2] != other[:2]:
        assert not policy_name(*other).startswith(granted)


@given(prefix=mounts, site=sites)
def test_no_sites_folder_is_above_that_of_a_prefix(prefix: str, site: str) -> None:
    if formats.vault_folder(prefix) is None:
        assert site not in prefix.split("/")


def primary(**vault: Any) -> dict[str, Any]:
    return {**PRIMARY, "vault": {**PRIMARY["vault"], **vault}}


def standby(**vault: Any) -> dict[str, Any]:
    return {**STANDBY, "vault": {**STANDBY["vault"], **vault}}


def owners(graph: Graph) -> dict[str, Any]:
    return {one.inputs["name"]: one for one in graph.of_type(KV_SECRET) if "owner" in one.inputs["name"]}


def test_what_a_standby_has_in_vault_waits_for_its_policy() -> None:
    graph = record(STANDBY, stack="site-b")
    policy = graph.one("vault:index/policy:Policy")
    written = [one for one in graph.resources.values() if one.token.startswith("vault:") and one is not policy]
    assert len(written) == 3
    assert all(graph.waits_for(one, policy) for one in written)


def test_everything_in_vault_waits_for_the_primarys_claim_which_is_made_once() -> None:
    graph = record(PRIMARY, stack="site-a")
    marked = owners(graph)["site-b/owner-primary"]
    assert marked.inputs["options"] == {"cas": "0"}
    assert marked.ignore_changes == ["dataJson"]
    assert marked.inputs["deleteAllVersions"] is True
    fields = reveal(marked.inputs["dataJson"])
    assert '"stack": "acme/rhsi/site-a"' in fields
    assert OWNER_ID in fields
    written = [one for one in graph.resources.values() if one.token.startswith("vault:") and one is not marked]
    for one in written:
        if one.token != "vault:index/mount:Mount":
            assert graph.waits_for(one, marked), one.name
    assert len(written) >= 2


def test_the_databases_secrets_wait_for_the_claim_too_and_the_shared_token_has_one_of_its_own() -> None:
    edb = {"enabled": True, "registry": {"token": "-".join(["the", "token"])}}
    graph = record({**PRIMARY, "postgres": {"enabled": True}, "edb": edb}, stack="site-a")
    claims = owners(graph)
    assert set(claims) == {"site-b/owner-primary", "edb-repos2-owner"}
    written = {one.inputs["name"]: one for one in graph.of_type(KV_SECRET)}
    assert graph.waits_for(written["edb-repos2"], claims["edb-repos2-owner"])
    for path in set(written) - {*claims, "edb-repos2"}:
        assert graph.waits_for(written[path], claims["site-b/owner-primary"]), path


def claim(**changes: Any) -> VaultOwnerArgs:
    usual = VaultOwnerArgs(
        owner=Owner(stack="acme/rhsi/site-a", id=cast("pulumi.Output[str]", None)),
        mount="rhsi",
        existing=False,
        path="site-b/owner-primary",
        claimed="What a primary writes for site-b",
        give=OTHER_ENVIRONMENT,
    )
    return dataclasses.replace(usual, **changes)


@pytest.mark.parametrize("own_id", ["feedfeedfeedfeed", None])
def test_a_path_of_another_stack_is_a_sentence_with_both_names_and_the_way_out(own_id: str | None) -> None:
    sentence = refusal({"stack": "acme/rhsi/other", "id": "0123456789abcdef"}, claim(), own_id)
    assert "belongs to another stack, acme/rhsi/other with the id 0123456789abcdef" in sentence
    assert "as rhsi/site-b/owner-primary says; this is acme/rhsi/site-a" in sentence
    assert "rhsi:vault.prefix" in sentence


def test_a_standby_of_another_stack_is_told_to_take_another_name() -> None:
    store = {"kind": "ClusterSecretStore", "name": "vault"}
    settings = settings_of(standby(store=store, prefix="env.test"), stack="site-b")
    args = standby_owner_args(settings, claim().owner)
    sentence = refusal({"stack": "acme/rhsi/other", "id": "0123456789abcdef"}, args, None)
    assert sentence.startswith("The standby site-b in Vault belongs to another stack, acme/rhsi/other with the id")
    assert "as rhsi/env.test/site-b/owner-standby says" in sentence
    assert "Give this site another name (rhsi:site), or its environment another rhsi:vault.mount" in sentence


@pytest.mark.parametrize("fields", [{}, {"note": "hands off"}, {"id": ""}])
@pytest.mark.parametrize("own_id", ["feedfeedfeedfeed", None, ""])
def test_a_claim_that_says_nothing_is_somebody_elses(fields: dict[str, str], own_id: str | None) -> None:
    assert "belongs to another stack, of unknown name" in refusal(fields, claim(), own_id)


@pytest.mark.parametrize("name", ["acme/rhsi/site-a", "acme/rhsi/its-old-name"])
def test_the_claim_of_this_stacks_own_killed_run_is_answered_with_the_command(name: str) -> None:
    sentence = refusal({"stack": name, "id": "feedfeedfeedfeed"}, claim(), "feedfeedfeedfeed")
    assert "this stack's own claim" in sentence
    assert "`vault kv metadata delete -mount=rhsi site-b/owner-primary`" in sentence


def test_a_prefix_is_in_every_path_and_in_the_names() -> None:
    edb = {"enabled": True, "registry": {"token": "-".join(["the", "token"])}}
    values = {**primary(prefix="env.test"), "postgres": {"enabled": True}, "edb": edb}
    graph = record(values, stack="site-a")
    paths = {one.inputs["name"] for one in graph.of_type(KV_SECRET)}
    assert {"env.test/site-b/link-token", "env.test/site-b/postgres-application", "env.test/edb-repos2"} <= paths
    assert all(path.startswith("env.test/") for path in paths)
    told = graph.exports["standbys"]["site-b"]
    assert told["vault_path"] == "env.test/site-b/link-token"
    outputs = {**PRIMARY_OUTPUTS, "standbys": {"site-b": {**PRIMARY_OUTPUTS["standbys"]["site-b"], **told}}}
    site = record({**standby(prefix="env.test"), "edb": {"enabled": True}}, stack="site-b", primary_outputs=outputs)
    assert site.one(POLICY).inputs["name"] == site.one(AUTH_ROLE).inputs["roleName"] == "rhsi.rhsi__env_2etest.site-b"
    text = site.one(POLICY).inputs["policy"]
    assert 'path "rhsi/data/env.test/site-b/*"' in text
    assert 'path "rhsi/data/env.test/edb-repos2"' in text


@pytest.mark.parametrize(("here", "there"), [("", "env.test"), ("env.test", ""), ("env.test", "env.other")])
def test_two_prefixes_are_a_sentence(here: str, there: str) -> None:
    path = "/".join(part for part in (there, "site-b", "link-token") if part)
    entry = {**PRIMARY_OUTPUTS["standbys"]["site-b"], "vault_path": path}
    values = standby(prefix=here) if here else STANDBY
    with pytest.raises(Exception, match=f"rhsi:vault.prefix is '{here}', .*in '{there}': set both to the same prefix"):
        record(values, stack="site-b", primary_outputs={"standbys": {"site-b": entry}})


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ({**MOUNT_ANSWER, "options": {"version": "1"}}, "is a KV mount of version 1"),
        ({**MOUNT_ANSWER, "options": None}, "is a KV mount of version 1"),
        ({**MOUNT_ANSWER, "type": "ssh"}, "is a mount of the engine 'ssh'"),
        ({**MOUNT_ANSWER, "path": "team/"}, "is no mount but a folder in the mount 'team'"),
        (MOUNT_ANSWER, None),
    ],
)
def test_a_mount_that_cannot_hold_the_secrets_is_named_with_the_fix(
    described: dict[str, Any], problem: str | None
) -> None:
    found = engine_problem("team/env.a" if described["path"] == "team/" else "rhsi", described)
    assert (found or "").startswith(problem or "")
    assert (found is None) == (problem is None)
    if described["path"] == "team/":
        assert found
        assert "rhsi:vault.prefix to 'env.a'" in found


def test_the_providers_namespace_is_the_settings_and_no_tokens_nor_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"VAULT_MAX_RETRIES": "7", "TERRAFORM_VAULT_MAX_TTL": "70"}.items():
        monkeypatch.setenv(name, value)
    inputs = record(primary(namespace="team-a"), stack="site-a").one("pulumi:providers:vault").inputs
    assert inputs["namespace"] == "team-a"
    assert (inputs["setNamespaceFromToken"], inputs["maxRetries"], inputs["maxLeaseTtlSeconds"]) == (
        "false",
        "2",
        "1200",
    )
    assert SECRET_KEY not in str(inputs)


def test_the_operators_policy_knows_the_texts_of_the_sites_policy() -> None:
    text = (CHECKOUT / "deploy" / "operator-policy.hcl").read_text()
    for values in (STANDBY, {**STANDBY, "edb": {"enabled": True}}):
        policy = record(values, stack="site-b").one(POLICY).inputs["policy"]
        written = policy.replace('"', '\\"').replace("\n", "\\n")
        assert f'"{written}"' in text


def test_the_operators_policy_names_everything_exactly() -> None:
    text = (CHECKOUT / "deploy" / "operator-policy.hcl").read_text()
    paths = re.findall(r'^path "([^"]+)"', text, re.MULTILINE)
    assert len(paths) > 10
    assert [path for path in paths if "*" in path or "+" in path] == ["rhsi/data/site-b/*", "rhsi/metadata/site-b/*"]
    assert "vault policy write pulumi-rhsi" in text
