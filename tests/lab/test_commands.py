"""The first hour on the lab: what `up` shows next, the numbers of rotations, questions, killed runs, dead servers.

The tests share one checkout, in the order of that hour; the last one destroys it.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hvac
import pytest

from lab.stacks import locks, rotations, state
from tests.lab import runbook
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import down
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"


class Person:
    """Somebody who types in a checkout's folder, without a terminal."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.root = checkout.root

    def lab(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `python -m lab`, which must end with this exit code and without a traceback."""
        return self.types(shlex.join([sys.executable, "-m", "lab", *arguments]), code=code)

    def types(self, line: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a line of shell."""
        done = subprocess.run(
            ["sh", "-c", line],  # noqa: S607 - the person's shell
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    @contextmanager
    def begins(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Run `python -m lab` meanwhile."""
        with subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            cwd=self.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as begun:
            try:
                yield begun
            finally:
                begun.kill()


@pytest.fixture(scope="module")
def person(copy_checkout: Callable[..., Checkout]) -> Iterator[Person]:
    """Whoever has a checkout with databases, and has brought it up."""
    found = Person(copy_checkout(databases=True))
    try:
        found.lab("up")
        yield found
    finally:
        # Databases that replicate part first.
        found.lab("destroy", "--yes")


@pytest.fixture(scope="module")
def shown(person: Person) -> str:
    """What an `up` that changes nothing shows at its end."""
    done = person.lab("up")
    assert "checking what this one would delete" not in done.stderr, "it costs nothing more"
    return done.stdout


def links(lab: Lab) -> list[str]:
    found = lab.connect("site-b").resources.get(api_version=SKUPPER, kind="Link").get(namespace="rhsi")
    return sorted(item.metadata.name for item in found.items)


def test_up_ends_with_a_summary_and_commands_which_work_when_they_are_pasted(
    lab: Lab, person: Person, shown: str
) -> None:
    summary, block = shown.split("\nWhat next:\n\n")
    assert re.search(r"^\d\d Ready, 0 not$", summary, re.MULTILINE)
    commands = [line for line in block.splitlines() if not line.startswith("#")]
    words = {"kubectl", "psql", "status", "logs", "shell", "rotate", "link"}
    assert words <= {command.split("-m lab ")[-1].split()[0] for command in commands}
    asked = {command: person.types(command).stdout for command in commands if not command.startswith("export")}
    (first, second) = (text for command, text in asked.items() if " kubectl " in command)
    assert "postgres-primary-0" in first
    assert "postgres-standby-0" in second
    assert "standby-from-vault-1" in second
    exports = "; ".join(command for command in commands if command.startswith("export"))
    address, token = person.types(f"{exports}; echo $VAULT_ADDR $VAULT_TOKEN").stdout.split()
    assert hvac.Client(url=address, token=token, verify=str(lab.vault_cacert)).is_authenticated()
    assert lab.vault_token not in shown


def test_psql_logs_in_on_each_site_and_its_exit_code_is_kept(person: Person) -> None:
    question = "SELECT pg_is_in_recovery(), current_user"
    for site, answer in {"site-a": "f|appuser", "site-b": "t|appuser"}.items():
        assert person.lab("psql", site, "--", "-Atc", question).stdout.strip() == answer
    assert person.lab("psql", "site-b", "--replicated", "--", "-Atc", question).stdout.strip() == "f|postgres"
    refused = person.lab("psql", "site-b", "--", "-c", "CREATE TABLE mine ()", code=1)
    assert "read-only transaction" in refused.stderr


def test_kubectl_gets_all_arguments_and_its_exit_code_is_kept(person: Person) -> None:
    assert "kubectl controls the Kubernetes cluster manager" in person.lab("kubectl", "--help").stdout
    named = person.lab("kubectl", "--context", "site-b", "-n", "rhsi", "get", "links", "-o", "name")
    assert named.stdout.startswith("link.skupper.io/standby-from-vault-")
    assert "NotFound" in person.lab("kubectl", "--context", "site-a", "get", "ns", "none", code=1).stderr


def test_logs_are_those_of_a_process_a_pod_and_a_pods_owner(person: Person) -> None:
    assert "etcd-site-a" in person.lab("logs").stdout.split()
    assert person.lab("logs", "etcd-site-a").stdout.startswith("{")
    assert "--- site-b rhsi/postgres-standby-0 postgres\n" in person.lab("logs", "postgres-standby").stdout
    assert "--- site-a db/edb-site-a-1 " in person.lab("logs", "edb-site-a-1").stdout
    assert "Nothing is called 'none': the processes are" in person.lab("logs", "none", code=1).stderr


def test_readmes_order_of_a_rotation_works_or_says_what_to_write(lab: Lab, person: Person) -> None:
    # `rotate` was among the commands that were pasted.
    assert links(lab) == ["standby-from-vault-2"]
    assert "This run uses rotation 2 of site-b" in person.lab("up").stderr
    person.checkout.change("site-a", "standbys.site-b.rotation", 2)
    told = person.lab("up").stderr
    assert "has counted already, as Pulumi.site-a.yaml says now. Write 3 there" in told
    assert links(lab) == ["standby-from-vault-2"]
    person.checkout.change("site-a", "standbys.site-b.rotation", 3)
    assert "This run uses" not in person.lab("up").stderr
    assert links(lab) == ["standby-from-vault-3"]
    assert json.loads(person.lab("rotate", "--json").stdout)[0]["rotation"] == 4


def test_what_would_take_away_databases_or_a_standby_wants_yes_and_changes_nothing_without(
    lab: Lab, person: Person
) -> None:
    files = {name: person.root / f"Pulumi.{name}.yaml" for name in ("site-a", "site-b")}
    written = {name: file.read_text() for name, file in files.items()}
    copies = {name: lab.home.root / "stacks" / file.name for name, file in files.items()}
    kept = {name: file.read_text() for name, file in copies.items()}
    before = {name: state.resources(lab.home, name) for name in files}
    try:
        person.checkout.change("site-a", "standbys", {"site-x": {"rotation": 1}})
        person.checkout.change("site-b", "postgres.enabled", False)
        for arguments in (["up"], ["rotate", "--standby", "site-b"]):
            person.checkout.change("site-b", "site", "site-x" if arguments[0] == "rotate" else "site-b")
            told = person.lab(*arguments, code=1).stderr
            assert "site-a: AccessGrant primary-site-b-grant would be deleted (a standby's way to the primary)" in told
            assert "Nothing has been changed: add --yes if that is what you want." in told
            assert {name: file.read_text() for name, file in copies.items()} == kept
        assert {name: state.resources(lab.home, name) for name in files} == before
        assert rotations.load(lab.home)["site-b"] == 4, "nothing is counted up"
    finally:
        for name, file in files.items():
            file.write_text(written[name])
    person.checkout.change("site-b", "postgres.enabled", False)
    told = person.lab("up", code=1).stderr
    assert "site-b: StatefulSet standby-postgres-standby-postgres-server would be deleted" in told
    files["site-b"].write_text(written["site-b"])


def test_a_killed_runs_lock_is_named_with_the_command_that_works_here(
    lab: Lab, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_SKIP_CONFIRMATIONS", "true")
    number = person.checkout.rotation()
    for three_commands in (False, True):
        number = max(number, rotations.load(lab.home).get("site-b", 0)) + 1
        person.checkout.change("site-a", "standbys.site-b.rotation", number)
        with person.begins("up", "--yes") as up:
            (lock,) = until(lambda: locks.locks(lab.home, "site-a"))
            os.kill(lock.pid, signal.SIGSTOP)
            for command in ("up", "cancel") if three_commands else ("up", "preview", "destroy", "rotate", "cancel"):
                told = person.lab(command, code=1).stderr
                assert f"process {lock.pid}, which still runs: wait for it" in told
            os.kill(lock.pid, signal.SIGKILL)
            _, said = up.communicate()
            assert up.returncode == 1
        cancel = "`python -m lab cancel -s site-a`"
        assert cancel in said
        for command in ("preview", "rotate"):
            told = person.lab(command, code=1).stderr
            assert f"process {lock.pid}, which does not run any more: run {cancel}" in told
        if three_commands:
            for line in runbook.commands("After a kill"):
                person.lab("shell", "--", *shlex.split(line))
        else:
            person.lab("cancel", "-s", "site-a")
        person.lab("up")
        assert links(lab) == [f"standby-from-vault-{number}"]
    assert "there is nothing to cancel" in person.lab("cancel", code=1).stderr


def test_a_dead_server_is_named_by_every_command_that_needs_it(lab: Lab, person: Person) -> None:
    server = "kube-apiserver-site-b"
    given = rotations.load(lab.home)
    with down(lab, server):
        for command in (["rotate"], ["soak"], ["link", "cut"], ["destroy", "--yes"]):
            told = person.lab(*command, code=1).stderr
            assert f"error: {server} is dead: `python -m lab up` starts what is missing." in told
        assert rotations.load(lab.home) == given
        assert "`python -m lab up`" in person.lab("psql", "site-b", code=1).stderr
        assert server in person.lab("status", code=1).stdout
        facts = json.loads(person.lab("status", "--json", code=1).stdout)
        assert (facts["running"], facts["ok"]) == (False, False)
        person.lab("up")
    person.lab("status")


def test_destroy_stops_at_what_is_protected_then_asks_then_leaves_nothing(lab: Lab, person: Person) -> None:
    person.checkout.change("site-a", "protect", True)
    person.lab("up")
    before = {name: state.existing(state.resources(lab.home, name)) for name in ("site-a", "site-b")}
    for arguments in ([], ["--yes"]):
        told = person.lab("destroy", *arguments, code=1).stderr
        assert "Nothing was deleted, because these are protected:\n  - site-a: " in told
        assert "Mount primary-kv-mount" in told
    person.checkout.change("site-a", "protect", False)
    person.lab("up")
    assert {name: len(state.existing(state.resources(lab.home, name))) for name in before} == {
        name: len(found) for name, found in before.items()
    }
    told = person.lab("destroy", code=1).stderr
    assert f"`destroy` deletes {len(before['site-b'])} objects of site-b and {len(before['site-a'])} objects" in told
    assert "Nothing has been changed: add --yes if that is what you want." in told
    person.lab("destroy", "--yes")
    assert [state.existing(state.resources(lab.home, name)) for name in before] == [[], []]


def test_a_setting_that_nobody_can_use_is_said_by_the_command(person: Person) -> None:
    stray = Path(person.root, "Pulumi.site-a copy.yaml")
    stray.write_text("config: {}\n")
    try:
        assert "Pulumi.site-a copy.yaml is in the way" in person.lab("up", code=1).stderr
    finally:
        stray.unlink()
