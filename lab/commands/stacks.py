"""The commands that run Pulumi on the stacks: `up`, `preview`, `destroy`, `cancel`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lab.commands.options import Bare, Only, Refresh, Without, Yes
from lab.commands.session import (
    checked,
    chosen_stacks,
    on_stacks,
    prepared,
    runner_of,
    sentences,
    standing_lab,
    start,
    whole_lab,
)
from lab.home import Home, LabError
from lab.lines import tell
from lab.progress import Terminal
from lab.stacks import Runner, Stack, discover, locks, rotations

if TYPE_CHECKING:
    from lab.status.survey import Status

SETTLE_SECONDS = 120.0
"""How long `up` waits for what Pulumi does not wait for, such as a standby that is being copied."""


def up(
    without: Without = None,
    stack: Only = None,
    refresh: Refresh = False,
    no_stacks: Annotated[bool, typer.Option("--no-stacks", help="Start the lab and leave the stacks alone.")] = False,
    yes: Yes = False,
    *,
    bare: Bare = False,
) -> None:
    """Start what is missing of the lab, bring the stacks up, and show what stands and what to do next.

    Asks before it deletes a database, other lasting data or a standby's ways in. Exit code 0: everything is Ready; with
    `--stack` and `--no-stacks`, what was asked for is up. 1: something is not Ready, or a sentence says why nothing was
    done. Otherwise the exit code of the `pulumi` that failed.
    """
    from lab.commands.next_steps import block, next_steps
    from lab.status.screen import show
    from lab.status.survey import survey

    with sentences():
        stacks, chosen = discover(), chosen_stacks(stack)
        if no_stacks:
            start(without, bare=bare)
            return
        checked(stacks, without, bare=bare)
        found = start(without, bare=bare)
        home = Home(found.root)
        locks.refuse_locked(home, [one.name for one in chosen])
        primaries = [one for one in chosen if one.is_primary]
        for line in (line for primary in primaries for line in rotations.ahead(home, primary)):
            tell(line)
        _bring_up(prepared(found), chosen, ["--refresh"] if refresh else [], yes=yes)
        for primary in primaries:
            rotations.forget_reached(home, primary)
        status = survey(found, stacks) if stack else _settle(lambda: survey(found, stacks))
        show(Console(), status)
        typer.echo(f"\nWhat next:\n\n{block(next_steps(found, stacks))}")
        if not (stack or status.ok):
            raise typer.Exit(1)


def _bring_up(runner: Runner, stacks: Sequence[Stack], arguments: list[str], *, yes: bool) -> None:
    from lab.commands.questions import look

    unseen = look(runner, stacks, yes=yes)
    for stack in stacks:
        # Its plan could not be made before: the stacks before it were not up, or something is wrong, which `preview`
        # says in its own words.
        if stack in unseen and look(runner, [stack], yes=yes):
            on_stacks("preview", [stack], runner, [])
        on_stacks("up", [stack], runner, arguments)


def _settle(look: "Callable[[], Status]") -> "Status":
    """What stands once all of it is Ready, a server is dead, or it has taken too long."""
    from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

    with Terminal() as progress:

        def say(state: RetryCallState) -> None:
            rows = state.outcome.result().rows if state.outcome else []
            missing = [f"{row.kind} {row.name} of {row.stack}" for row in rows if not row.ready]
            progress.update(f"waiting for {', '.join(missing)} to be Ready")

        wait = Retrying(
            stop=stop_after_delay(SETTLE_SECONDS),
            wait=wait_fixed(1),
            retry=retry_if_result(lambda status: status.running and status.not_ready > 0),
            before_sleep=say,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        found: Status = wait(look)
        return found


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
        stacks, chosen = discover(), chosen_stacks(stack)
        checked(stacks, without)
        found = start(without)
        locks.refuse_locked(Home(found.root), [one.name for one in chosen])
        arguments = [*(["--refresh"] if refresh else []), *(["--expect-no-changes"] if expect_no_changes else [])]
        on_stacks("preview", chosen, prepared(found), arguments)


def destroy(
    stack: Only = None,
    exclude_protected: Annotated[bool, typer.Option("--exclude-protected", help="Leave protected resources.")] = False,
    yes: Yes = False,
) -> None:
    """Destroy the stacks, standbys first, after a question; the lab itself stays up.

    Deletes nothing where something is protected, unless told to leave that. Replicating databases end their replication
    first, while each can still tell the other: 'Turn it off, and remove it' in docs/databases/replicated.md.
    """
    from lab.commands.questions import before_destroy
    from lab.status.clusters import subscribed

    with sentences():
        stacks, chosen = discover(), list(reversed(chosen_stacks(stack)))
        found = whole_lab()
        home = Home(found.root)
        locks.refuse_locked(home, [one.name for one in chosen])
        before_destroy(home, chosen, exclude_protected=exclude_protected, yes=yes)
        runner = runner_of(found)
        if not stack and subscribed(found, stacks):
            runner.prepare(stacks, subscribe=False)
            on_stacks("up", stacks, runner, [])
        runner.prepare(stacks)
        on_stacks("destroy", chosen, runner, ["--exclude-protected"] if exclude_protected else [])


def cancel(stack: Only = None) -> None:
    """Remove the lock that a killed run has left on stacks; refused as long as that run lives."""
    with sentences():
        chosen, found = chosen_stacks(stack), standing_lab()
        home = Home(found.root)
        locked = [one for one in chosen if locks.locks(home, one.name)]
        if not locked:
            raise LabError(f"No run holds {' or '.join(one.name for one in chosen)}: there is nothing to cancel.")
        for one in locked:
            locks.refuse_held(home, one.name)
        runner = runner_of(found)
        for one in locked:
            runner.cancel(one)
            typer.echo(f"{one.name} is free: `python -m lab up` goes on from where the run was killed")
