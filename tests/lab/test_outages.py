"""Outages of what the stacks stand on: each is told in the words of docs/runbook.md, and mended by its commands.

The tests share two stacks and follow one another as the days of real ones would, the first link included.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hvac
import pytest

from lab import environment
from lab.rotation import objects
from tests.lab.checkout import Checkout
from tests.lab.conftest import Lab
from tests.lab.operator_rights import operator
from tests.lab.outages import Pair, administrator, control_plane, down, stalled, until

pytestmark = pytest.mark.lab

STORE = "external-secrets.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"
CLAIM = "rhsi-link-claim"
STALL_SECONDS = 10
RESTART_SECONDS = 5
"""The other half of ten is the start."""


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return administrator(lab)


@pytest.fixture(scope="module")
def stacks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both stacks, not brought up yet, run with the operator's rights."""
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), {"site-a": ["rhsi"], "site-b": ["rhsi"]})
    found = Pair(lab, Checkout.copy(tmp_path_factory.mktemp("checkout"), rights))
    try:
        yield found
    finally:
        for name in ("site-b", "site-a"):
            found.run("destroy", name)


@pytest.fixture(scope="module")
def linked(stacks: Pair) -> Pair:
    """Both stacks, linked, whatever became of the tests before."""
    stacks.up("site-a", "site-b")
    return stacks


def with_token(stacks: Pair, folder: Path, token: str) -> Pair:
    """The same stacks, run with another token for Vault."""
    file = folder / "vault-token"
    file.write_text(token)
    environment = dataclasses.replace(stacks.checkout.environment, vault_token_file=file)
    return Pair(stacks.lab, dataclasses.replace(stacks.checkout, environment=environment))


def test_a_standby_before_its_primary_is_told_what_to_do_first(stacks: Pair) -> None:
    failed = stacks.run("up", "site-b")
    assert failed.code != 0
    assert (
        "The primary's stack site-a has no grant for site-b: set rhsi:standbys.site-b there and run "
        "`pulumi up -s site-a` first."
    ) in failed.text
    assert stacks.found("site-b", "Site") == {}


def test_a_token_that_expires_during_the_run_is_refused_and_another_one_finishes_it(
    stacks: Pair, vault: hvac.Client, tmp_path: Path
) -> None:
    token = vault.auth.token.create(policies=["rhsi-operator"], ttl="1h")["auth"]

    def is_expired() -> bool:
        try:
            return not vault.auth.token.lookup_accessor(token["accessor"])
        except hvac.exceptions.InvalidRequest:
            return True

    with with_token(stacks, tmp_path, token["client_token"]).beginning("up", "site-a") as up:
        with down(stacks.lab, "skupper"):
            until(lambda: "rhsi/" in vault.sys.list_mounted_secrets_engines()["data"], "the token was used")
            vault.auth.token.renew_accessor(token["accessor"], increment="1s")
            until(is_expired, "the token has expired")
        failed = up.end()
    assert failed.code != 0
    assert 'error writing to path "rhsi/data/site-b/link-token", err=Error making API request.' in failed.text
    assert "Code: 403. Errors:" in failed.text
    assert "permission denied" in failed.text
    stacks.up("site-a")


def test_an_api_server_that_refuses_a_creation_is_named_and_the_next_up_goes_on(stacks: Pair) -> None:
    def recorded() -> str:
        return json.dumps(stacks.state("site-b"))

    with stacks.beginning("up", "site-b") as up, ExitStack() as vault_away:
        vault_away.enter_context(stalled(stacks.lab, "openbao"))
        until(lambda: "ClusterRoleBinding" in recorded(), "nothing but what waits for Vault is left to create")
        with down(stacks.lab, *control_plane("site-b")):
            vault_away.close()
            failed = up.end()
    assert failed.code != 0
    refused = r'SecretStore::\S+" was not successfully created by the Kubernetes API server: Patch "https://\S+": .*'
    assert re.search(refused + "(connection refused|connection reset by peer|EOF)", failed.text), failed.text
    assert "rhsi/vault-rhsi" not in recorded()


