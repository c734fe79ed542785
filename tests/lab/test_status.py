"""Whether `python -m lab status` is true, while the link is cut and while servers are dead or answer nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from lab import link
from lab.home import CHECKOUT
from lab.stacks import Runner
from lab.status.awaited import awaited
from lab.status.clusters import api
from lab.status.databases import Database
from lab.status.row import Row
from lab.status.survey import Status, survey
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import control_plane, down, stalled
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

SECONDS = 5.0
"""How long a look may take, whatever is dead."""

RECEIVER_SECONDS = 60.0
"""PostgreSQL's wal_receiver_timeout: until then a standby may believe that it is connected."""


@pytest.fixture(scope="module")
def databases(lab: Lab, copy_checkout: Callable[..., Checkout]) -> Iterator[Checkout]:
    found = copy_checkout(databases=True)
    found.up()
    until(lambda: survey(lab.environment, found.stacks()).ok)
    yield found
    # A subscription cannot go without its source: both end before the stacks are destroyed.
    runner = Runner(found.environment, found.root)
    runner.prepare(found.stacks(), subscribe=False)
    assert [runner.run("up", stack, quiet=True) for stack in found.stacks()] == [0, 0]


@pytest.fixture
def whole(lab: Lab, databases: Checkout) -> Iterator[Checkout]:
    """Everything is Ready, before and in the end."""
    yield databases
    until(lambda: survey(lab.environment, databases.stacks()).ok)


def looked(lab: Lab, checkout: Checkout) -> Status:
    """What a look comes to, in time."""
    begin = time.monotonic()
    found = survey(lab.environment, checkout.stacks())
    assert time.monotonic() - begin < SECONDS
    return found


def row(status: Status, kind: str, name: str) -> Row:
    return next(row for row in status.rows if (row.kind, row.name) == (kind, name))


def command(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """What `python -m lab` says of the same lab."""
    line = [sys.executable, "-m", "lab", *arguments]
    environ = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(line, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)


def test_everything_that_was_brought_up_is_ready_with_its_figures(lab: Lab, whole: Checkout) -> None:
    primary = Database(
        api=api(lab.environment, whole.stacks()[0]),
        namespace="rhsi",
        service="postgres-primary",
        secret="postgres-application",
        name="app",
    )
    assert primary.answer("SELECT pg_current_xact_id()")[1] == "", "a transaction, for the standby to apply"
    until(
        lambda: all(copy.change_seconds for copy in looked(lab, whole).replication if copy.copy == "postgres-standby")
    )
    status = looked(lab, whole)
    assert status.ok, status.rows
    assert row(status, "Site", "rhsi-primary").detail == "2 sites in the network"
    assert row(status, "AccessGrant", "rhsi-site-b-grant-1").detail == "redeemed 1 of 1"
    copies = {copy.copy: copy for copy in status.replication}
    assert set(copies) == {"postgres-standby", "site_a_from_site_b", "site_b_from_site_a"}
    for copy in copies.values():
        assert (copy.running, copy.state, copy.replay, copy.slot_active) == (True, "streaming", "applied", True)
        assert copy.bytes_behind is not None
    assert copies["site_a_from_site_b"].message_seconds is not None
    told = command("status")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith(f"\n{len(status.rows)} Ready, 0 not\n")
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_a_cut_link_shows_that_nothing_follows_until_it_is_restored(lab: Lab, whole: Checkout) -> None:
    standbys = [stack for stack in whole.stacks() if not stack.is_primary]
    link.cut(lab.environment, standbys)
    try:
        until(lambda: not any(copy.running for copy in looked(lab, whole).replication), RECEIVER_SECONDS)
        status = looked(lab, whole)
        assert not status.ok
        standby = row(status, "Replication", "postgres-standby")
        assert standby.status == "Error"
        assert standby.detail.startswith("it receives no WAL, and its slot site_b is not in use, ")
        for name in ("site_a_from_site_b", "site_b_from_site_a"):
            subscription = row(status, "Replication", name)
            assert subscription.status == "Error"
            assert subscription.detail.startswith(f"it receives nothing: its slot {name} is not in use")
        assert row(status, "Link", "standby-from-vault-1").detail == (
            "it is cut: `python -m lab link restore` restores it"
        )
        # The pod's own probe says the same once it has failed often enough.
        until(lambda: any(found.kind == "Pod" for found in looked(lab, whole).rows))
        said = row(looked(lab, whole), "Pod", "postgres-standby-0")
        assert said.detail == "Readiness probe failed: It receives no WAL."
        told = command("status", "--json")
        assert told.returncode == 1
        assert not any(copy["running"] for copy in json.loads(told.stdout)["replication"])
        assert awaited(lab.environment, standbys[0]) == (
            "Pod postgres-standby-0: Readiness probe failed: It receives no WAL."
        )
    finally:
        link.restore(lab.environment, standbys)


def test_a_dead_api_server_is_two_rows_and_no_traceback(lab: Lab, whole: Checkout) -> None:
    with down(lab, *control_plane("site-b")):
        status = looked(lab, whole)
        assert row(status, "process", "kube-apiserver-site-b").status == "DEAD"
        assert row(status, "cluster", "site-b").detail == (
            "kube-apiserver-site-b is dead: nothing is known of its objects"
        )
        assert row(status, "Site", "rhsi-primary").ready, "the other cluster answers"
        assert not status.running
        for arguments in (("status",), ("status", "--json"), ("link", "cut")):
            told = command(*arguments)
            assert told.returncode == 1, told.stdout
            assert "Traceback" not in told.stderr
            assert "python -m lab up" in told.stdout + told.stderr
        assert awaited(lab.environment, whole.stacks()[0]) == (
            "kube-apiserver-site-b and kube-controller-manager-site-b are dead"
        )


@pytest.mark.parametrize("name", ["kube-apiserver-site-a", "etcd-site-b", "openbao", "network"])
def test_a_server_that_answers_nothing_is_a_row_within_seconds(lab: Lab, whole: Checkout, name: str) -> None:
    with stalled(lab, name):
        until(lambda: looked(lab, whole).rows[0].name == name)
        status = looked(lab, whole)
        assert status.rows[0].status == "Error"
        assert "kill -CONT" in status.rows[0].detail
        assert not status.ok


def _parent_of_standby(process: psutil.Process) -> int | None:
    """The parent of a process with the standby's command line; None for another process, or one that has gone."""
    with suppress(psutil.NoSuchProcess):
        if "primary_slot_name=site_b" in process.cmdline():
            return process.ppid()
    return None


@contextmanager
def held_postgres(lab: Lab) -> Iterator[None]:
    """PostgreSQL's standby takes connections and answers nothing."""
    (runner,) = (process for process in lab.environment.processes() if process.name == "pods")
    started = psutil.Process(runner.pid).children(recursive=True)
    parents = {one.pid: parent for one in started if (parent := _parent_of_standby(one)) is not None}
    # A child of the server's has its command line until it has given itself a title.
    (server,) = (pid for pid, parent in parents.items() if parent not in parents)
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def test_a_database_that_answers_nothing_is_a_row_within_seconds(lab: Lab, whole: Checkout) -> None:
    with held_postgres(lab):
        standby = row(looked(lab, whole), "Replication", "postgres-standby")
        assert standby.status == "Error"
        assert standby.detail.startswith("postgres-standby does not answer: ")
