"""Two environments in one Vault: neither touches what is the other's, and what could be is refused beforehand.

The first pair stands during the whole module; each test brings its own second one, which is gone afterwards.
"""

import dataclasses
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hvac
import pytest

from lab import binaries
from lab.home import cache_folder
from lab.progress import Silent
from tests.lab import runbook
from tests.lab.checkout import Checkout, Result
from tests.lab.lab import Lab
from tests.lab.linked_sites import LinkedSites
from tests.lab.second_pair import NAMESPACE, PRIMARY, STANDBY, SecondPair
from tests.lab.vault_contents import contents
from tests.lab.vault_mounts import mount_kv

pytestmark = pytest.mark.lab

OWNER = "rhsi/data/site-b/owner-primary"
READ_ALL_BUT_OWNERS = """
path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }
path "rhsi/data/site-b/owner-primary" { capabilities = ["create", "update", "delete"] }
path "sys/policies/acl/rhsi-site-b" { capabilities = ["create", "update", "delete"] }
"""


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@pytest.fixture
def second(sites: LinkedSites) -> Iterator[Callable[..., SecondPair]]:
    """Makes the second pair beside the first, which is linked."""
    made: list[SecondPair] = []

    def make(**wanted: Any) -> SecondPair:
        made.append(SecondPair.add(sites.checkout, **wanted))
        return made[-1]

    yield make
    for pair in made:
        pair.remove()


def refused(result: Result, *said: str) -> str:
    """What a run says that must fail."""
    assert result.code != 0, result.text
    text = " ".join(result.text.split())
    for sentence in said:
        assert sentence in text, result.text
    return text


def with_token(checkout: Checkout, folder: Path, token: str) -> Checkout:
    """The same checkout for somebody with another token for Vault."""
    file = folder / "vault-token"
    file.write_text(token)
    return dataclasses.replace(checkout, environment=dataclasses.replace(checkout.environment, vault_token_file=file))


def test_a_second_run_asks_nothing_and_changes_nothing(sites: LinkedSites) -> None:
    sites.assert_settled()


def test_another_mount_is_another_environment_also_with_the_same_sites_name(
    sites: LinkedSites, second: Callable[..., SecondPair], vault: hvac.Client
) -> None:
    before = contents(vault)
    pair = second(vault={"mount": "rhsi-test"})
    pair.up()
    beside = contents(vault)
    assert beside["policy rhsi.rhsi-test.site-b"] == 'path "rhsi-test/data/site-b/*" {\n  capabilities = ["read"]\n}\n'
    assert beside["role kubernetes-other/rhsi.rhsi-test.site-b"]["token_policies"] == ["rhsi.rhsi-test.site-b"]
    assert beside["secret rhsi-test/site-b/link-token"]["data"] != before["secret rhsi/site-b/link-token"]["data"]
    assert {path: beside[path] for path in before} == before
    for stack in (PRIMARY, STANDBY):
        assert pair.run("up", stack, "--expect-no-changes").code == 0
    # The first one's login still works: External Secrets brings a new grant.
    sites.publish()
    sites.checkout.up("site-b")
    sites.assert_settled()
    rotated = contents(vault)
    pair.destroy()
    after = contents(vault)
    assert after == {path: value for path, value in rotated.items() if path in before}
    assert sites.checkout.run("up", "site-b", "--refresh", "--expect-no-changes").code == 0


def test_a_second_primary_of_one_mount_is_refused_where_a_standby_has_the_same_name(
    sites: LinkedSites, second: Callable[..., SecondPair], vault: hvac.Client
) -> None:
    before = contents(vault)
    pair = second(vault={"manageMount": False})
    for action in ("preview", "up"):
        text = refused(
            pair.run(action, PRIMARY),
            "What a primary writes for site-b in Vault belongs to another stack, organization/rhsi/site-a with the id",
            "as rhsi/site-b/owner-primary says; this is organization/rhsi/other-a",
        )
        assert runbook.leads_to(text, "vault kv get rhsi/site-b/owner-primary")
    assert contents(vault) == before
    assert (
        not sites.client("site-a")
        .resources.get(api_version="skupper.io/v2alpha1", kind="AccessGrant")
        .get(namespace=NAMESPACE)
        .items
    ), "no grant that nobody could claim"