def test_a_first_link_without_external_secrets_waits_for_the_store_and_goes_on_once_it_is_back(stacks: Pair) -> None:
    with stacks.impatient(), down(stacks.lab, "external-secrets-site-b"):
        failed = stacks.run("up", "site-b")
    assert failed.code != 0
    assert "SecretStore" in failed.text
    assert "failed to fully initialize or become live: timed out waiting for the condition" in failed.text
    assert stacks.found("site-b", "Link") == {}
    stacks.up("site-b")
    stacks.assert_sound()


def test_a_sealed_vault_keeps_the_old_link_until_it_is_unsealed(linked: Pair, vault: hvac.Client) -> None:
    before = linked.rotation
    linked.rotate()
    vault.sys.seal()
    try:
        failed = linked.run("up", "site-a")
        assert failed.code != 0
        assert "failed to lookup token, err=Error making API request." in failed.text
        assert "* Vault is sealed" in failed.text
        (link,) = linked.found("site-b", "Link").values()
        assert link["metadata"]["name"] == f"standby-from-vault-{before}"
        assert objects.is_ready("Link", link)
    finally:
        environment.start(linked.lab.home)
    linked.up("site-a", "site-b")
    linked.assert_sound()


def test_a_vault_that_is_down_is_named_on_both_sides(linked: Pair) -> None:
    linked.rotate()
    with down(linked.lab, "openbao"):
        failed = linked.run("up", "site-a")
        assert failed.code != 0
        assert 'failed to lookup token, err=Get "https://' in failed.text
        assert "connect: connection refused" in failed.text
    linked.up("site-a")
    with down(linked.lab, "openbao"), linked.impatient():
        failed = linked.run("up", "site-b")
    assert failed.code != 0
    assert f"instead of the grant {linked.rotation}/" in failed.text
    assert "External Secrets says: " in failed.text
    assert "connect: connection refused. Mend that, then run `pulumi up` again." in failed.text
    linked.up("site-b")
    linked.assert_sound()


def test_a_token_without_rights_is_refused_with_the_path_that_it_lacks(
    linked: Pair, vault: hvac.Client, tmp_path: Path
) -> None:
    linked.rotate()
    token = vault.auth.token.create(policies=["default"], ttl="1h")["auth"]["client_token"]
    failed = with_token(linked, tmp_path, token).run("up", "site-a")
    assert failed.code != 0
    assert 'error writing to path "rhsi/data/site-b/link-token"' in failed.text
    assert "/v1/rhsi/data/site-b/link-token" in failed.text
    assert "permission denied" in failed.text
    linked.up("site-a", "site-b")
    linked.assert_sound()


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        (lambda vault: vault.delete("auth/kubernetes-site-b/role/rhsi-site-b"), '* invalid role name "rhsi-site-b"'),
        (lambda vault: vault.sys.delete_policy("rhsi-site-b"), "* permission denied"),
    ],
    ids=["role", "policy"],
)
def test_what_was_removed_from_vault_is_told_by_its_symptom_and_made_again(
    linked: Pair, vault: hvac.Client, remove: Callable[[hvac.Client], object], said: str
) -> None:
    linked.rotate()
    linked.up("site-a")
    remove(vault)
    with linked.impatient():
        failed = linked.run("up", "site-b")
    assert failed.code != 0
    assert f"External Secrets says: {said}. Mend that, then run `pulumi up` again." in failed.text
    linked.repair("site-b")
    linked.assert_sound()


def test_a_removed_auth_mount_is_made_again_and_so_is_the_store_that_missed_it(
    linked: Pair, vault: hvac.Client
) -> None:
    linked.rotate()
    linked.up("site-a")
    vault.sys.disable_auth_method("kubernetes-site-b")
    with linked.impatient():
        failed = linked.run("up", "site-b")
    assert failed.code != 0
    assert "External Secrets says: * permission denied. Mend that" in failed.text
    stores = linked.kind("site-b", "SecretStore", STORE)
    linked.edit("site-b", "SecretStore", "vault-rhsi", {"metadata": {"annotations": {"test/look": "again"}}}, STORE)
    until(
        lambda: not objects.is_ready("SecretStore", stores.get(name="vault-rhsi", namespace="rhsi").to_dict()),
        "the store has noticed",
    )
    stores.delete(name="vault-rhsi", namespace="rhsi")
    linked.repair("site-b")
    linked.assert_sound()


