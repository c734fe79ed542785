"""What the doctor says of Vault: reachable, unsealed, the token, the engine, and what the token may do."""

from typing import Any

import pytest

from ops.doctor import vault_rights, vaults
from ops.doctor.policy_file import paths
from tests.unit.doctor_world import ADDRESS, World, only, told

HEALTH = "/v1/sys/health"
TOKEN = "/v1/auth/token/lookup-self"
MOUNT = "/v1/sys/internal/ui/mounts/rhsi"
WELL: dict[str, Any] = {
    HEALTH: {"initialized": True, "sealed": False, "version": "2.0.1"},
    TOKEN: {"data": {"ttl": 7200, "renewable": True}},
    MOUNT: {"data": {"path": "rhsi/", "type": "kv", "options": {"version": "2"}}},
}


@pytest.fixture
def lab(lab: World) -> World:
    lab.vault.answers |= WELL
    return lab


def test_a_vault_that_is_well_is_told_with_its_version_and_the_tokens_time(lab: World) -> None:
    assert told(vaults.check(lab.standby())) == [
        ("ok", f"Vault at {lab.vault.url} answers: 2.0.1, unsealed."),
        ("ok", "The token is valid for 2 hours."),
        ("ok", "'rhsi' is a KV mount of version 2."),
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, {"initialized": True, "sealed": True}), "is sealed"),
        ((501, {"initialized": False}), "is not initialized"),
    ],
)
def test_a_vault_that_cannot_work_is_one_error(lab: World, answer: Any, sentence: str) -> None:
    lab.vault.answers[HEALTH] = answer
    ((state, told_sentence),) = told(vaults.check(lab.standby()))
    assert (state, sentence in told_sentence) == ("error", True)


def test_a_vault_that_is_too_old_is_an_error(lab: World) -> None:
    lab.vault.answers[HEALTH] = {"sealed": False, "version": "1.15.6+ent"}
    (found,) = only(vaults.check(lab.standby()), "error")
    assert "is 1.15.6+ent; 1.16 is the oldest" in found.sentence


def test_a_vault_that_is_away_is_one_error(lab: World) -> None:
    lab.environment["VAULT_ADDR"] = "http://127.0.0.1:1"
    ((state, sentence),) = told(vaults.check(lab.standby()))
    assert (state, "does not answer" in sentence) == ("error", True)


@pytest.mark.parametrize(
    ("answer", "state", "sentence"),
    [
        (
            (403, {"errors": ["permission denied"]}),
            "error",
            "VAULT_TOKEN cannot be used, it is invalid, expired or may not look itself up: Vault refuses",
        ),
        ({"data": {"ttl": 0}}, "ok", "The token does not expire."),
        ({"data": {"ttl": 300, "renewable": True}}, "warning", "The token is valid for 5 minutes"),
    ],
)
def test_the_tokens_time_is_told(lab: World, answer: Any, state: str, sentence: str) -> None:
    lab.vault.answers[TOKEN] = answer
    found = list(vaults.check(lab.standby()))[1]
    assert found.state == state
    assert found.sentence.startswith(sentence)
    if state == "warning":
        assert found.fix == "vault token renew"


def test_a_token_that_opens_nothing_is_asked_for_nothing_more(lab: World) -> None:
    lab.vault.answers[TOKEN] = (403, {"errors": ["permission denied"]})
    del lab.vault.answers[MOUNT]
    assert [one.state for one in vaults.check(lab.standby())] == ["ok", "error"]


def test_a_run_without_a_token_is_an_error(lab: World) -> None:
    del lab.environment["VAULT_TOKEN"]
    (found,) = only(vaults.check(lab.standby()), "error")
    assert "VAULT_TOKEN is not set" in found.sentence
    assert not list(vault_rights.check(lab.standby()))


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        ({"path": "rhsi/", "type": "kv", "options": {"version": "1"}}, "is a KV mount of version 1"),
        ({"path": "rhsi/", "type": "transit"}, "is a mount of the engine 'transit'"),
    ],
)
def test_another_engine_is_an_error(lab: World, described: dict[str, Any], sentence: str) -> None:
    lab.vault.answers[MOUNT] = {"data": described}
    (found,) = only(vaults.check(lab.standby()), "error")
    assert sentence in found.sentence


def test_a_mount_that_is_not_there_matters_to_whoever_does_not_make_it(lab: World) -> None:
    del lab.vault.answers[MOUNT]
    assert len(list(vaults.check(lab.primary()))) == 2
    foreign = lab.primary(vault={"address": ADDRESS, "manageMount": False})
    (found,) = only(vaults.check(foreign), "error")
    assert "vault secrets enable -path=rhsi -version=2 kv" in found.fix
    (before,) = only(vaults.check(lab.standby()), "unknown")
    assert before.fix == "pulumi up -s site-a"


def test_a_token_with_all_capabilities_is_said_in_one_line(lab: World) -> None:
    allowed = ["create", "read", "update", "delete", "list", "sudo"]
    lab.vault.answers["/v1/sys/capabilities-self"] = lambda body: {"data": dict.fromkeys(body["paths"], allowed)}
    scene = lab.standby()
    wanted = len(paths(scene.settings))
    assert told(vault_rights.check(scene)) == [("ok", f"The token has what these settings need on all {wanted} paths.")]
    lab.vault.answers["/v1/sys/capabilities-self"] = lambda body: {"data": {path: ["root"] for path in body["paths"]}}
    assert not only(vault_rights.check(scene), "error")


def test_what_the_token_lacks_is_named_path_by_path(lab: World) -> None:
    def capabilities(body: dict[str, Any]) -> dict[str, Any]:
        found = {path: ["create", "read", "update", "delete", "list", "sudo"] for path in body["paths"]}
        return {"data": found | {"sys/mounts/rhsi": ["read"], "rhsi/config": ["deny"]}}

    lab.vault.answers["/v1/sys/capabilities-self"] = capabilities
    (found,) = vault_rights.check(lab.primary())
    assert found.sentence == "The token may not create, update, delete sys/mounts/rhsi."
    assert found.fix.endswith("vault token capabilities sys/mounts/rhsi")
    (there,) = vault_rights.check(lab.primary(vault={"address": ADDRESS, "namespace": "team-a"}))
    assert there.fix.endswith("vault token capabilities -namespace=team-a sys/mounts/rhsi")
    # Of a mount of somebody else's the program looks at the configuration, and goes without.
    (lesser,) = vault_rights.check(lab.primary(vault={"address": ADDRESS, "manageMount": False}))
    assert lesser.state == "warning"
