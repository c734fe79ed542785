"""How a start or a build tells what it does: in a log without long silences, on a terminal with one short spinner."""

import io
import re
import sys
import threading
from pathlib import Path

import pytest

from lab import progress
from lab.home import CHECKOUT, Home
from lab.progress import Terminal
from lab.servers import supervisor
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor
from tests.screens import raw, screen

HIDE_CURSOR = b"\x1b[?25l"
"""What a spinner begins with."""
QUICK = (
    "from lab.progress import Terminal\nwith Terminal() as told:\n    told.update('looking')\n    told.step('it runs')"
)
LONG = """
import threading
from lab import progress
progress.BEAT_SECONDS = 0.1
with progress.Terminal() as told:
    told.update("waiting for " + "a-server " * 40)
    threading.Event().wait(1)
    told.step("done with the server that is called kube-apiserver-site-a, at 2026-11-27T17:11:45Z, with 26 objects")
"""


class Log(io.StringIO):
    """Tells when so many lines are there."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.full = threading.Event()
        self._lines = lines

    def write(self, text: str) -> int:
        done = super().write(text)
        if self.getvalue().count("\n") >= self._lines:
            self.full.set()
        return done


def test_a_log_has_a_line_again_and_again_whatever_the_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.2)
    log = Log(3)
    with Terminal(log) as told:
        told.step("building kubernetes")
        told.update("kubernetes: 812 packages compiled of at most 900")
        assert log.full.wait(20)
    first, *others = log.getvalue().splitlines()
    assert re.fullmatch(r" +0\.\d s  building kubernetes", first)
    line = r" +\d\.\d s  kubernetes: 812 packages compiled of at most 900( \(\d+ s\))?"
    assert all(re.fullmatch(line, other) for other in others)


def test_what_is_there_already_has_no_spinner() -> None:
    assert HIDE_CURSOR not in raw([sys.executable, "-c", QUICK], 80, CHECKOUT)


@pytest.mark.parametrize("width", [80, 140])
def test_spinner_and_steps_are_as_wide_as_the_terminal(width: int) -> None:
    said = raw([sys.executable, "-c", LONG], width, CHECKOUT)
    assert HIDE_CURSOR in said
    shown = screen(said, width)
    words = " ".join(" ".join(shown).split())
    assert words.endswith(
        "done with the server that is called kube-apiserver-site-a, at 2026-11-27T17:11:45Z, with 26 objects"
    )
    # The spinner is gone, and so is its line.
    assert "waiting" not in words
    assert len(shown) == (2 if width == 80 else 1)


class Told:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, text: str) -> None:
        self.lines.append(text)

    update = step


def test_a_start_says_which_server_it_waits_for_and_that_servers_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LONG_SECONDS", 0.0)
    told = Told()
    starter = Supervisor(Home(tmp_path), told)
    awaited = re.compile(r"waiting for slow, \d s: recovering the log of 3 disks")

    def ready() -> bool:
        return any(awaited.fullmatch(line) for line in told.lines)

    script = "import time; print('recovering the log of 3 disks', flush=True); time.sleep(600)"
    try:
        starter.ensure(
            lambda: Server(name="slow", argv=(sys.executable, "-c", script), environ=plain_environ(), ready=ready)
        )
    finally:
        starter.stop_all()
    assert told.lines[-1] == "slow is ready"
