"""What one stack needs of another one: outputs that can be read, a grant, clocks that agree, and ways between sites."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from ops import stacks
from ops.doctor import clocks, distance, peer
from ops.doctor.scene import Once, Scene
from ops.stacks import NoStackError, StackError
from tests.unit.doctor_world import World, remember, told

SKUPPER = "/apis/skupper.io/v2alpha1/namespaces/rhsi"
STORE = "/apis/external-secrets.io/v1/namespaces/rhsi/secretstores/vault-rhsi"


def grant(**changes: Any) -> dict[str, Any]:
    expires = datetime.now(UTC) + timedelta(hours=1)
    return {
        "rotation": 2,
        "configured_rotation": 2,
        "ha": False,
        "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "grant": "rhsi-site-b-grant-2",
        "vault_mount": "rhsi",
        "vault_path": "site-b/link-token",
        "secrets": {},
        **changes,
    }


def standby(
    lab: World,
    outputs: dict[str, Any],
    own: dict[str, Any] | None = None,
    peer_settings: dict[str, Any] | None = None,
    **changes: Any,
) -> Scene:
    """A standby whose primary has these outputs."""
    scene, primary = lab.standby(**changes), lab.primary(**(peer_settings or {}))
    remember(primary, outputs=outputs)
    remember(scene, outputs=own)
    scene.peers = {("rhsi", "site-a"): primary, ("rhsi", "site-b"): scene}
    return scene


def test_a_grant_that_can_be_claimed_is_well(lab: World) -> None:
    ((state, sentence),) = told(peer.check(standby(lab, {"standbys": {"site-b": grant()}})))
    assert state == "ok"
    assert "the grant of rotation 2, to be claimed until" in sentence
    assert not list(peer.check(lab.primary()))


def test_a_grant_that_expired_unclaimed_needs_another_rotation(lab: World) -> None:
    late = grant(expires="2026-01-01T00:00:00Z")
    (found,) = peer.check(standby(lab, {"standbys": {"site-b": late}}))
    assert found.state == "error"
    assert found.fix == (
        "pulumi config set --path 'rhsi:standbys.site-b.rotation' 3 -s site-a && pulumi up -s site-a && "
        "pulumi up -s site-b"
    )
    ((state, _),) = told(peer.check(standby(lab, {"standbys": {"site-b": late}}, {"rotation": 2})))
    assert state == "ok"


def test_outputs_that_cannot_be_read_are_an_error(lab: World) -> None:
    scene = standby(lab, {})
    assert scene.primary

    def refuse() -> dict[str, Any]:
        raise StackError("`pulumi stack output` failed: passphrase must be set.")

    scene.primary.outputs = Once(refuse)
    (found,) = peer.check(scene)
    assert (found.state, "passphrase must be set" in found.sentence) == ("error", True)
    assert found.fix.endswith("pulumi stack -s site-a")


def test_a_primary_that_was_not_brought_up_yet_is_an_error_for_a_standby_alone(lab: World) -> None:
    scene = standby(lab, {})
    (found,) = peer.check(scene)
    assert (found.state, found.fix) == ("warning", "pulumi up -s site-a")
    assert scene.primary
    scene.primary.asked = False
    (found,) = peer.check(scene)
    assert (found.state, found.fix) == ("error", "pulumi up -s site-a")


def test_a_primary_that_does_not_exist_is_named_with_the_command_that_makes_it(
    lab: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> dict[str, Any]:
        raise NoStackError("`pulumi stack output` failed: no stack named 'site-a' found.")

    monkeypatch.setattr(stacks, "outputs", refuse)
    (found,) = peer.check(lab.standby())
    assert (found.state, found.fix) == ("error", "pulumi stack init site-a && pulumi up -s site-a")


def test_a_primary_of_another_project_is_not_the_stack_of_the_same_name_here(
    lab: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = standby(lab, {"standbys": {"site-b": grant()}}, primaryStack="acme/platform/site-a")
    assert scene.primary is None
    asked: list[str] = []

    def outputs(_: Path, stack: str) -> dict[str, Any]:
        asked.append(stack)
        return {}

    monkeypatch.setattr(stacks, "outputs", outputs)
    list(peer.check(scene))
    assert asked == ["acme/platform/site-a"]
    here = standby(lab, {"standbys": {"site-b": grant()}}, primaryStack="acme/rhsi/site-a")
    assert here.primary


def test_a_primary_without_this_standby_is_an_error(lab: World) -> None:
    settings: dict[str, Any] = {"standbys": {"site-c": {}}}
    (found,) = peer.check(standby(lab, {"standbys": {"site-c": grant()}}, peer_settings=settings))
    assert (found.state, found.sentence) == ("error", "The primary's stack site-a has no grant for site-b.")
    assert found.fix.startswith("pulumi config set --path 'rhsi:standbys.site-b.rotation' 1 -s site-a")


def test_what_the_primarys_next_up_brings_is_no_error_where_both_are_asked_about(lab: World) -> None:
    settings = {"standbys": {"site-b": {"rotation": 3}}, "postgres": {"enabled": True}}
    late = grant(expires="2026-01-01T00:00:00Z")
    for outputs in ({"standbys": {"site-c": grant()}}, {"standbys": {"site-b": late}}):
        scene = standby(lab, outputs, peer_settings=settings, postgres={"enabled": True})
        found = list(peer.check(scene))
        assert {(one.state, one.fix) for one in found} == {("warning", "pulumi up -s site-a")}


def test_outputs_of_another_shape_are_an_error(lab: World) -> None:
    (found,) = peer.check(standby(lab, {"standbys": {"site-b": {"rotation": "two"}}}))
    assert (found.state, "as this program reads it" in found.sentence) == ("error", True)


def test_another_mount_and_a_missing_database_are_errors(lab: World) -> None:
    scene = standby(
        lab, {"standbys": {"site-b": grant(vault_path="test/site-b/link-token")}}, postgres={"enabled": True}
    )
    prefix, database = peer.check(scene)
    assert "rhsi:vault.prefix is '', but the primary's stack site-a keeps the credentials in 'test'" in prefix.sentence
    assert "has no such database" in database.sentence


def dates(lab: World, **seconds: float) -> None:
    now = datetime.now(UTC)
    for name, apart in seconds.items():
        getattr(lab, name).headers["Date"] = format_datetime(now + timedelta(seconds=apart), usegmt=True)
    for api in (lab.site_a, lab.site_b):
        api.answers["/version"] = {"gitVersion": "v1.34.1"}
    lab.vault.answers["/v1/sys/health"] = {"sealed": False}


@pytest.mark.parametrize(("apart", "state"), [(0, "ok"), (300, "ok"), (400, "error"), (-400, "error")])
def test_a_standby_may_be_a_tenth_of_the_window_away(lab: World, apart: float, state: str) -> None:
    dates(lab, site_a=-30, site_b=apart - 30)
    (found,) = clocks.check(standby(lab, {}))
    assert found.state == state
    if state == "error":
        assert f"{'ahead of' if apart > 0 else 'behind'} context site-a, more than a tenth" in found.sentence


def test_vault_is_compared_with_the_primary_by_the_shortest_window(lab: World) -> None:
    dates(lab, site_a=0, vault=30)
    (found,) = clocks.check(lab.primary(standbys={"site-b": {}, "site-c": {"expirationWindow": "4m"}}))
    assert (found.state, found.sentence.startswith("Vault is")) == ("error", True)
    ((state, _),) = told(clocks.check(lab.primary()))
    assert state == "ok"


def test_a_primary_whose_settings_are_elsewhere_leaves_the_clock_unknown(lab: World) -> None:
    (found,) = clocks.check(lab.standby())
    assert (found.state, "ops doctor -s site-a -s site-b" in found.fix) == ("unknown", True)


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def test_ways_that_nobody_has_walked_are_named_with_the_commands_that_walk_them(lab: World) -> None:
    lab.site_a.answers[f"{SKUPPER}/accessgrants"] = {"items": [{"status": {"url": "https://grants.a:443/uid-1"}}]}
    to_vault, from_vault, grants = distance.check(standby(lab, {}))
    assert {one.state for one in (to_vault, from_vault, grants)} == {"unknown"}
    assert to_vault.fix.startswith("oc --context site-b run way-test -n rhsi")
    assert to_vault.fix.endswith("https://vault.example.com:8200/v1/sys/health")
    assert from_vault.fix == "on a machine or pod of Vault: curl -sS -k https://api.site-b:6443/version"
    assert grants.fix.endswith("curl -sS -k -m 5 https://grants.a:443")
    assert not list(distance.check(lab.primary()))


def test_objects_that_are_ready_tell_that_the_ways_were_walked(lab: World) -> None:
    lab.site_b.answers[STORE] = {"status": READY}
    lab.site_b.answers[f"{SKUPPER}/links"] = {
        "items": [{"metadata": {"name": "standby-from-vault-1"}, "status": READY}]
    }
    assert {state for state, _ in told(distance.check(standby(lab, {})))} == {"ok"}
