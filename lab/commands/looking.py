"""The command that looks: `status`."""

import json

import typer
from rich.console import Console

from lab import environment
from lab.commands.options import Json
from lab.commands.session import sentences
from lab.home import Home, LabError
from lab.stacks import discover


def status(as_json: Json = False) -> None:
    """Show the lab's processes and what stands on it.

    Exit code 0: the lab runs, no process is dead, and everything is Ready, with `--json` too. 1: otherwise.
    """
    from lab.status.screen import show
    from lab.status.survey import survey

    with sentences():
        found = environment.load(Home.default())
        seen = survey(found, discover())
        if as_json:
            typer.echo(json.dumps(seen.document(), indent=2))
        elif found is None:
            raise LabError("The lab does not run: start it with `python -m lab up`.")
        else:
            show(Console(), seen, processes=True)
        if not seen.ok:
            raise typer.Exit(1)
