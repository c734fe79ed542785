"""The commands with which a person looks at the lab and works on it, and the one that stops it."""

import json
import os
import subprocess
from typing import Annotated

import typer
from rich.console import Console

from lab import environment
from lab.commands.options import Json
from lab.commands.session import for_a_shell, sentences, standing_lab
from lab.home import Home, LabError
from lab.progress import Terminal
from lab.stacks import discover

SHELL_HINTS = """  pulumi preview -s site-a          pulumi stack output -s site-b
  kubectl --context site-b get links -n rhsi
  bao kv list rhsi/site-b"""


def status(as_json: Json = False) -> None:
    """Show the lab's processes and what stands on it; exit code 0 only where all of it is Ready."""
    from lab.status import screen
    from lab.status.survey import survey

    with sentences():
        found = environment.load(Home.default())
        if found:
            os.environ.update(found.environ())
        seen = survey(found, discover())
        if as_json:
            typer.echo(json.dumps(seen.document(), indent=2))
        elif found is None:
            typer.echo("The lab does not run: start it with `python -m lab up`.")
        else:
            screen.show(Console(), seen, processes=True)
    if not seen.ok:
        raise typer.Exit(1)


def shell(
    command: Annotated[list[str] | None, typer.Argument(help="Run this instead, such as `-- pulumi preview`.")] = None,
) -> None:
    """Open a shell in which pulumi, kubectl, bao and psql work on the lab, or run one command in it."""
    from lab import shell as shells

    with sentences():
        found = standing_lab()
        runner = for_a_shell(found)
        with Terminal() as progress:
            variables = shells.environ(Home(found.root), runner, progress)
        line = command or [os.environ.get("SHELL", "/bin/sh")]
        if command is None:
            typer.echo(
                f"The lab's project is in {runner.project}: the program, and stack files with the lab's addresses. "
                "What you change in them stays until `python -m lab up` writes them anew. Try:",
                err=True,
            )
            typer.echo(SHELL_HINTS, err=True)
    raise typer.Exit(subprocess.run(line, cwd=runner.project, env={**os.environ, **variables}, check=False).returncode)


def env() -> None:
    """Print the same environment as exports, and the folder: `eval "$(python -m lab env)"`. It holds secrets."""
    from lab import shell as shells

    with sentences():
        found = standing_lab()
        runner = for_a_shell(found)
        with Terminal() as progress:
            variables = shells.environ(Home(found.root), runner, progress)
    typer.echo(shells.exports(variables, runner.project))


def logs(
    name: Annotated[
        str, typer.Argument(help="A process of the lab, or a pod, Job or StatefulSet; none lists all.")
    ] = "",
) -> None:
    """Print the log of a process of the lab, or what a pod, or those of a Job or StatefulSet, printed."""
    from lab.stand_ins.pods import logs as pod_logs

    with sentences():
        found = standing_lab()
        known = {process.name: process.log for process in found.processes()}
        if not name:
            typer.echo("\n".join(known))
        elif name in known:
            typer.echo(known[name].read_text(errors="replace"), nl=False)
        else:
            runs = [
                (stack, run)
                for stack in discover()
                for run in pod_logs.read(Home(found.root), stack.context, stack.namespace, name)
            ]
            if not runs:
                raise LabError(
                    f"Nothing is called {name!r}: the processes are {', '.join(known)}; or name a pod or its owner."
                )
            for stack, (pod, container, text) in runs:
                typer.echo(f"--- {stack.name} {stack.namespace}/{pod} {container}\n{text}", nl=False)


def down() -> None:
    """Stop every process of the lab and forget its state."""
    with sentences(), Terminal() as progress:
        environment.stop(Home.default(), progress)
        progress.step("the lab does not run any more")
