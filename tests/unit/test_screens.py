"""Screens that need no lab, at 80 and 140 columns: nothing is wider, and no name or time stamp is broken."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from bench.figures import Figure, table
from lab.home import CHECKOUT
from lab.rotation import show
from lab.rotation.rotate import Rotation
from lab.rotation.soak import Soak
from lab.rotation.timeline import Event
from lab.tables import Column, fitted
from tests.screens import broken, raw, screen

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "rotation.json").read_text())
EVENTS = [Event(**event) for event in RECORDED["events"]]
PART_OF_A_TIME = re.compile(r"\d{4}-\d\d(?!-\d\dT\d\d:\d\d:\d\dZ)")
WIDTHS = pytest.mark.parametrize("width", [60, 80, 140])


def rotation(**standing: list[str]) -> Rotation:
    return Rotation(
        standby=RECORDED["standby"],
        rotation=RECORDED["rotation"],
        took=RECORDED["took_ms"],
        events=EVENTS,
        without_link=[],
        standing={**RECORDED["standing"], **standing},
    )


def console(width: int) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, width=width), output


@WIDTHS
def test_a_rotations_time_line_breaks_no_name_and_no_time(width: int) -> None:
    terminal, output = console(width)
    show.rotations(terminal, [rotation()])
    lines = output.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    assert not PART_OF_A_TIME.search(output.getvalue())
    body = lines[2 : 2 + len(EVENTS)]
    for event, line in zip(EVENTS, body, strict=True):
        assert f"  {event.name}  " in line
        assert (event.state in line or event.what == "deleted") or width < 140
        assert (event.stack in line.split()) == (width == 140)


def test_a_rotations_state_stands_at_80_columns_as_far_as_its_words_fit() -> None:
    terminal, output = console(80)
    show.rotations(terminal, [rotation()])
    assert "created  Pending…" in output.getvalue()
    assert "changed  being deleted" in output.getvalue()


def test_a_summary_names_what_is_left_too_much_or_missing() -> None:
    terminal, output = console(80)
    show.rotations(
        terminal, [rotation(), rotation(Link=[], AccessGrant=["rhsi-site-b-grant-7", "rhsi-site-b-grant-8"])]
    )
    assert "one of each kind" in output.getvalue()
    assert "2 AccessGrant, no Link" in output.getvalue()


@WIDTHS
def test_a_soaks_figures_keep_the_names_of_the_processes(width: int) -> None:
    names = ("kube-controller-manager-site-a", "external-secrets-site-b")
    result = Soak(before={}, memory={name: [100.0, 101.5] for name in names}, seconds=[9.1], without_link_ms=[0])
    terminal, output = console(width)
    show.soak(terminal, result)
    assert all(len(line) <= width for line in output.getvalue().splitlines())
    assert all(f"MiB of {name} " in output.getvalue() for name in names)
    assert ("Highest" in output.getvalue()) == (width > 60)


@WIDTHS
def test_a_benchs_figures_keep_their_names_and_medians(width: int) -> None:
    figures = [Figure("preview of an empty program, nothing to do", "s", None, [0.9, 1.2, 1.3])]
    terminal, output = console(width)
    terminal.print(table(figures, width))
    lines = output.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines[-1].startswith(figures[0].name)
    assert "1.20" in lines[-1].split()
    assert ("Minimum" in lines[1]) == (width > 80)


def test_columns_go_in_their_order_and_prose_is_cut_before_the_last_of_them_goes() -> None:
    columns = [
        Column(heading="Name", cells=[Text("x" * 20)]),
        Column(heading="First", cells=[Text("y" * 20)], spare=2),
        Column(heading="Said", cells=[Text("so many words that nobody reads them")], spare=1, is_prose=True),
    ]
    shown = {}
    for width in (100, 70, 45, 25):
        terminal, output = console(width)
        terminal.print(fitted("title", columns, width))
        shown[width] = output.getvalue().splitlines()[2].rstrip()
    name, first = "x" * 20, "y" * 20
    assert shown == {
        100: f"{name}  {first}  so many words that nobody reads them",
        70: f"{name}  {first}  so many words that nobody…",
        45: f"{name}  so many words that…",
        25: name,
    }


@pytest.mark.parametrize("width", [80, 140])
def test_the_help_fits_and_names_every_command(width: int) -> None:
    said = raw([sys.executable, "-m", "lab", "--help"], width, CHECKOUT)
    assert not broken(said, width)
    first_words = {word for line in screen(said, width) for word in line.strip("│ ").split()[:1]}
    assert {"up", "preview", "rotate", "soak", "status", "destroy", "shell", "down", "logs"} <= first_words


def test_a_sentence_breaks_between_its_words_on_a_terminal_and_is_whole_elsewhere() -> None:
    script = "from lab.lines import tell; tell('the grant rhsi-site-b-grant-7 has expired: ' + 'write 8 there, ' * 5)"
    said = raw([sys.executable, "-c", script], 80, CHECKOUT)
    assert not broken(said, 80)
    assert len(screen(said, 80)) == 2
    piped = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert piped.stderr.count("\n") == 1
