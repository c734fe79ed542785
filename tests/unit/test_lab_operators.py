"""Operators on the lab: what stacks of a bare lab install."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import environment
from lab.commands import session
from lab.commands.next_steps import block, next_steps
from lab.environment import Environment
from lab.home import Home, LabError
from lab.servers.folder import take
from lab.stacks import Stack, settings

NAMED = {"enabled": True, "source": "redhat-operators", "sourceNamespace": "openshift-marketplace"}


def lab(*, bare: bool = True) -> Environment:
    return settings.provisional(Home(Path("nowhere")), bare=bare)


def primary(**config: Any) -> Stack:
    given = {f"rhsi:{key}": value for key, value in config.items()}
    context = {"context": "site-a", **given.pop("rhsi:cluster", {})}
    standbys: dict[str, Any] = {"rhsi:standbys": {"site-b": {}}}
    return Stack("site-a", {"rhsi:role": "primary", "rhsi:cluster": context, **standbys, **given})


def standby(**config: Any) -> Stack:
    given = {f"rhsi:{key}": value for key, value in config.items()}
    context = {"rhsi:cluster": {"context": "site-b"}}
    return Stack("site-b", {"rhsi:role": "standby", "rhsi:primaryStack": "site-a", **context, **given})


def operators(stack: Stack, *, bare: bool = True) -> Any:
    stacks = [stack, primary() if stack.name == "site-b" else standby()]
    return settings.effective(stack, stacks, lab(bare=bare)).get("rhsi:operators")


def test_on_a_bare_lab_each_stack_installs_what_it_needs() -> None:
    on = {"enabled": True}
    assert operators(primary()) == {"skupper": on, "database": on}
    assert operators(standby()) == {"skupper": on, "externalSecrets": on, "database": on}
    assert operators(standby(edb={"enabled": False})) == {"skupper": on, "externalSecrets": on}


def test_a_lab_with_its_operators_leaves_the_stacks_alone() -> None:
    assert operators(primary(), bare=False) is None


def test_what_a_stack_file_says_of_a_part_stays() -> None:
    manual = {"enabled": True, "approval": "Manual"}
    assert operators(primary(operators={"skupper": manual}))["skupper"] == manual
    assert operators(primary(operators={"database": {"enabled": False}}))["database"] == {"enabled": False}
    assert operators(primary(operators="all")) == "all", "for the program to refuse"


def test_a_network_observer_has_its_operator_and_other_clusters_name_the_labs_catalogue() -> None:
    on = {"enabled": True}
    here = primary(networkObserver=on, edb={"enabled": False})
    assert operators(here) == {"skupper": on, "networkObserver": on}
    there = primary(networkObserver=on, edb={"enabled": False}, cluster={"platform": "kubernetes"})
    assert operators(there) == {"skupper": NAMED, "networkObserver": NAMED}


def test_of_two_stacks_in_one_cluster_the_first_installs_the_operators() -> None:
    second = Stack("site-c", {**standby().config, "rhsi:site": "site-c"})
    stacks = [primary(), standby(), second]
    assert "rhsi:operators" not in settings.effective(second, stacks, lab())
    assert "rhsi:operators" in settings.effective(standby(), stacks, lab())


def test_what_next_leads_to_each_network_observer_and_to_a_login_that_is_its_own() -> None:
    on = {"enabled": True}
    watched = [primary(networkObserver=on), standby(networkObserver=on)]
    text = block(next_steps(lab(), watched))
    for context, port in (("site-a", 8443), ("site-b", 8444)):
        assert f"kubectl --context {context} -n rhsi port-forward service/network-observer {port}:443\n" in text
    login = "get secret network-observer-auth -o go-template='{{.data.htpasswd | base64decode}}'"
    assert login not in text
    elsewhere = primary(networkObserver=on, cluster={"platform": "kubernetes"})
    assert login in block(next_steps(lab(), [elsewhere, standby()]))
    assert "network observer" not in block(next_steps(lab(), [primary(), standby()]))


def standing(home: Home, *, bare: bool) -> Environment:
    """A lab that stands, as far as its own record says."""
    found = replace(settings.provisional(home), bare=bare)
    home.folder()
    take(home)
    environment._save(found)
    return found


@pytest.mark.parametrize(("bare", "how"), [(True, "bare"), (False, "with every operator installed")])
def test_a_lab_that_was_started_the_other_way_is_refused(tmp_path: Path, how: str, *, bare: bool) -> None:
    home = Home(tmp_path / "lab")
    assert environment.load(home) is None
    assert environment.load(home) != standing(home, bare=bare)
    with pytest.raises(LabError, match=f"was started {how}: run `python -m lab down` before you start it differently"):
        environment.start(home, bare=not bare)


def test_a_record_of_an_older_checkout_is_of_a_lab_that_is_not_bare(tmp_path: Path) -> None:
    home = Home(tmp_path / "lab")
    standing(home, bare=True)
    file = home.root / environment.FILE
    facts = json.loads(file.read_text())
    assert facts.pop("bare") is True
    file.write_text(json.dumps(facts))
    found = environment.load(home)
    assert found
    assert not found.bare


@pytest.mark.parametrize(
    ("stands", "asked", "wanted"), [(None, False, False), (None, True, True), (True, False, True), (False, True, True)]
)
def test_a_command_takes_a_lab_as_it_stands_unless_bare_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stands: bool | None, *, asked: bool, wanted: bool
) -> None:
    home = Home(tmp_path / "lab")
    monkeypatch.setenv("RHSI_LAB_HOME", str(home.root))
    found = standing(home, bare=bool(stands))
    if stands is None:
        (home.root / environment.FILE).unlink()
    told: dict[str, Any] = {}

    def start(*_: object, **options: Any) -> Environment:
        told.update(options)
        return found

    monkeypatch.setattr(environment, "start", start)
    monkeypatch.setattr("lab.preflight.check", lambda _: None)
    monkeypatch.setattr("lab.binaries.unbuilt", lambda _: [])
    monkeypatch.setenv("VAULT_TOKEN", "token")
    session.start(None, bare=asked)
    assert told["bare"] is wanted
