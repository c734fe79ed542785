"""Outages of what the stacks stand on, from the first link on: what the user reads, types, and what must hold then.

The tests share two stacks, run with the operator's rights; each begins with nothing, the primary, or both linked.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hvac
import pytest

from components.link.rotation import grant_name, token_name
from components.secret_store import STORE
from lab import environment
from lab.rotation import objects
from tests.lab import runbook
from tests.lab.checkout import Checkout
from tests.lab.claim_logs import wait_until_said
from tests.lab.lab import Lab
from tests.lab.linked_sites import IMPATIENT, NAMESPACE, STANDBY, LinkedSites, Stage
from tests.lab.operator_rights import POLICY, operator
from tests.lab.outages import SECONDS, begun, control_plane, stalled
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

EXTERNAL_SECRETS = "external-secrets.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"
CLAIM = "rhsi-link-claim"
AUTH = "kubernetes-site-b"
MERGE = "application/merge-patch+json"
STALL_SECONDS = 10
RESTART_SECONDS = 5
"""The start takes the other half of the ten."""


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@pytest.fixture(scope="module")
def provisioned(
    lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory
) -> LinkedSites:
    namespaces = {"site-a": [NAMESPACE], "site-b": [NAMESPACE]}
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), namespaces)
    return LinkedSites(lab, copy_checkout(rights))


def with_token(sites: LinkedSites, folder: Path, token: str) -> Checkout:
    """The same checkout for somebody with another token for Vault."""
    file = folder / "vault-token"
    file.write_text(token)
    return dataclasses.replace(
        sites.checkout, environment=dataclasses.replace(sites.checkout.environment, vault_token_file=file)
    )


def edit(kind: Any, name: str, **body: object) -> None:
    """Change an object as `oc edit` does."""
    kind.patch(name=name, namespace=NAMESPACE, body=body, content_type=MERGE, field_manager="kubectl-edit")


# The first link.


def test_a_standby_before_its_primary_is_told_what_to_do_first(new: LinkedSites) -> None:
    failed = new.checkout.run("up", "site-b")
    assert failed.code != 0
    assert (
        "The primary's stack site-a has no grant for site-b: set rhsi:standbys.site-b there and run "
        "`pulumi up -s site-a` first."
    ) in failed.text
    assert runbook.leads_to(failed.text, "set `rhsi:standbys.site-b` on the primary, `pulumi up -s site-a`")
    assert not any(new.standing().values()), "what needs no grant may be there already, the link's parts are not"


def test_a_token_that_expires_during_the_run_is_refused_and_another_one_finishes_it(
    new: LinkedSites, vault: hvac.Client, tmp_path: Path
) -> None:
    token = vault.auth.token.create(policies=[POLICY], ttl="1h")["auth"]

    def is_expired() -> bool:
        try:
            return not vault.auth.token.lookup_accessor(token["accessor"])
        except hvac.exceptions.InvalidRequest:
            return True

    with begun(with_token(new, tmp_path, token["client_token"]), "up", "site-a") as up:
        with new.down("skupper"):
            until(lambda: "rhsi/" in vault.sys.list_mounted_secrets_engines()["data"], SECONDS)
            vault.auth.token.renew_accessor(token["accessor"], increment="1s")
            until(is_expired)
        failed = up.end()
    assert failed.code != 0
    assert 'error writing to path "rhsi/data/site-b/owner-primary", err=Error making API request.' in failed.text, (
        failed.text
    )
    assert "Code: 403. Errors:" in failed.text
    assert "permission denied" in failed.text
    assert runbook.leads_to(failed.text, "a new VAULT_TOKEN, `pulumi up`")
    new.checkout.up("site-a")
    new.stage = Stage.GRANTED


def test_an_api_server_that_refuses_a_creation_is_named_and_the_next_up_goes_on(granted: LinkedSites) -> None:
    def recorded() -> str:
        return json.dumps(granted.state("site-b"))

    with begun(granted.checkout, "up", "site-b") as up, ExitStack() as vault_away:
        vault_away.enter_context(stalled(granted.lab, "openbao"))
        # Nothing but what waits for Vault is left to create then: the look at the site's policy comes first there.
        until(lambda: all(f"{kind}::" in recorded() for kind in ("v2alpha1:Site", "v1:ClusterRoleBinding")), SECONDS)
        with granted.down(*control_plane("site-b")):
            vault_away.close()
            failed = up.end()
    assert failed.code != 0
    refused = r'SecretStore::\S+" was not successfully created by the Kubernetes API server: Patch "https://\S+": .*'
    assert re.search(refused + "(connection refused|connection reset by peer|EOF)", failed.text), failed.text
    assert runbook.leads_to(failed.text, "`pulumi up` once it is back")
    assert f"{NAMESPACE}/{STORE}" not in recorded()
    granted.stage = Stage.GRANTED


def test_a_first_link_without_external_secrets_waits_for_the_store_and_goes_on_once_it_is_back(
    granted: LinkedSites,
) -> None:
    with granted.setting("site-b", "timeouts.secretStore", IMPATIENT, usual="2m"), granted.down("external-secrets"):
        failed = granted.checkout.run("up", "site-b")
    assert failed.code != 0
    assert "failed to fully initialize or become live: timed out waiting for the condition" in failed.text
    assert runbook.leads_to(f"SecretStore {failed.text}", "`oc describe secretstore vault-rhsi`; fix it, `pulumi up`")
    assert granted.standing()["Link"] == []
    granted.checkout.up("site-b")
    granted.assert_settled()


# Vault.


def test_a_sealed_vault_keeps_the_old_link_until_it_is_unsealed(sites: LinkedSites, vault: hvac.Client) -> None:
    before = sites.ready_links()
    sites.next_rotation()
    vault.sys.seal()
    try:
        failed = sites.checkout.run("up", "site-a")
        assert failed.code != 0
        assert "failed to lookup token, err=Error making API request." in failed.text
        assert "* Vault is sealed" in failed.text
        assert runbook.leads_to(failed.text, "unseal or start it, `pulumi up`")
        assert sites.ready_links() == before
    finally:
        environment.start(sites.lab.home)
    sites.checkout.up()
    sites.assert_settled()


def test_a_vault_that_is_down_is_named_on_both_sides(sites: LinkedSites) -> None:
    sites.next_rotation()
    with sites.down("openbao"):
        failed = sites.checkout.run("up", "site-a")
    assert failed.code != 0
    assert 'failed to lookup token, err=Get "https://' in failed.text
    assert "connect: connection refused" in failed.text
    assert runbook.leads_to(failed.text, "unseal or start it, `pulumi up`")
    sites.checkout.up("site-a")
    with sites.down("openbao"):
        told = sites.failed_claim(timeout=IMPATIENT)
    assert f"instead of the grant {sites.rotation}/" in told
    assert re.search("External Secrets says: .*connect: connection refused. Fix that, then run `pulumi up`", told), told
    assert runbook.leads_to(told, "unseal or start it, `pulumi up -s site-b`")
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_token_without_rights_is_refused_with_the_path_that_it_lacks(
    sites: LinkedSites, vault: hvac.Client, tmp_path: Path
) -> None:
    sites.next_rotation()
    token = vault.auth.token.create(policies=["default"], ttl="1h")["auth"]["client_token"]
    failed = with_token(sites, tmp_path, token).run("up", "site-a")
    assert failed.code != 0
    assert 'error writing to path "rhsi/data/site-b/link-token", err=Error making API request.' in failed.text
    assert "permission denied" in failed.text
    assert runbook.leads_to(failed.text, "deploy/operator-policy.hcl")
    sites.checkout.up()
    sites.assert_settled()


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        (lambda vault: vault.delete(f"auth/{AUTH}/role/rhsi-site-b"), 'invalid role name "rhsi-site-b"'),
        (lambda vault: vault.sys.delete_policy("rhsi-site-b"), "permission denied"),
    ],
    ids=["role", "policy"],
)
def test_what_was_removed_from_vault_is_told_by_its_symptom_and_made_again(
    sites: LinkedSites, vault: hvac.Client, remove: Callable[[hvac.Client], object], said: str
) -> None:
    sites.publish()
    remove(vault)
    told = sites.failed_claim(timeout=IMPATIENT)
    assert re.search(rf"External Secrets says: .*\* {said}\. Fix that, then run `pulumi up` again\.", told), told
    assert runbook.leads_to(told, "`pulumi up -s site-b --refresh`")
    repaired = sites.checkout.run("up", "site-b", "--refresh")
    assert repaired.code == 0, repaired.text
    sites.assert_settled()


def test_a_removed_auth_mount_is_made_again_and_so_is_the_store_that_missed_it(
    sites: LinkedSites, vault: hvac.Client
) -> None:
    sites.publish()
    vault.sys.disable_auth_method(AUTH)
    told = sites.failed_claim(timeout=IMPATIENT)
    assert re.search(r"External Secrets says: .*\* permission denied\. Fix that, then run `pulumi up` again\.", told), (
        told
    )
    stores = sites.kind("site-b", "SecretStore", EXTERNAL_SECRETS)

    def has_missed_it() -> bool:
        return not objects.is_ready("SecretStore", stores.get(name=STORE, namespace=NAMESPACE).to_dict())

    edit(stores, STORE, metadata={"annotations": {"test/look": "now"}})
    until(has_missed_it, SECONDS)
    sites.oc("delete secretstore vault-rhsi -n rhsi")
    repaired = sites.checkout.run("up", "site-b", "--refresh")
    assert repaired.code == 0, repaired.text
    sites.assert_settled()


# API servers.


def test_an_api_server_that_is_down_at_the_start_is_named_and_nothing_is_changed(sites: LinkedSites) -> None:
    with sites.down(*control_plane("site-b")):
        failed = sites.checkout.run("up", "site-b")
    assert failed.code != 0
    assert "configured Kubernetes cluster is unreachable: unable to load schema information" in failed.text
    assert "connect: connection refused" in failed.text
    assert runbook.leads_to(failed.text, "fix it or `oc login`, then again")
    sites.assert_settled()


def test_an_api_server_that_restarts_while_a_grant_is_awaited_only_delays_it(sites: LinkedSites) -> None:
    sites.next_rotation()
    grant = grant_name(STANDBY, sites.rotation)
    with begun(sites.checkout, "up", "site-a") as up:
        with sites.down("skupper"):
            until(lambda: grant in [item["metadata"]["name"] for item in sites.standing()["AccessGrant"]], SECONDS)
            with sites.down(*control_plane("site-a")):
                assert up.outlasts(RESTART_SECONDS)
        done = up.end()
    assert done.code == 0, done.text
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_an_api_server_that_stalls_during_a_claim_only_delays_it(sites: LinkedSites) -> None:
    sites.publish()
    with begun(sites.checkout, "up", "site-b") as up:
        with sites.down("skupper"):
            wait_until_said(sites.lab, f"Waiting for AccessToken {token_name(sites.rotation)} to be redeemed...")
            with stalled(sites.lab, "kube-apiserver-site-b"):
                assert up.outlasts(STALL_SECONDS)
        done = up.end()
    assert done.code == 0, done.text
    sites.assert_settled()


# Changes by hand.


def policy_of(vault: hvac.Client) -> str:
    """The standby's policy as Vault has it."""
    return str(vault.sys.read_policy("rhsi-site-b")["data"]["rules"])


