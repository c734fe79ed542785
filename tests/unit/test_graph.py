"""The resource graph: who comes before whom, who owns what, and what is secret."""

import itertools
import json
import re
from typing import Any

import pulumi
import pytest

from components.link import grant
from tests.unit.recorder import (
    CODE,
    GRANT_CA,
    GRANT_STATUS,
    GRANT_URL,
    PRIMARY,
    PRIMARY_OUTPUTS,
    SECRET_KEY,
    STANDBY,
    Graph,
    Registration,
    record,
    reveal,
)

SITE = "kubernetes:skupper.io/v2alpha1:Site"
GRANT = "kubernetes:skupper.io/v2alpha1:AccessGrant"
LINK = "kubernetes:skupper.io/v2alpha1:Link"
STORE = "kubernetes:external-secrets.io/v1:SecretStore"
EXTERNAL_SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"
KV_SECRET = "vault:kv/secretV2:SecretV2"
MOUNT = "vault:index/mount:Mount"
AUTH = "vault:index/authBackend:AuthBackend"
AUTH_CONFIG = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
AUTH_ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
JOB = "kubernetes:batch/v1:Job"
NAMESPACE = "kubernetes:core/v1:Namespace"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"


def primary(**changes: Any) -> Graph:
    return record({**PRIMARY, **changes}, stack="site-a")


def standby(**changes: Any) -> Graph:
    return record({**STANDBY, **changes}, stack="site-b")


def kv_secret(graph: Graph, path: str) -> Registration:
    (found,) = [one for one in graph.of_type(KV_SECRET) if one.inputs["name"] == path]
    return found


