"""The command `status`."""

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep as pause
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ops.project import ProjectError, chosen, short_name, stack_file, stack_names
from ops.status import screen
from ops.status.advice import Advice
from ops.status.place import Standing
from ops.status.places import standing
from ops.status.row import Row
from ops.status.survey import Next, Status, survey

USAGE = 2
"""The exit code of a mistake on the command line."""

WATCH_SECONDS = 5.0
"""Between two looks of `--watch`."""


def status(
    stack: Annotated[
        list[str] | None,
        typer.Option("--stack", "-s", help="Show this stack; repeatable. Without it, every Pulumi.<stack>.yaml."),
    ] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="The project folder.")] = Path(),
) -> None:
    """Show what stands on the clusters: sites, grants, links, secrets, databases and their replication.

    Each line that is not Ready says why; below them are the next commands. Only looks. Needs KUBECONFIG; the settings
    come from `pulumi`, or else from the stack's file. Replication is measured by `psql` in the databases' own pods, so
    without any password.

    Exit codes: 0 everything is Ready; 1 something is not, or cannot be seen; 2 a mistake on the command line. With
    `--watch` the last look decides.
    """
    if watch and as_json:
        raise typer.BadParameter("leave --json out: --watch is for people.", param_hint="--watch")
    try:
        names = chosen(cwd, stack or [])
        others = [name for name in stack_names(cwd) if name not in map(short_name, names)]
    except ProjectError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(USAGE) from error
    look = _Look(cwd, names, others)
    if watch:
        seen = _watched(look)
    else:
        seen = look.once()
        if as_json:
            typer.echo(json.dumps(seen.document(), indent=2))
        else:
            console = Console()
            screen.show(console, [*screen.table(seen, console.width), *screen.commands(seen, console.width)])
    raise typer.Exit(0 if seen.ok else 1)


class _Look:
    """The clusters are asked at every look; the settings are read again when somebody has changed a stack's file."""

    def __init__(self, project: Path, shown: Sequence[str], others: Sequence[str]) -> None:
        self._project, self._names, self._others = project, shown, others
        self._advice = Advice("" if project.resolve() == Path.cwd() else str(project))
        self._read()

    def once(self) -> Status:
        """What stands now, below the stacks that cannot be looked at."""
        if self._files != self._contents():
            self._read()
        found = survey(self._shown, self._advice, beside=self._beside)
        doctor = [Next(self._advice.doctor(row.stack), f"{row.kind} {row.name}") for row in self._without]
        return replace(found, rows=[*self._without, *found.rows], next=[*doctor, *found.next])

    def _contents(self) -> list[bytes | None]:
        return [_content(stack_file(self._project, name)) for name in (*self._names, *self._others)]

    def _read(self) -> None:
        self._files = self._contents()
        shown, others = standing(self._project, self._names), standing(self._project, self._others)
        self._shown = [one for one in shown if isinstance(one, Standing)]
        self._without = [one for one in shown if isinstance(one, Row)]
        environments = {one.place.environment for one in self._shown}
        # What a stack depends on is asked even where it is not shown; why it cannot be is its own stack's business.
        self._beside = [one for one in others if isinstance(one, Standing) and one.place.environment in environments]
        for one in self._shown:
            if one.note:
                typer.echo(f"note: {one.note}", err=True)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _watched(look: _Look) -> Status:
    """The last look, once somebody has pressed Ctrl-C."""
    seen = Status()
    console = Console()
    # What is no terminal, such as a file, has every look below the last one.
    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        try:
            while True:
                seen = look.once()
                at = Text(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", style="dim")
                # A line is kept for the time, and one for the cursor.
                lines = [at, *screen.fitted(seen, console.width, console.height - 2 if live else sys.maxsize)]
                if live:
                    live.update(Group(*lines), refresh=True)
                else:
                    screen.show(console, lines)
                pause(WATCH_SECONDS)
        except KeyboardInterrupt:
            return seen