def test_with_a_prefix_a_second_primary_of_one_mount_is_an_environment_of_its_own(
    sites: LinkedSites, second: Callable[..., SecondPair], vault: hvac.Client
) -> None:
    before = contents(vault)
    pair = second(vault={"manageMount": False, "prefix": "env.test"})
    pair.up()
    beside = contents(vault)
    assert beside["secret rhsi/env.test/site-b/link-token"]["data"]["rotation"] == "1"
    assert 'path "rhsi/data/env.test/site-b/*"' in beside["policy rhsi.rhsi__env_2etest.site-b"]
    assert {path: beside[path] for path in before} == before
    for stack in (PRIMARY, STANDBY):
        assert pair.run("up", stack, "--expect-no-changes").code == 0
    pair.destroy()
    assert contents(vault) == before
    assert sites.checkout.run("up", "site-b", "--refresh", "--expect-no-changes").code == 0


def test_the_prefix_must_be_the_primarys(second: Callable[..., SecondPair]) -> None:
    pair = second(vault={"manageMount": False, "prefix": "env.test"})
    pair.checkout.up(PRIMARY)
    pair.checkout.change(STANDBY, "vault.prefix", "env.other")
    refused(pair.run("up", STANDBY), "rhsi:vault.prefix is 'env.other', but the primary's stack", "in 'env.test'")


def test_a_second_standby_of_one_name_is_refused(second: Callable[..., SecondPair], vault: hvac.Client) -> None:
    before = contents(vault)
    pair = second(vault={})
    pair.checkout.change(STANDBY, "primaryStack", "site-a")
    for action in ("preview", "up"):
        text = refused(
            pair.run(action, STANDBY),
            "Policy rhsi-site-b in Vault exists already: another stack is the standby site-b of this mount",
        )
        assert runbook.leads_to(text, "vault policy delete rhsi-site-b")
    assert contents(vault) == before


@contextmanager
def who_may_not_look(vault: hvac.Client, pair: SecondPair, folder: Path) -> Iterator[Checkout]:
    """The pair's checkout for somebody who may do anything but read whose a path is."""
    vault.sys.create_or_update_policy("blind", READ_ALL_BUT_OWNERS)
    token = vault.auth.token.create(policies=["blind"], ttl="1h")["auth"]["client_token"]
    try:
        yield with_token(pair.checkout, folder, token)
    finally:
        vault.sys.delete_policy("blind")


def test_a_standby_whose_token_may_not_read_policies_writes_none(
    second: Callable[..., SecondPair], vault: hvac.Client, tmp_path: Path
) -> None:
    pair = second(vault={})
    pair.checkout.change(STANDBY, "primaryStack", "site-a")
    with who_may_not_look(vault, pair, tmp_path) as blind:
        before = contents(vault)
        assert blind.run("preview", STANDBY).code == 0
        text = refused(
            blind.run("up", STANDBY),
            "Nobody can tell whether sys/policies/acl/rhsi-site-b in Vault is another stack's already",
            "permission denied",
        )
        assert runbook.leads_to(text, "the token needs `read` on that path")
        assert contents(vault) == before


def test_vault_itself_refuses_who_may_not_look_whose_it_is(
    second: Callable[..., SecondPair], vault: hvac.Client, tmp_path: Path
) -> None:
    pair = second(vault={"manageMount": False})
    with who_may_not_look(vault, pair, tmp_path) as blind:
        before = contents(vault)
        assert blind.run("preview", PRIMARY).code == 0
        text = refused(blind.run("up", PRIMARY), "check-and-set parameter did not match the current version")
        assert runbook.leads_to(text, "vault kv get rhsi/site-b/owner-primary")
        assert contents(vault) == before


def test_a_stack_of_before_gets_its_claim_and_nothing_else_changes(
    sites: LinkedSites, vault: hvac.Client, tmp_path: Path
) -> None:
    vault.delete("rhsi/metadata/site-b/owner-primary")
    forget(sites, "site-a", "primary-site-b-owner-secret", tmp_path)
    before = contents(vault)
    text = sites.checkout.run("up", "site-a")
    assert text.code == 0, text.text
    assert re.search(r"\+ 1 created\n +\d+ unchanged\n", text.text), text.text
    after = contents(vault)
    assert {path: after[path] for path in before} == before
    (new,) = set(after) - set(before)
    assert new == "secret rhsi/site-b/owner-primary"


