"""The commands that rotate: `rotate` once and look, `soak` many times and measure."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from lab.commands.options import Json, Standby, Yes
from lab.commands.session import awaited_on, checked, sentences, whole_lab
from lab.environment import Environment
from lab.home import Home
from lab.progress import Terminal
from lab.stacks import discover


def rotate(
    standby: Standby = None,
    times: Annotated[int, typer.Option(min=1, help="How often, one after the other.")] = 1,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Rotate standbys and show what existed when; fails where no Ready Link existed for a moment.

    Counts on from the higher one of the stack file's number and what stands; the stack file stays as it is, and the
    next `up` says which number it uses.
    """
    from lab.rotation import show
    from lab.rotation.rotate import Rotator

    with sentences():
        found = ready_to_rotate(standby or [], yes=yes)
        with Rotator(found, standby or [], output=sys.stderr, awaited=awaited_on(found)) as rotator:
            results = [result for _ in range(times) for result in rotator.rotate()]
    if as_json:
        typer.echo(json.dumps([result.document() for result in results], indent=2))
    else:
        show.rotations(Console(), results)
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def soak(
    rotations: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    standby: Standby = None,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Rotate again and again; fails where a Link was missing, objects pile up or memory grows."""
    from lab.rotation import show
    from lab.rotation.rotate import Rotator
    from lab.rotation.soak import soak as soak_lab

    with sentences():
        found = ready_to_rotate(standby or [], yes=yes)
        log = Home(found.root).logs / "soak.log"
        with log.open("w") as output, Rotator(found, standby or [], output=output) as rotator, Terminal() as progress:
            result = soak_lab(found, rotator, rotations, progress)
    if as_json:
        typer.echo(json.dumps(result.document(), indent=2))
    else:
        show.soak(Console(), result)
    if not result.ok:
        raise typer.Exit(1)


def ready_to_rotate(names: list[str], *, yes: bool) -> Environment:
    """The lab, once nothing speaks against a rotation of these standbys; nothing is counted before.

    Raises:
        LabError: something does.
    """
    from lab.commands.questions import look
    from lab.commands.session import prepared
    from lab.rotation.rotate import chosen
    from lab.stacks import locks

    stacks = discover()
    primary, standbys = chosen(stacks, names)
    found = whole_lab()
    checked(stacks)
    locks.refuse_locked(Home(found.root), [stack.name for stack in (primary, *standbys)])
    look(prepared(found), [primary, *standbys], yes=yes)
    return found
