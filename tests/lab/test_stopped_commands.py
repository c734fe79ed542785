"""`python -m lab up` that a person stops, and one whose server dies: what is said, what is left, and how it goes on."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.link.rotation import grant_name
from lab.servers import process
from lab.stand_ins.skupper.api import SKUPPER
from tests.lab.linked_sites import NAMESPACE, STANDBY, LinkedSites
from tests.lab.outages import SECONDS, Begun, stalled
from tests.lab.waiting import until

pytestmark = pytest.mark.lab


@contextmanager
def up(sites: LinkedSites) -> Iterator[Begun]:
    """`python -m lab up` of the primary, which waits for a grant of the next rotation that nobody makes Ready."""
    sites.next_rotation()
    with tempfile.TemporaryFile("w+") as output, stalled(sites.lab, "skupper"):
        line = [sys.executable, "-m", "lab", "up", "-s", "site-a"]
        with subprocess.Popen(
            line, cwd=sites.checkout.root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True
        ) as command:
            begun = Begun(command, output)
            try:
                until(lambda: "primary-site-b-grant creating" in said(begun), SECONDS)
                until(lambda: granted(sites), SECONDS)
                yield begun
            finally:
                command.kill()


def granted(sites: LinkedSites) -> bool:
    """Whether the grant is there that will not become Ready."""
    grants = sites.kind("site-a", "AccessGrant", SKUPPER).get(namespace=NAMESPACE).items
    return grant_name(STANDBY, sites.rotation) in [grant.metadata.name for grant in grants]


def locks(sites: LinkedSites) -> list[Path]:
    return [file for file in (sites.lab.home.root / "state" / ".pulumi" / "locks").rglob("*.json") if file.is_file()]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_command_that_is_stopped_waits_for_pulumi_and_the_next_one_goes_on(
    sites: LinkedSites, number: signal.Signals, code: int
) -> None:
    with up(sites) as command:
        result = command.end(number)
    assert result.code == code, result.text
    assert result.text.count("^C received") == 1
    assert "Stopping: pulumi finishes what it has begun and keeps its state." in result.text
    assert result.text.rstrip().endswith("Stopped: pulumi has kept its state; `python -m lab up` goes on from there.")
    assert "Traceback" not in result.text
    assert not locks(sites)
    assert "pending_operations" not in sites.state("site-a")
    sites.checkout.up()
    sites.assert_settled()


def test_a_second_ctrl_c_ends_it_at_once_and_says_what_that_means(sites: LinkedSites) -> None:
    with up(sites) as command, stalled(sites.lab, "kube-apiserver-site-a"):
        command.process.send_signal(signal.SIGINT)
        until(lambda: "Stopping: pulumi finishes" in said(command), SECONDS)
        # It waits for a server that does not answer.
        assert command.outlasts(2)
        result = command.end(signal.SIGINT)
    assert result.code == 130, result.text
    assert "^C received; terminating" in result.text
    assert "may exist without its state knowing" in result.text
    assert not locks(sites)
    # It says so, and goes on; then the command that it names clears that.
    sites.checkout.up()
    refreshed = sites.checkout.run("refresh", "site-a", "--clear-pending-creates")
    assert refreshed.code == 0, refreshed.text
    sites.assert_settled()


def said(command: Begun) -> str:
    """What it has printed so far; the file's own place is where the command writes."""
    return os.pread(command.output.fileno(), 1_000_000, 0).decode()


def test_a_wait_for_a_dead_server_ends_with_its_name_and_the_command(sites: LinkedSites) -> None:
    with up(sites) as command:
        process.stop((one for one in sites.lab.environment.processes() if one.name == "kube-apiserver-site-a"), grace=0)
        result = command.end()
    assert result.code == 1, result.text
    assert re.search(r"error: kube-apiserver-site-a is dead, .* Type `python -m lab up`\.$", result.text.rstrip())
    assert "Traceback" not in result.text
    assert not locks(sites)
    again = subprocess.run(
        [sys.executable, "-m", "lab", "up"], cwd=sites.checkout.root, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    sites.assert_settled()


def test_a_silence_says_what_is_awaited_and_why_it_does_not_come(sites: LinkedSites) -> None:
    with up(sites) as command:
        until(lambda: "10 s: waiting for AccessGrant primary-site-b-grant (" in said(command), SECONDS)
        assert "skupper is held by a signal" in said(command)
        command.end(signal.SIGINT)
    sites.checkout.up()
    sites.assert_settled()
