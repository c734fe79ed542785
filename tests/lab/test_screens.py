"""What a person sees of `python -m lab` on a terminal of 80 and of 140 columns, from a real lab."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.stacks import rotations
from lab.stacks.engine_output import step
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.screens import broken, raw, screen

pytestmark = pytest.mark.lab

WHOLE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
BEGUN_TIME = re.compile(r"\d{4}-\d\d(-|$)")


@pytest.fixture(scope="module", autouse=True)
def numbers(lab: Lab) -> Iterator[None]:
    """The numbers that `rotate` counts up are the lab's: the next module begins with its own."""
    yield
    (lab.home.root / rotations.FILE).unlink(missing_ok=True)


def seen(checkout: Checkout, width: int, *arguments: str) -> list[str]:
    """Run a command on a terminal; what it shows, if nothing was too wide for it but what is meant to be pasted."""
    said = raw([sys.executable, "-m", "lab", *arguments], width, checkout.root)
    to_paste = [line for line in broken(said, width) if re.match(r"\S+ -m lab |export ", line)]
    assert broken(said, width) == to_paste
    shown = screen(said, width)
    for line in shown if not to_paste else []:
        assert len(BEGUN_TIME.findall(line)) <= len(WHOLE_TIME.findall(line)), line
    return shown


def names(checkout: Checkout) -> set[str]:
    """Of the objects that `status` tells of."""
    line = [sys.executable, "-m", "lab", "status", "--json"]
    done = subprocess.run(line, cwd=checkout.root, capture_output=True, text=True, check=False)
    return {one["name"] for one in json.loads(done.stdout)["objects"]}


@pytest.mark.parametrize("width", [80, 140])
def test_a_rotation_and_what_stands_after_it_fit_the_terminal(checkout: Checkout, width: int) -> None:
    shown = seen(checkout, width, "rotate", "--yes")
    steps = [found for line in shown if (found := step(line.replace("…", "a:b:")))]
    assert {"AccessGrant", "Job", "ExternalSecret"} <= {found.type.rpartition(":")[2] for found in steps}
    outputs = [line for line in shown if line.startswith("  ~ ") and " -> " in line]
    assert any(line.startswith("  ~ standbys.site-b.rotation: ") for line in outputs)
    words = {word for line in shown for word in line.split()}
    assert {"create-access-token-from-vault", "rhsi-link-token"} <= words
    assert ("Stack" in words) == (width == 140)

    stands = seen(checkout, width, "status")
    assert names(checkout) <= {word for line in stands for word in line.split()}


def test_a_second_up_says_in_one_line_that_the_lab_is_there(checkout: Checkout) -> None:
    shown = seen(checkout, 80, "up")
    begun = next(number for number, line in enumerate(shown) if line == "up site-a")
    (line,) = (line for line in shown[:begun] if " ready" in line)
    assert re.match(r" +\d\.\d s  the lab is ready in ", line)
    # Nothing has changed, so no outputs are told.
    assert "Outputs:" not in shown
