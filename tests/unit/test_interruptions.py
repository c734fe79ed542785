"""Ctrl-C, SIGTERM and Ctrl-Z while a program works for the lab: real signals to real processes."""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from lab.home import CHECKOUT
from tests.lab.waiting import until

SECONDS = 20
# Says which signals it gets; ends half a second after the first, or after the second where it is patient.
PROGRAM = """
import signal, sys, time
got = []
def take(number, _):
    got.append(number)
    print("got", signal.Signals(number).name, flush=True)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, take)
print("works", flush=True)
while len(got) < int(sys.argv[1]):
    time.sleep(0.01)
time.sleep(0.5)
"""
# As a terminal starts it: whoever runs the tests may ignore some signals (nohup), and a child inherits that.
LAB = """
import signal, subprocess, sys
from lab.stacks.interruptions import Interruptions
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
with Interruptions() as interruptions:
    with interruptions.begin([sys.executable, "-c", *sys.argv[1:]]) as process:
        process.wait()
    print("asked", interruptions.count, flush=True)
    interruptions.end()
"""


@contextmanager
def lab(signals: int = 1, *, terminal: bool = False) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The lab with a program that ends after so many signals, and a descriptor to type on where it has a terminal."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-c", LAB, PROGRAM, str(signals)]
    if terminal:
        # Takes the terminal on standard input for its own.
        line = ["setsid", "--ctty", "--wait", *line]
    with subprocess.Popen(
        line, cwd=CHECKOUT, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, process_group=0
    ) as process:
        members: list[subprocess.Popen[bytes] | psutil.Process] = [process]
        try:
            assert heard(process) == "works"
            members += psutil.Process(process.pid).children(recursive=True)
            yield process, ours
        finally:
            for one in members:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
    os.close(ours)
    os.close(theirs)


def heard(process: subprocess.Popen[bytes]) -> str:
    """The next line."""
    assert process.stdout
    assert select.select([process.stdout], [], [], SECONDS)[0], f"nothing was heard for {SECONDS} s"
    return process.stdout.readline().strip().decode()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_to_the_lab_alone_reaches_the_program_once(number: signal.Signals, code: int) -> None:
    with lab() as (process, _):
        process.send_signal(number)
        assert heard(process) == "got SIGINT"
        assert heard(process) == "asked 1"
        assert process.wait(SECONDS) == code


def test_ctrl_c_on_a_terminal_reaches_the_program_once() -> None:
    with lab(terminal=True) as (process, terminal):
        os.write(terminal, b"\x03")
        assert heard(process) == "got SIGINT"
        assert heard(process) == "asked 1"


def test_ctrl_c_twice_reaches_it_twice() -> None:
    with lab(2, terminal=True) as (process, terminal):
        for _ in range(2):
            os.write(terminal, b"\x03")
            assert heard(process) == "got SIGINT"
        assert heard(process) == "asked 2"


def test_a_third_time_ends_what_does_not_end() -> None:
    with lab(9) as (process, _):
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            assert heard(process) == "got SIGINT"
        process.send_signal(signal.SIGINT)
        assert heard(process) == "asked 3"


def test_the_program_pauses_with_the_lab_and_goes_on_with_it() -> None:
    with lab() as (process, _):
        ours = psutil.Process(process.pid)
        (program,) = ours.children()
        process.send_signal(signal.SIGTSTP)
        until(lambda: {ours.status(), program.status()} == {psutil.STATUS_STOPPED}, SECONDS)
        process.send_signal(signal.SIGCONT)
        until(lambda: psutil.STATUS_STOPPED not in {ours.status(), program.status()}, SECONDS)
        process.send_signal(signal.SIGINT)
        assert heard(process) == "got SIGINT"
        assert heard(process) == "asked 1"
