"""The commands that run Pulumi on the stacks: `up`, `preview`, `destroy`."""

from typing import Annotated

import typer
from rich.console import Console

from lab.commands.options import Only, Refresh, Without
from lab.commands.session import chosen_stacks, on_stacks, prepared, runner_of, sentences, standing_lab, start
from lab.stacks import discover


def up(
    without: Without = None,
    stack: Only = None,
    refresh: Refresh = False,
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


def preview(
    without: Without = None,
    stack: Only = None,
    refresh: Refresh = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Fail where anything would change.")
    ] = False,
) -> None:
    """Show what `up` would do to the stacks; changes nothing. Starts the lab if need be."""
    with sentences():
        runner = prepared(start(without))
        arguments = [*(["--refresh"] if refresh else []), *(["--expect-no-changes"] if expect_no_changes else [])]
        on_stacks("preview", chosen_stacks(stack), runner, arguments)


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
        runner = runner_of(found)
        if not stack and replication.is_subscribed(found, stacks):
            runner.prepare(stacks, subscribe=False)
            on_stacks("up", stacks, runner, [])
        runner.prepare(stacks)
        arguments = ["--exclude-protected"] if exclude_protected else []
        on_stacks("destroy", list(reversed(chosen_stacks(stack))), runner, arguments)
