"""Whose lock a stack's is, and whether that run still lives."""

import json
import os
import re
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.home import Home, LabError
from lab.stacks import locks


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def locked(home: Home, **facts: Any) -> None:
    """A lock as Pulumi writes it, of this very process unless told otherwise."""
    folder = home.folder("state", ".pulumi", "locks", "organization", "rhsi", "site-a")
    now = datetime.now(UTC).isoformat().replace("+00:00", "123Z")
    own = {"pid": os.getpid(), "username": "me", "hostname": socket.gethostname(), "timestamp": now}
    (folder / f"{len(list(folder.iterdir()))}.json").write_text(json.dumps(own | facts))


def ended() -> int:
    """The process id of one that has ended."""
    with subprocess.Popen(["true"]) as process:  # noqa: S607 - any program
        return process.pid


def test_a_stack_without_a_lock_may_be_worked_on(home: Home) -> None:
    locks.refuse_locked(home, ["site-a", "site-b"])
    locks.refuse_held(home, "site-a")


def test_a_run_that_lives_is_waited_for_and_its_lock_stays(home: Home) -> None:
    locked(home)
    told = rf"stack site-a is locked since .* by me@.*, process {os.getpid()}, which still runs: wait for it"
    with pytest.raises(LabError, match=told):
        locks.refuse_locked(home, ["site-b", "site-a"])
    with pytest.raises(LabError, match=rf"{told}, or end it with `kill -INT {os.getpid()}`"):
        locks.refuse_held(home, "site-a")


def test_a_killed_runs_lock_comes_with_the_command_that_works_here(home: Home) -> None:
    locked(home, pid=ended())
    told = "which does not run any more: run `python -m lab cancel -s site-a`, then `python -m lab up`"
    with pytest.raises(LabError, match=re.escape(told)):
        locks.refuse_locked(home, ["site-a"])
    locks.refuse_held(home, "site-a")


def test_a_process_that_got_the_same_number_later_does_not_hold_the_lock(home: Home) -> None:
    locked(home, timestamp=(datetime.now(UTC) - timedelta(days=400)).isoformat())
    (lock,) = locks.locks(home, "site-a")
    assert not lock.is_held


def test_a_lock_of_another_machine_is_called_that(home: Home) -> None:
    locked(home, hostname="elsewhere")
    (lock,) = locks.locks(home, "site-a")
    assert not lock.is_held
    assert "by me@elsewhere, process" in lock.sentence
    assert lock.sentence.endswith("on another machine, where this one cannot see it")


@pytest.mark.parametrize("facts", [{"pid": None}, {"timestamp": "yesterday"}, {"timestamp": 5}])
def test_a_file_that_is_none_of_pulumis_locks_nothing(home: Home, facts: dict[str, Any]) -> None:
    locked(home, **facts)
    assert locks.locks(home, "site-a") == []
