"""The settings of stacks as the lab gives them to the program, and what the program says of them before a start."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lab.home import Home, LabError
from lab.stacks import Stack, discover, settings
from lab.stacks.copies import Copies
from lab.stacks.overrides import overrides

LAB = settings.provisional(Home(Path("nowhere")))


def stack(name: str, **changes: Any) -> Stack:
    """One of the checkout's stacks with other settings; None removes one."""
    (found,) = [one for one in discover() if one.name == name]
    config = {**found.config, **{f"rhsi:{key}": value for key, value in changes.items()}}
    return Stack(name, {key: value for key, value in config.items() if value is not None})


def said(*stacks: Stack) -> list[str]:
    with pytest.raises(LabError) as error:
        settings.check(stacks, LAB)
    return str(error.value).splitlines()


def test_the_checkouts_own_stacks_have_no_mistake() -> None:
    settings.check(discover(), LAB)


def test_all_mistakes_of_all_stacks_are_said_at_once_in_the_programs_words() -> None:
    primary = stack("site-a", clustre={"context": "site-a"}, cluster=None, revoke="often")
    lines = said(primary, stack("site-b", timeouts={"claim": 5}))
    assert lines[0] == "The settings of stack site-a cannot be used (Pulumi.site-a.yaml):"
    assert any("rhsi:clustre is" in line and "rename it to cluster" in line for line in lines)
    assert any("rhsi:revoke is" in line for line in lines)
    assert "The settings of stack site-b cannot be used (Pulumi.site-b.yaml):" in lines
    assert any("rhsi:timeouts.claim is 5" in line for line in lines)


def test_a_key_that_is_misspelt_within_a_section_is_named_with_the_likely_one() -> None:
    lines = said(stack("site-a", cluster={"contxt": "site-a"}), stack("site-b"))
    assert any("rhsi:cluster.contxt" in line and "rename it to context" in line for line in lines)


def test_a_swapped_role_is_the_one_mistake_with_the_databases_that_the_lab_adds_too() -> None:
    lines = said(stack("site-a"), stack("site-b", role="primary"))
    assert lines[1:] == [lines[1]], "no echo of it in the settings of databases"
    assert 'rhsi:role is "primary": the other settings are those of a standby' in lines[1]
    lines = said(stack("site-a", role="standby"), stack("site-b"))
    assert lines[1:] == [lines[1]]
    assert 'rhsi:role is "standby": the other settings are those of a primary' in lines[1]


@pytest.mark.parametrize("section", ["cluster", "vault", "standbys"])
def test_a_section_that_is_a_single_value_reaches_the_program_as_it_is(section: str) -> None:
    lines = said(stack("site-a", **{section: "site-a"}), stack("site-b"))
    assert any(f'rhsi:{section} is "site-a": it must be a map' in line for line in lines)


def test_a_cluster_that_the_lab_does_not_have_is_refused_with_those_it_has() -> None:
    lines = said(stack("site-a", cluster={"context": "prod"}), stack("site-b"))
    assert '  - rhsi:cluster.context is "prod": the lab has site-a, site-b; use one of them.' in lines


def test_a_copy_of_a_stack_file_under_a_good_name_is_named() -> None:
    copy = Stack("site-a-old", stack("site-a").config)
    (line,) = said(stack("site-a"), copy, stack("site-b"))
    assert line.startswith("Pulumi.site-a.yaml and Pulumi.site-a-old.yaml put their sites into one namespace, rhsi")


def test_a_stack_with_secrets_is_left_to_the_engine_which_alone_can_read_them() -> None:
    secret = {"enabled": True, "applicationPassword": {"secure": "v1:x"}}
    settings.check([stack("site-a", postgres=secret, revoke="often"), stack("site-b")], LAB)


@pytest.mark.parametrize(
    ("vault", "asked", "given"),
    [
        ({}, True, True),
        ({"caProvider": {"name": "vault-ca"}}, True, False),
        ({"login": "jwt"}, False, True),
        ({"store": {"kind": "ClusterSecretStore", "name": "vault"}}, False, False),
    ],
)
def test_the_lab_adds_nothing_that_the_way_into_vault_does_not_take(
    vault: dict[str, Any], tmp_path: Path, *, asked: bool, given: bool
) -> None:
    (tmp_path / "ca.pem").write_text((Path(__file__).parent / "fixtures" / "authority.pem").read_text())
    environment = dataclasses.replace(LAB, vault_cacert=tmp_path / "ca.pem")
    wanted = stack("site-b", vault=vault, cluster={"context": "site-b"})
    found = overrides(wanted, environment)
    assert ("apiServer" in found["rhsi:cluster"]) is asked
    assert ("ca" in found["rhsi:vault"]) is given
    assert found["rhsi:vault"].items() >= vault.items()
    settings.check([stack("site-a"), wanted], environment)


def test_what_the_lab_decides_wins_over_the_stack_file_and_everything_else_stays() -> None:
    stacks = [stack("site-a", timeouts={"site": "1m"}), stack("site-b")]
    primary, standby = (settings.effective(one, stacks, LAB) for one in stacks)
    assert primary["rhsi:timeouts"] == {"site": "1m"}
    assert primary["rhsi:edb"]["peer"] == "site-b"
    assert primary["rhsi:protect"] is False
    assert standby["rhsi:cluster"]["apiServer"] == standby["rhsi:vault"]["address"] == settings.UNKNOWN
    parted = settings.effective(stacks[0], stacks, LAB, subscribe=False)
    assert parted["rhsi:edb"]["subscribe"] is False
    assert "apiServer" not in overrides(stacks[0], LAB)["rhsi:cluster"]


def test_a_copy_keeps_what_pulumi_wrote_beside_the_settings_and_can_be_put_back(tmp_path: Path) -> None:
    one, copies = stack("site-a"), Copies(tmp_path)
    file = tmp_path / "Pulumi.site-a.yaml"
    assert not copies.exists(one)
    assert not copies.is_initialized(one)
    file.write_text("encryptionsalt: v1:x\n")
    assert copies.is_initialized(one)
    copies.write(one, {"rhsi:role": "primary"})
    assert copies.changed == {"site-a"}
    assert file.stat().st_mode & 0o077 == 0
    before, again = file.read_text(), Copies(tmp_path)
    assert before.startswith("encryptionsalt: v1:x\n")
    again.write(one, {"rhsi:role": "primary"})
    assert again.changed == set()
    again.write(one, {"rhsi:role": "standby"})
    assert (again.changed, again.config(one)) == ({"site-a"}, {"rhsi:role": "standby"})
    again.put_back()
    assert (file.read_text(), again.changed) == (before, set())
