"""The commands with which a person works on the lab as on a real system, and the one that stops it.

`shell`, `kubectl` and `psql` become the program that they run: keys such as Ctrl-C reach that program alone.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, NoReturn

import typer

from lab import environment
from lab.commands.session import chosen_stacks, for_a_shell, prepared, sentences, standing_lab
from lab.home import Home, LabError
from lab.lines import tell
from lab.progress import Terminal

SHELL_HINTS = """  pulumi preview -s site-a          pulumi stack output -s site-b
  kubectl --context site-b get links -n rhsi
  bao kv list rhsi/site-b"""


def shell(
    command: Annotated[list[str] | None, typer.Argument(help="Run this instead, such as `-- pulumi preview`.")] = None,
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Write the lab's stack files anew from the checkout's first, as `up` does.")
    ] = False,
) -> None:
    """Open a shell in which pulumi, kubectl, bao and psql work on the lab, or run one command in it."""
    from lab import shell as shells

    with sentences():
        found = standing_lab()
        runner = prepared(found) if fresh else for_a_shell(found)
        with Terminal() as progress:
            variables = shells.environ(Home(found.root), runner, progress)
        line = command or [os.environ.get("SHELL", "/bin/sh")]
        if command is None:
            tell(
                f"The lab's project is in {runner.project}: the program, and stack files with the lab's addresses. "
                f"What you change in them stays until `python -m lab up` writes them anew. Try:\n{SHELL_HINTS}"
            )
        os.chdir(runner.project)
        become(line, {**os.environ, **variables})


def env() -> None:
    """Print the same environment as exports, and the folder: `eval "$(python -m lab env)"`. It holds secrets."""
    from lab import shell as shells

    with sentences():
        found = standing_lab()
        runner = for_a_shell(found)
        with Terminal() as progress:
            variables = shells.environ(Home(found.root), runner, progress)
    typer.echo(shells.exports(variables, runner.project))


def kubectl(context: typer.Context) -> None:
    """Run kubectl on the lab's clusters: all arguments are kubectl's, such as `--context site-b get pods -A`."""
    from lab.binaries import locate

    with sentences(), Terminal() as progress:
        found = standing_lab()
        program = locate(["kubectl"], progress)["kubectl"]
    with sentences():
        become([str(program), *context.args], {**os.environ, "KUBECONFIG": found.kubeconfig})


def psql(
    site: Annotated[str, typer.Argument(help="A site or its stack.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="For psql, such as `-- -c 'SELECT 1'`.")] = None,
    replicated: Annotated[
        bool, typer.Option("--replicated", help="The database that replicates both ways, as its superuser.")
    ] = False,
) -> None:
    """Open a psql prompt on a site's database; a standby's is read-only."""
    from lab import databases
    from lab.binaries.postgresql import postgresql

    with sentences():
        stacks = chosen_stacks(None)
        named = [stack for stack in stacks if site in (stack.name, stack.site)]
        if not named:
            known = ", ".join(stack.name for stack in stacks)
            raise LabError(f"There is no site {site!r}: the checkout's sites are {known}.")
        found = standing_lab()
        database = databases.of(found, named[0], replicated=replicated)
        with Terminal() as progress:
            program = postgresql(progress) / "bin" / "psql"
        become([str(program), *(arguments or [])], {**os.environ, **database.environ()})


def logs(
    name: Annotated[
        str, typer.Argument(help="A process of the lab, or a pod, Job or StatefulSet; none lists all.")
    ] = "",
) -> None:
    """Print the log of a process of the lab, or what a pod, or those of a Job or StatefulSet, printed."""
    from lab.stacks import discover
    from lab.stand_ins.pods import logs as pod_logs
    from lab.status.clusters import namespaces

    with sentences():
        found = standing_lab()
        known = {process.name: process.log for process in found.processes()}
        if not name:
            typer.echo("\n".join(known))
        elif name in known:
            typer.echo(known[name].read_text(errors="replace"), nl=False)
        else:
            runs = [
                (stack, namespace, run)
                for stack in discover()
                for namespace in namespaces(stack)
                for run in pod_logs.read(Home(found.root), stack.context, namespace, name)
            ]
            if not runs:
                raise LabError(
                    f"Nothing is called {name!r}: the processes are {', '.join(known)}; or name a pod or its owner."
                )
            for stack, namespace, (pod, container, text) in runs:
                typer.echo(f"--- {stack.name} {namespace}/{pod} {container}\n{text}", nl=False)


def down() -> None:
    """Stop every process of the lab and forget its state."""
    with sentences(), Terminal() as progress:
        environment.stop(Home.default(), progress)
        progress.step("the lab does not run any more")


def become(line: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    """Let another program take the place of this one.

    Raises:
        LabError: it cannot be executed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(line[0], list(line), dict(variables))  # noqa: S606 - a list needs no shell
    except OSError as error:
        raise LabError(f"{line[0]!r} cannot be run ({error.strerror}): see `python -m lab shell --help`.") from error