def test_an_api_server_that_is_down_at_the_start_is_named_and_nothing_is_changed(linked: Pair) -> None:
    with down(linked.lab, *control_plane("site-b")):
        failed = linked.run("up", "site-b")
    assert failed.code != 0
    assert "configured Kubernetes cluster is unreachable: unable to load schema information" in failed.text
    assert "connect: connection refused" in failed.text
    linked.assert_sound()


def test_an_api_server_that_restarts_while_a_grant_is_awaited_only_delays_it(linked: Pair) -> None:
    linked.rotate()
    with linked.beginning("up", "site-a") as up:
        with down(linked.lab, "skupper"):
            grant = f"rhsi-site-b-grant-{linked.rotation}"
            until(lambda: grant in linked.found("site-a", "AccessGrant"), "the grant is awaited")
            with down(linked.lab, *control_plane("site-a")):
                assert up.outlasts(RESTART_SECONDS)
        done = up.end()
    assert done.code == 0, done.text
    linked.up("site-b")
    linked.assert_sound()


def test_an_api_server_that_stalls_during_a_claim_only_delays_it(linked: Pair) -> None:
    linked.rotate()
    linked.up("site-a")
    with linked.beginning("up", "site-b") as up:
        with down(linked.lab, "skupper"):
            token = f"standby-from-vault-{linked.rotation}"
            until(lambda: token in linked.found("site-b", "AccessToken"), "the claim waits for its redemption")
            with stalled(linked.lab, "kube-apiserver-site-b"):
                assert up.outlasts(STALL_SECONDS)
        done = up.end()
    assert done.code == 0, done.text
    linked.assert_sound()


def test_what_was_changed_and_deleted_by_hand_is_found_by_a_refresh_and_repaired(
    linked: Pair, vault: hvac.Client
) -> None:
    role, rights = linked.kind("site-b", "Role", RBAC), linked.kind("site-b", "RoleBinding", RBAC)
    wanted, policy = role.get(name=CLAIM, namespace="rhsi").rules, vault.sys.read_policy("rhsi-site-b")["data"]["rules"]
    linked.edit("site-b", "Role", CLAIM, {"rules": []}, RBAC)
    rights.delete(name=CLAIM, namespace="rhsi")
    vault.sys.create_or_update_policy("rhsi-site-b", 'path "x" { capabilities = ["list"] }')

    unaware = linked.run("preview", "site-b", "--expect-no-changes")
    assert unaware.code == 0, unaware.text
    found = linked.run("preview", "site-b", "--refresh")
    assert found.code == 0, found.text
    assert re.search(r"~ +kubernetes:rbac\S+:Role standby-link-claim-role update", found.text), found.text
    assert re.search(r"\+ +kubernetes:rbac\S+:RoleBinding standby-link-claim-binding create", found.text), found.text
    assert re.search(r"~ +vault:index:Policy standby-vault-auth-policy update", found.text), found.text

    linked.repair("site-b")
    assert role.get(name=CLAIM, namespace="rhsi").rules == wanted
    assert rights.get(name=CLAIM, namespace="rhsi").subjects
    assert vault.sys.read_policy("rhsi-site-b")["data"]["rules"] == policy
    linked.assert_sound()


def test_a_refresh_takes_over_what_was_changed_by_hand_and_the_next_up_takes_it_back(linked: Pair) -> None:
    grant = f"rhsi-site-b-grant-{linked.rotation}"
    linked.edit("site-a", "AccessGrant", grant, {"spec": {"redemptionsAllowed": 7}})
    refreshed = linked.run("refresh", "site-a")
    assert refreshed.code == 0, refreshed.text
    assert re.search(r"~ +kubernetes:skupper\S+:AccessGrant primary-site-b-grant updated", refreshed.text), (
        refreshed.text
    )
    linked.up("site-a")
    assert linked.found("site-a", "AccessGrant")[grant]["spec"]["redemptionsAllowed"] == 1
    linked.assert_sound()