def test_what_was_changed_and_deleted_by_hand_is_found_by_a_refresh_and_repaired(
    sites: LinkedSites, vault: hvac.Client
) -> None:
    role, binding = sites.kind("site-b", "Role", RBAC), sites.kind("site-b", "RoleBinding", RBAC)
    wanted, policy = role.get(name=CLAIM, namespace=NAMESPACE).rules, policy_of(vault)
    edit(role, CLAIM, rules=[])
    sites.oc(f"delete rolebinding {CLAIM} -n rhsi")
    vault.sys.create_or_update_policy("rhsi-site-b", 'path "x" { capabilities = ["list"] }')

    unaware = sites.checkout.run("preview", "site-b", "--expect-no-changes")
    assert unaware.code == 0, unaware.text
    found = sites.checkout.run("preview", "site-b", "--refresh")
    assert found.code == 0, found.text
    assert re.search(r"~ +kubernetes:rbac\S+:Role standby-link-claim-role update", found.text), found.text
    assert re.search(r"\+ +kubernetes:rbac\S+:RoleBinding standby-link-claim-binding create", found.text), found.text
    assert re.search(r"~ +vault:index:Policy standby-vault-auth-policy update", found.text), found.text

    repaired = sites.checkout.run("up", "site-b", "--refresh")
    assert repaired.code == 0, repaired.text
    assert role.get(name=CLAIM, namespace=NAMESPACE).rules == wanted
    assert binding.get(name=CLAIM, namespace=NAMESPACE).subjects
    assert policy_of(vault) == policy
    sites.assert_settled()


def test_a_refresh_takes_over_what_was_changed_by_hand_and_the_next_up_takes_it_back(sites: LinkedSites) -> None:
    edit(sites.kind("site-a", "AccessGrant"), grant_name(STANDBY, sites.rotation), spec={"redemptionsAllowed": 7})
    refreshed = sites.checkout.run("refresh", "site-a")
    assert refreshed.code == 0, refreshed.text
    assert re.search(r"~ +kubernetes:skupper\S+:AccessGrant primary-site-b-grant updated", refreshed.text), (
        refreshed.text
    )
    sites.checkout.up("site-a")
    (standing,) = sites.standing()["AccessGrant"]
    assert standing["spec"]["redemptionsAllowed"] == 1
    sites.assert_settled()
