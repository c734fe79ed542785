"""What a run may delete without a question, and what it asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.home import Home
from lab.stacks import deletions, done, state

URN = "urn:pulumi:site-a::rhsi::rhsi:index:PrimarySite$"
GRANT, JOB = "kubernetes:skupper.io/v2alpha1:AccessGrant", "kubernetes:batch/v1:Job"
CLUSTER, NAMESPACE = "kubernetes:postgresql.cnpg.io/v1:Cluster", "kubernetes:core/v1:Namespace"
CLAIM, SERVER = "kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:apps/v1:StatefulSet"


def plan(*steps: tuple[str, str, str]) -> dict[str, Any]:
    """A preview's plan of steps (operation, type, name), as `pulumi preview --json` writes it."""
    return {
        "steps": [
            {"op": op, "urn": f"{URN}{kind}::{name}", "newState" if op == "create" else "oldState": {"type": kind}}
            for op, kind, name in steps
        ]
    }


def replaced(kind: str, name: str) -> list[tuple[str, str, str]]:
    return [(op, kind, name) for op in ("create-replacement", "replace", "delete-replaced")]


def test_a_rotation_is_no_loss() -> None:
    steps = [*replaced(GRANT, "site-b-grant"), *replaced(JOB, "claim"), ("update", SERVER, "s"), ("same", CLUSTER, "c")]
    assert deletions.losses(plan(*steps, ("create", NAMESPACE, "n"), ("delete", JOB, "smoke-test"))) == []
    assert deletions.losses({}) == []


@pytest.mark.parametrize("kind", [CLUSTER, NAMESPACE, CLAIM, SERVER, "vault:index/mount:Mount"])
def test_what_holds_data_is_lost_when_it_is_deleted_and_when_it_is_replaced(kind: str) -> None:
    end = kind.rpartition(":")[2]
    (deleted,) = deletions.losses(plan(("delete", kind, "it")))
    assert deleted.startswith(f"{end} it would be deleted (")
    (renewed,) = deletions.losses(plan(*replaced(kind, "it")))
    assert renewed.startswith(f"{end} it would be replaced by an empty one (")


def test_a_standby_that_is_renamed_loses_its_way_to_the_primary() -> None:
    lost = deletions.losses(plan(("create", GRANT, "site-c-grant"), ("delete", GRANT, "site-b-grant")))
    assert lost == ["AccessGrant site-b-grant would be deleted (a standby's way to the primary)"]


def written(home: Home, *resources: dict[str, Any]) -> None:
    folder = home.folder("state", ".pulumi", "stacks", "rhsi")
    stack = {
        "urn": "urn:pulumi:site-a::rhsi::pulumi:pulumi:Stack::rhsi-site-a",
        "type": "pulumi:pulumi:Stack",
        "outputs": {"standbys": {"site-b": {"rotation": 4.0}}},
    }
    content = {"checkpoint": {"latest": {"resources": [stack, *resources]}}}
    (folder / "site-a.json").write_text(json.dumps(content))


def test_the_state_tells_what_stands_and_what_is_protected(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert state.resources(home, "site-a") == []
    assert state.rotation(home, "site-a", "site-b") == 0
    written(
        home,
        {"urn": f"{URN}{NAMESPACE}::own", "type": NAMESPACE, "custom": True, "protect": True},
        {"urn": f"{URN}{NAMESPACE}::read", "type": NAMESPACE, "custom": True, "external": True},
        {"urn": "urn:pulumi:site-a::rhsi::pulumi:providers:vault::vault", "type": "pulumi:providers:vault"},
    )
    (own,) = state.existing(state.resources(home, "site-a"))
    assert (str(own), own.protected) == ("Namespace own", True)
    assert deletions.lasting([own]) == ["Namespace own (with everything in it)"]
    assert state.rotation(home, "site-a", "site-b") == 4
    assert state.rotation(home, "site-a", "site-c") == 0


def test_a_state_that_cannot_be_read_is_pulumis_business(tmp_path: Path) -> None:
    folder = Home(tmp_path).folder("state", ".pulumi", "stacks", "rhsi")
    (folder / "site-a.json").write_text("{")
    assert state.resources(Home(tmp_path), "site-a") == []


def test_a_stack_is_new_again_with_another_setting_another_program_and_after_it_was_forgotten(tmp_path: Path) -> None:
    home, program = Home(tmp_path / "lab"), tmp_path / "components"
    program.mkdir()
    (program / "one.py").write_text("1")
    first = done.digest({"rhsi:role": "primary"}, tmp_path)
    assert not done.matches(home, "site-a", first)
    done.keep(home, "site-a", first)
    assert done.matches(home, "site-a", done.digest({"rhsi:role": "primary"}, tmp_path))
    assert not done.matches(home, "site-b", first)
    assert not done.matches(home, "site-a", done.digest({"rhsi:role": "standby"}, tmp_path))
    (program / "one.py").write_text("2")
    assert not done.matches(home, "site-a", done.digest({"rhsi:role": "primary"}, tmp_path))
    done.forget(home, "site-a")
    assert not done.matches(home, "site-a", first)
