"""From the state that the manual procedure leaves to both stacks, with the link Ready all the while.

The commands are those that `python -m ops adopt` prints, run in a shell as a person runs them.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import shell
from lab.home import CHECKOUT
from lab.progress import Silent
from lab.stacks import Runner
from tests.lab.checkout import Checkout
from tests.lab.hand_made import GRANT, JOB, LINK, HandMade
from tests.lab.lab import Lab
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

LOOK_SECONDS = 0.5
REPLACING = {"replace", "create-replacement", "delete-replaced", "delete"}


class Person:
    """Who follows a plan: the checkout's stacks, and a shell with every program."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        runner = Runner(checkout.environment, checkout.root)
        runner.prepare(checkout.stacks())
        self.project = runner.project
        found = {**os.environ, **shell.environ(runner.home, runner, Silent())}
        # An import asks whether to go on, and CI answers the same way.
        self._environ = {**found, "PULUMI_SKIP_CONFIRMATIONS": "true"}

    def plan(self, stack: str) -> dict[str, Any]:
        """What `adopt` says of a stack in which nothing is in the way."""
        line = [sys.executable, "-m", "ops", "adopt", "-s", stack, "--json", "--cwd", str(self.project)]
        environ = {**self._environ, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(line, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        plan: dict[str, Any] = json.loads(done.stdout)
        return plan

    def type(self, command: str) -> str:
        """Run a command of the plan; what it prints."""
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.project, env=self._environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def planned(self, stack: str) -> list[str]:
        """What a preview would do: the operations, each once."""
        document = json.loads(self.type(f"pulumi preview --json --non-interactive -s {stack}"))
        return [step["op"] for step in document["steps"]]


class Watch:
    """Whether a link was Ready whenever somebody looked."""

    def __init__(self) -> None:
        self.seen: list[bool] = []


@contextmanager
def watched(sites: HandMade) -> Iterator[Watch]:
    """Look at the old link again and again."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            watch.seen.append(sites.link_is_ready())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def sites(lab: Lab) -> Iterator[HandMade]:
    made = HandMade(lab)
    made.make()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def person(sites: HandMade, copy_checkout: Callable[..., Checkout]) -> Person:  # noqa: ARG001 - they stand first
    return Person(copy_checkout())


def commands(notes: list[dict[str, str]]) -> list[str]:
    return [note["command"] for note in notes if "command" in note]


@pytest.fixture(scope="module")
def first_plans() -> dict[str, dict[str, Any]]:
    """What was said of each stack before its first `up`."""
    return {}


def test_both_stacks_take_over_what_was_made_by_hand_and_the_link_stays_ready(
    sites: HandMade, person: Person, first_plans: dict[str, dict[str, Any]]
) -> None:
    refused = person.checkout.run("preview", "site-b")
    assert "Policy rhsi-site-b in Vault exists already" in " ".join(refused.text.split())
    with watched(sites) as watch:
        for stack in ("site-a", "site-b"):
            plan = first_plans[stack] = person.plan(stack)
            assert Path(plan["file"]).exists()
            for command in (*commands(plan["first"]), plan["steps"][0]):
                person.type(command)
            assert not REPLACING.intersection(person.planned(stack))
            person.checkout.up(stack)
    assert watch.seen
    assert all(watch.seen), watch.seen
    assert sites.link_is_ready(f"{LINK}-1")
    assert sites.logins() == "True"
    assert sites.auth_config()["disable_local_ca_jwt"]


def test_a_second_run_changes_nothing_and_a_second_plan_imports_nothing(person: Person) -> None:
    for stack in ("site-a", "site-b"):
        assert set(person.planned(stack)) <= {"same", "read"}
        plan = person.plan(stack)
        assert plan["imports"] == plan["first"] == plan["taken_over"] == []


def test_what_the_manual_procedure_leaves_goes_by_the_commands_of_the_plan(
    sites: HandMade, person: Person, first_plans: dict[str, dict[str, Any]]
) -> None:
    for plan in first_plans.values():
        for command in commands(plan["afterwards"]):
            person.type(command)
    assert sites.destroyed_versions() == ["1"]
    assert not sites.exists("site-b", "link", LINK)
    assert not sites.exists("site-b", "secret", LINK)
    assert not sites.exists("site-a", "accessgrant", GRANT)
    assert sites.exists("site-b", "job", JOB)
    until(lambda: sites.link_is_ready(f"{LINK}-1"))
    for stack in ("site-a", "site-b"):
        assert person.plan(stack)["afterwards"] == []