def test_a_claim_that_a_killed_run_left_is_removed_with_the_command_of_the_message(
    sites: LinkedSites, lab: Lab, vault: hvac.Client, tmp_path: Path
) -> None:
    forget(sites, "site-a", "primary-site-b-owner-secret", tmp_path)
    before = contents(vault)
    text = refused(sites.checkout.run("up", "site-a"), "is this stack's own claim, of a run that was killed")
    assert runbook.leads_to(text, "vault kv metadata delete -mount=rhsi site-b/owner-primary")
    assert contents(vault) == before
    command = re.search(r"`vault (kv metadata delete [^`]+)`", text)
    assert command, text
    bao = binaries.locate(["bao"], Silent())["bao"]
    environ = {"BAO_ADDR": lab.vault_addr, "BAO_TOKEN": lab.vault_token, "BAO_CACERT": str(lab.vault_cacert)}
    subprocess.run([bao, *shlex.split(command[1])], env=environ, check=True, stdout=subprocess.DEVNULL)
    sites.checkout.up("site-a")
    sites.assert_settled()


def test_a_claim_is_known_for_another_stacks_even_by_who_lost_his_own(
    sites: LinkedSites, vault: hvac.Client, tmp_path: Path
) -> None:
    forget(sites, "site-a", "primary-site-b-owner-secret", tmp_path)
    own = vault.read(OWNER)["data"]["data"]
    try:
        vault.write_data(OWNER, data={"data": {"stack": "organization/rhsi/site-a", "id": "0123456789abcdef"}})
        refused(sites.checkout.run("up", "site-a"), "belongs to another stack, organization/rhsi/site-a with the id 01")
    finally:
        vault.delete(OWNER.replace("/data/", "/metadata/"))
    sites.checkout.up("site-a")
    assert vault.read(OWNER)["data"]["data"] == own
    sites.assert_settled()


@pytest.mark.parametrize(
    ("engine", "version", "said"),
    [
        ("kv", 1, "is a KV mount of version 1: set it to one of version 2"),
        ("transit", None, "is a mount of the engine 'transit': set it to a mount of KV version 2"),
        ("kv", 2, "demands check-and-set for every write (cas_required)"),
    ],
)
def test_a_mount_that_cannot_hold_the_secrets_is_refused_by_its_name(
    second: Callable[..., SecondPair],
    vault: hvac.Client,
    engine: str,
    version: int | None,
    said: str,
) -> None:
    try:
        if version == 2:
            mount_kv(vault, "taken")
            vault.secrets.kv.v2.configure(mount_point="taken", cas_required=True)
        else:
            vault.sys.enable_secrets_engine(engine, path="taken", options={"version": "1"} if version else None)
        before = contents(vault)
        pair = second(vault={"mount": "taken", "manageMount": False})
        for action in ("preview", "up"):
            text = refused(pair.run(action, PRIMARY), f"rhsi:vault.mount is 'taken', which {said}")
            assert runbook.leads_to(text, "rhsi:vault.mount")
        assert contents(vault) == before
        if version == 1:
            assert vault.list("taken") is None
    finally:
        vault.sys.disable_secrets_engine("taken")


def test_a_preview_needs_no_right_in_vault_and_no_token(
    second: Callable[..., SecondPair], vault: hvac.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = second(vault={"manageMount": False, "prefix": "env.test"})
    token = vault.auth.token.create(policies=["default"], ttl="1h")["auth"]["client_token"]
    result = with_token(pair.checkout, tmp_path, token).run("preview", PRIMARY)
    assert result.code == 0, result.text
    monkeypatch.setattr("lab.environment.Environment.vault_token", "")
    # No token of the person's own either; what the lab has built stays where it is.
    monkeypatch.setenv("RHSI_CACHE", str(cache_folder()))
    monkeypatch.setenv("HOME", str(tmp_path))
    result = pair.run("preview", PRIMARY)
    assert result.code == 0, result.text
    assert "VAULT_TOKEN is missing" in result.text


def forget(sites: LinkedSites, stack: str, resource: str, folder: Path) -> None:
    """Take a resource out of a stack's state, as if the run that made it had been killed then."""
    exported = json.loads(sites.checkout.pulumi("stack", "export", "--stack", stack).text)
    resources = exported["deployment"]["resources"]
    (lost,) = [one for one in resources if one["urn"].endswith(f"::{resource}")]
    kept = [one for one in resources if one is not lost]
    for one in kept:
        one["dependencies"] = [urn for urn in one.get("dependencies") or [] if urn != lost["urn"]]
        for key, urns in (one.get("propertyDependencies") or {}).items():
            one["propertyDependencies"][key] = [urn for urn in urns or [] if urn != lost["urn"]]
    exported["deployment"]["resources"] = kept
    file = folder / f"{stack}.json"
    file.write_text(json.dumps(exported))
    done = sites.checkout.pulumi("stack", "import", "--file", str(file), "--stack", stack)
    assert done.code == 0, done.text
