"""`python -m lab`: the lab and both stacks in one command each.

Owns the command line and its exit codes: 0 done, 1 a sentence on standard error says why not; a failed `pulumi` gives
its own. Progress goes to standard error, results to standard output.
"""

import json
import os
import subprocess
import sys
from typing import Annotated

import typer
from rich.console import Console

from lab import environment
from lab.home import Home, LabError
from lab.progress import Terminal
from lab.servers import PARTS
from lab.session import chosen_stacks, for_a_shell, on_stacks, prepared, sentences, standing_lab, start
from lab.stacks import Runner, discover

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Two linked sites on this machine: real API servers, OpenBao and External Secrets, and this program on them.",
)
links = typer.Typer(no_args_is_help=True, help="Cut and restore the network between the sites.")
app.add_typer(links, name="link")

Without = Annotated[
    list[str] | None,
    typer.Option(help=f"Leave out parts, where the real thing stands in their place: {', '.join(PARTS)}."),
]
Only = Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only these stacks; all of them by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Standby = Annotated[list[str] | None, typer.Option(help="Only these standbys; all of them by default.")]
"""Options that several commands share."""

SHELL_HINTS = """  pulumi preview -s site-a          pulumi stack output -s site-b
  kubectl --context site-b get links -n rhsi
  bao kv list rhsi/site-b"""


@app.command()
def up(
    without: Without = None,
    stack: Only = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Compare with the clusters first.")] = False,
    no_stacks: Annotated[bool, typer.Option("--no-stacks", help="Start the lab and leave the stacks alone.")] = False,
) -> None:
    """Start what is missing of the lab, bring the stacks up, and show what stands."""
    from lab.status import screen
    from lab.status.survey import survey

    with sentences():
        found = start(without)
        if no_stacks:
            return
        stacks, runner = discover(), prepared(found)
        on_stacks("up", chosen_stacks(stack), runner, ["--refresh"] if refresh else [])
        screen.show(Console(), survey(found, stacks))


@app.command()
def preview(
    without: Without = None,
    stack: Only = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Compare with the clusters first.")] = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Fail where anything would change.")
    ] = False,
) -> None:
    """Show what `up` would do to the stacks; changes nothing. Starts the lab if need be."""
    with sentences():
        runner = prepared(start(without))
        arguments = [*(["--refresh"] if refresh else []), *(["--expect-no-changes"] if expect_no_changes else [])]
        on_stacks("preview", chosen_stacks(stack), runner, arguments)


@app.command()
def rotate(
    standby: Standby = None,
    times: Annotated[int, typer.Option(min=1, help="How often, one after the other.")] = 1,
    as_json: Json = False,
) -> None:
    """Rotate standbys and show what existed when; fails where no Ready Link existed for a moment."""
    from lab.rotation import show
    from lab.rotation.rotate import Rotator

    with sentences(), Rotator(standing_lab(), standby or [], output=sys.stderr) as rotator:
        results = [result for _ in range(times) for result in rotator.rotate()]
    if as_json:
        typer.echo(json.dumps([result.document() for result in results], indent=2))
    else:
        show.rotations(Console(), results)
    if not all(result.ok for result in results):
        raise typer.Exit(1)


@app.command()
def soak(
    rotations: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    standby: Standby = None,
    as_json: Json = False,
) -> None:
    """Rotate again and again; fails where a Link was missing, objects pile up or memory grows."""
    from lab.rotation import show
    from lab.rotation.rotate import Rotator
    from lab.rotation.soak import soak as soak_lab

    with sentences():
        found = standing_lab()
        log = Home(found.root).logs / "soak.log"
        with log.open("w") as output, Rotator(found, standby or [], output=output) as rotator, Terminal() as progress:
            result = soak_lab(found, rotator, rotations, progress)
    if as_json:
        typer.echo(json.dumps(result.document(), indent=2))
    else:
        show.soak(Console(), result)
    if not result.ok:
        raise typer.Exit(1)


@links.command("cut")
def cut_links(standby: Standby = None) -> None:
    """Cut the links: connections are reset and no new ones cross, until `restore`."""
    from lab import link
    from lab.rotation.rotate import chosen

    with sentences():
        for name in link.cut(standing_lab(), chosen(discover(), standby or [])[1]):
            typer.echo(f"{name} is cut")


@links.command("restore")
def restore_links(standby: Standby = None) -> None:
    """Restore the links that `cut` has cut."""
    from lab import link
    from lab.rotation.rotate import chosen

    with sentences():
        for name in link.restore(standing_lab(), chosen(discover(), standby or [])[1]):
            typer.echo(f"{name} is whole")


@app.command()
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


@app.command()
def destroy(
    stack: Only = None,
    exclude_protected: Annotated[bool, typer.Option("--exclude-protected", help="Leave protected resources.")] = False,
) -> None:
    """Destroy the stacks, standbys first; the lab itself stays up.

    Databases that replicate part first, while each can still tell the other: docs/runbook.md, "Turn it off".
    """
    from lab.status import replication

    with sentences():
        found, stacks = standing_lab(), discover()
        runner = Runner(found)
        if not stack and replication.is_subscribed(found, stacks):
            runner.prepare(stacks, subscribe=False)
            on_stacks("up", stacks, runner, [])
        runner.prepare(stacks)
        arguments = ["--exclude-protected"] if exclude_protected else []
        on_stacks("destroy", list(reversed(chosen_stacks(stack))), runner, arguments)


@app.command(context_settings={"allow_interspersed_args": False})
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


@app.command("env")
def env_() -> None:
    """Print the same environment as exports, and the folder: `eval "$(python -m lab env)"`. It holds secrets."""
    from lab import shell as shells

    with sentences():
        found = standing_lab()
        runner = for_a_shell(found)
        with Terminal() as progress:
            variables = shells.environ(Home(found.root), runner, progress)
    typer.echo(shells.exports(variables, runner.project))


@app.command()
def down() -> None:
    """Stop every process of the lab and forget its state."""
    with sentences(), Terminal() as progress:
        environment.stop(Home.default(), progress)
        progress.step("the lab does not run any more")


@app.command()
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