@pytest.fixture(params=["primary", "standby"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return primary() if request.param == "primary" else standby()


def test_a_grant_waits_for_the_site_and_the_vault_secret_for_the_grant() -> None:
    graph = primary()
    assert graph.waits_for(graph.one(GRANT), graph.one(SITE))
    assert graph.waits_for(graph.one(GRANT), graph.one(MOUNT))
    assert graph.waits_for(kv_secret(graph, "site-b/link-token"), graph.one(GRANT))


def test_a_standby_logs_in_syncs_claims_and_reads_the_link_in_this_order() -> None:
    graph = standby()
    order = [SITE, AUTH, AUTH_CONFIG, AUTH_ROLE, STORE, EXTERNAL_SECRET, JOB]
    for earlier, later in itertools.pairwise(order):
        assert graph.waits_for(graph.one(later), graph.one(earlier)), f"{later} waits for {earlier}"
    assert {link.read_id for link in graph.of_type(LINK)} == {"rhsi/standby-from-vault-3"}


def test_of_a_primary_with_two_routers_both_links_are_read_and_told() -> None:
    outputs = {"standbys": {"site-b": {**PRIMARY_OUTPUTS["standbys"]["site-b"], "ha": True}}}
    graph = record(STANDBY, stack="site-b", primary_outputs={**PRIMARY_OUTPUTS, **outputs})
    names = ["standby-from-vault-3-1", "standby-from-vault-3-2"]
    assert [link.read_id for link in graph.of_type(LINK)] == [f"rhsi/{name}" for name in names]
    assert graph.exports["links"] == dict.fromkeys(names, "Ready")
    assert graph.exports["link"] == names[0]


@pytest.mark.parametrize(("told", "number"), [({}, 4), ({"configured_rotation": 1.0}, 2)])
def test_the_commands_of_a_rotation_do_not_count_revocations(told: dict[str, float], number: int) -> None:
    outputs = {"standbys": {"site-b": {**PRIMARY_OUTPUTS["standbys"]["site-b"], **told}}}
    graph = record(STANDBY, stack="site-b", primary_outputs={**PRIMARY_OUTPUTS, **outputs})
    (container,) = graph.one(JOB).inputs["spec"]["template"]["spec"]["containers"]
    (hint,) = [variable["value"] for variable in container["env"] if variable["name"] == "ROTATE"]
    assert hint.startswith(f"pulumi config set --path 'rhsi:standbys.site-b.rotation' {number} -s site-a")


def test_the_link_is_read_only_once_the_claim_is_done() -> None:
    graph = record(STANDBY, stack="site-b", preview=True)
    assert graph.one(JOB).read_id == ""
    assert {link.read_id for link in graph.of_type(LINK)} == {pulumi.runtime.rpc.UNKNOWN}


def test_every_resource_has_a_parent_and_an_explicit_provider(graph: Graph) -> None:
    found = [resource for resource in graph.resources.values() if not resource.token.startswith("pulumi:")]
    packages = {resource.token.split(":")[0] for resource in found}
    assert packages == {"rhsi", "kubernetes", "vault"}
    for resource in found:
        assert resource.parent, f"{resource.name} hangs below a component"
        if not resource.token.startswith("rhsi:"):
            package = resource.token.split(":")[0]
            assert re.search(rf"pulumi:providers:{package}::{package}(-[a-z]+)?::", resource.provider), resource.name


@pytest.mark.parametrize(
    "databases", [{}, {"postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}]
)
def test_no_metadata_is_empty_for_the_api_server_drops_it_and_every_run_would_differ(databases: dict[str, Any]) -> None:
    for found in (primary(**databases), standby(**databases)):
        for resource in found.resources.values():
            metadata = reveal(resource.inputs.get("metadata")) or {}
            assert all(reveal(value) not in ({}, [], "") for value in metadata.values()), resource.name


def test_no_variable_of_a_job_is_empty_for_the_api_server_drops_it_and_every_run_would_differ() -> None:
    first = {**PRIMARY_OUTPUTS["standbys"]["site-b"], "rotation": 1.0}
    tested = {"enabled": True, "smokeTest": True}
    claimed = record(
        {**STANDBY, "postgres": tested, "edb": {**tested, "operator": "community"}},
        stack="site-b",
        primary_outputs={**PRIMARY_OUTPUTS, "standbys": {"site-b": first}},
    )
    jobs = [*primary(revoke=1).of_type(JOB), *claimed.of_type(JOB)]
    assert len(jobs) == 4
    for job in jobs:
        (container,) = reveal(job.inputs["spec"])["template"]["spec"]["containers"]
        assert all(variable.get("value", "given by a Secret") for variable in container["env"]), job.name


def test_every_component_registers_outputs(graph: Graph) -> None:
    components = [urn for urn, found in graph.resources.items() if found.token.startswith("rhsi:index:")]
    assert components
    for urn in components:
        assert graph.outputs[urn], f"{urn} registers outputs"


def test_the_grants_status_and_the_vault_data_are_secret() -> None:
    graph = primary()
    assert graph.one(GRANT).secret_outputs == ["status"]
    data = kv_secret(graph, "site-b/link-token").inputs["dataJson"]
    assert SECRET_KEY in data
    assert json.loads(reveal(data)) == {
        "code": CODE,
        "url": GRANT_URL,
        "ca": GRANT_CA,
        "rotation": "3",
        "expires": "2026-11-23T21:30:00Z",
    }


def test_no_part_of_a_grant_shows_anywhere_but_in_the_secret_of_the_primary(graph: Graph) -> None:
    assert graph.leaks(CODE, GRANT_URL, GRANT_CA) == []


def test_a_token_of_vault_is_no_input_of_any_resource(graph: Graph) -> None:
    assert "test-token" not in str(graph.resources)


def test_kubeconfig_and_context_are_explicit_and_hold_no_path_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "a-persons-own-file")
    for provider in primary().of_type("pulumi:providers:kubernetes"):
        assert provider.inputs["kubeconfig"] == ""
        assert provider.inputs["context"] == "site-a"
        assert "a-persons-own-file" not in str(provider.inputs)


def test_a_rotation_changes_the_grants_name_and_nothing_else_of_it() -> None:
    before, after = primary(), primary(standbys={"site-b": {"rotation": 4}})
    names = [graph.one(GRANT).inputs["metadata"]["name"] for graph in (before, after)]
    assert names == ["rhsi-site-b-grant-3", "rhsi-site-b-grant-4"]
    assert before.one(GRANT).inputs["spec"] == after.one(GRANT).inputs["spec"]
    assert set(before.resources) == set(after.resources), "logical names stay, so the engine replaces"


def test_logical_names_stay_when_a_site_is_renamed() -> None:
    renamed = {"standbys": {"berlin": PRIMARY_OUTPUTS["standbys"]["site-b"]}}
    berlin = record({**STANDBY, "site": "berlin"}, stack="site-b", primary_outputs=renamed)
    assert set(berlin.resources) == set(standby().resources)
    assert set(primary(site="munich").resources) == set(primary().resources)


def test_replacing_a_vault_resource_deletes_before_it_creates(graph: Graph) -> None:
    found = [resource for resource in graph.resources.values() if resource.token.startswith("vault:")]
    assert found
    for resource in found:
        assert resource.delete_before_replace, f"{resource.name} lives at a fixed path"


def test_the_mount_is_protected_unless_the_stack_says_otherwise() -> None:
    assert primary().one(MOUNT).protect
    assert not primary(protect="false").one(MOUNT).protect


def test_what_a_stack_does_not_own_it_does_not_register() -> None:
    foreign = primary(
        cluster={**PRIMARY["cluster"], "createNamespace": False}, vault={**PRIMARY["vault"], "manageMount": False}
    )
    assert not foreign.made(NAMESPACE)
    assert not foreign.of_type(MOUNT)
    assert foreign.waits_for(kv_secret(foreign, "site-b/link-token"), foreign.one(SITE))
    auth = standby(vault={**STANDBY["vault"], "manageAuth": False})
    assert not auth.of_type(AUTH)
    assert not auth.of_type(AUTH_CONFIG)
    assert auth.one(AUTH_ROLE).inputs["backend"] == "kubernetes-site-b"


def test_each_standby_has_its_own_grant_and_path() -> None:
    graph = primary(standbys={"site-b": {"rotation": 1}, "site-c": {"rotation": 7, "redemptions": 2}})
    grants = {found.inputs["metadata"]["name"]: found.inputs["spec"] for found in graph.of_type(GRANT)}
    assert grants == {
        "rhsi-site-b-grant-1": {"expirationWindow": "1h", "redemptionsAllowed": 1},
        "rhsi-site-c-grant-7": {"expirationWindow": "1h", "redemptionsAllowed": 2},
    }
    paths = {found.inputs["name"] for found in graph.of_type(KV_SECRET)}
    assert paths == {f"{site}/{secret}" for site in ("site-b", "site-c") for secret in ("link-token", "owner-primary")}


def test_the_gates_end_after_minutes(graph: Graph) -> None:
    gates = [resource for resource in graph.resources.values() if resource.token in {SITE, GRANT, STORE}]
    assert {gate.token for gate in gates} in ({SITE, GRANT}, {SITE, STORE})
    for gate in gates:
        assert gate.timeouts["create"] in {"2m", "3m"}
        assert "condition=Ready" in gate.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]


def test_the_reviewer_stores_nothing_unless_it_is_told_to() -> None:
    config = standby().one(AUTH_CONFIG).inputs
    assert "tokenReviewerJwt" not in config
    assert (config["disableIssValidation"], config["disableLocalCaJwt"]) == (True, True)
    stored = standby(vault={**STANDBY["vault"], "reviewer": "token"})
    assert reveal(stored.one(AUTH_CONFIG).inputs["tokenReviewerJwt"]) == "reviewer"
    assert SECRET_KEY in stored.one(AUTH_CONFIG).inputs["tokenReviewerJwt"]


def test_the_clusters_own_ca_is_the_default_and_a_set_one_is_not_looked_up() -> None:
    graph = standby()
    assert "kube-public/kube-root-ca.crt" in {one.read_id for one in graph.of_type("kubernetes:core/v1:ConfigMap")}
    assert graph.one(AUTH_CONFIG).inputs["kubernetesCaCert"] == "cluster CA"


def test_the_claims_rights_name_what_they_may_touch() -> None:
    rules = standby().one(ROLE).inputs["rules"]
    patchable = {tuple(rule["resourceNames"]) for rule in rules if "patch" in rule["verbs"]}
    assert patchable == {("standby-from-vault-3",), ("rhsi-link-token",), ("vault-rhsi",)}
    readable = [rule for rule in rules if rule["resources"] == ["secrets"] and "get" in rule["verbs"]]
    assert [rule["resourceNames"] for rule in readable] == [["rhsi-link-token"]]


def test_the_primarys_outputs_tell_where_the_credentials_are_and_not_what_they_are() -> None:
    assert primary().exports["standbys"] == {
        "site-b": {
            "rotation": 3,
            "configured_rotation": 3,
            "ha": False,
            "expires": "2026-11-23T21:30:00Z",
            "grant": "rhsi-site-b-grant-3",
            "vault_mount": "rhsi",
            "vault_path": "site-b/link-token",
            "secrets": {},
        }
    }


def test_a_primary_without_outputs_is_unknown_in_preview_and_a_sentence_in_up() -> None:
    graph = record(STANDBY, stack="site-b", preview=True, primary_outputs={})
    assert isinstance(graph.outputs_of("standby")["rotation"], pulumi.output.Unknown)
    with pytest.raises(Exception, match=r"primary's stack site-a has no grant for site-b: set rhsi:standbys.site-b"):
        record(STANDBY, stack="site-b", primary_outputs={})


def test_a_primary_that_keeps_credentials_elsewhere_is_a_sentence() -> None:
    entry = {**PRIMARY_OUTPUTS["standbys"]["site-b"], "vault_mount": "other"}
    with pytest.raises(Exception, match="set both to the same mount"):
        record(STANDBY, stack="site-b", primary_outputs={"standbys": {"site-b": entry}})


@pytest.mark.parametrize("blank", ["code", "url", "ca", "expirationTime"])
def test_a_blank_grant_is_never_published(blank: str) -> None:
    with pytest.raises(Exception, match=rf"AccessGrant rhsi/rhsi-site-b-grant-3 has no status.{blank}"):
        record(PRIMARY, stack="site-a", grant_status={**GRANT_STATUS, blank: ""})


def test_a_missing_field_of_a_grant_is_named_without_the_others_values() -> None:
    with pytest.raises(grant.GrantError) as refusal:
        grant.link_token({"code": CODE}, "rhsi/g", 1)
    assert "status.url, status.ca, status.expirationTime" in str(refusal.value)
    assert CODE not in str(refusal.value)


def test_up_refuses_without_a_vault_token_and_preview_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(pulumi.RunError, match="VAULT_TOKEN is missing"):
        primary()
    assert record(PRIMARY, stack="site-a", preview=True).of_type(GRANT)


def test_a_revocation_renews_the_ca_before_it_grants_anew() -> None:
    graph = primary(revoke=2)
    job = graph.one(JOB)
    assert graph.waits_for(job, graph.one(SITE))
    assert graph.waits_for(graph.one(GRANT), job)
    assert graph.one(GRANT).inputs["metadata"]["name"] == "rhsi-site-b-grant-5", "rotation 3 and two revocations"
    assert graph.exports["standbys"]["site-b"]["rotation"] == 5
    assert graph.one(SITE).inputs["spec"]["settings"] == {"tls-prior-valid-revisions": "0"}


def test_each_revocation_is_a_new_job() -> None:
    first, second = (primary(revoke=number).one(JOB).inputs["spec"] for number in (1, 2))
    assert first != second


def test_nothing_but_its_number_makes_another_renewal_while_other_jobs_follow_their_settings() -> None:
    job = primary(revoke=2).one(JOB)
    assert job.name == "primary-revocation-renewal-job-2"
    assert [alias.spec.name for alias in job.aliases] == ["primary-revocation-renewal-job"]
    spec = job.inputs["spec"]
    pod = spec["template"]["spec"]
    paths = {f"spec.{field}" for field in spec if field != "template"} | {"metadata.name", "metadata.ownerReferences"}
    paths |= {f"spec.template.spec.{field}" for field in pod if field != "containers"}
    paths |= {f"spec.template.spec.containers[0].{field}" for field in pod["containers"][0] if field != "env"}
    assert paths <= set(job.ignore_changes)
    first, *others = pod["containers"][0]["env"]
    assert first == {"name": "REVOCATION", "value": "2"}
    numbers = range(1, len(others) + 1)
    assert {path for path in job.ignore_changes if "env" in path} == {
        f"spec.template.spec.containers[0].env[{number}]" for number in numbers
    }
    assert standby().one(JOB).ignore_changes == ["spec.template.metadata"]


def test_a_job_goes_with_the_config_map_of_its_run_which_other_settings_replace() -> None:
    def run(**settings: Any) -> tuple[Any, Any]:
        graph = record({**STANDBY, **settings}, stack="site-b")
        job = graph.one(JOB)
        return job, graph.named("kubernetes:core/v1:ConfigMap", job.inputs["metadata"]["name"])

    job, owner = run()
    (reference,) = job.inputs["metadata"]["ownerReferences"]
    assert reference["uid"] == f"uid-of-{owner.name}"
    assert reference["blockOwnerDeletion"] is True
    assert run()[1].inputs["data"] == owner.inputs["data"]
    for other in ({"images": {"claim": "registry.example.com/cli:2"}}, {"timeouts": {"claim": "6m"}}):
        assert run(**other)[1].inputs["data"] != owner.inputs["data"]


def test_a_preview_knows_all_of_a_job_so_that_the_api_server_can_judge_it() -> None:
    job = record(STANDBY, stack="site-b", preview=True).one(JOB)
    assert "ownerReferences" not in job.inputs["metadata"]
    assert job.ignore_changes == ["spec.template.metadata", "metadata.ownerReferences"]
    # Or `pulumi preview --diff` would show the owner of a Job that is replaced as if it were deleted.
    assert job.hide_diffs == ["metadata.ownerReferences"]


def test_without_a_revocation_the_ca_is_left_alone() -> None:
    graph = primary()
    assert not graph.of_type(JOB)
    assert "settings" not in graph.one(SITE).inputs["spec"]
