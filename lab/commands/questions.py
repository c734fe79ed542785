"""What a command asks before it takes something away, and what it says where there is nobody to ask.

Owns the question and the word `--yes`. What would go is told by lab/stacks/deletions.py and by the stacks' states.
"""

import sys
from collections.abc import Sequence

import typer

from lab.home import Home, LabError
from lab.lines import tell
from lab.progress import Terminal
from lab.stacks import Runner, Stack, deletions, state


def look(runner: Runner, stacks: Sequence[Stack], *, yes: bool) -> list[Stack]:
    """Ask before `up` takes databases, other lasting data or a standby's ways in; looks only where something is new.

    Returns:
        The stacks whose plan cannot be made: one that waits for another's `up` may have to be looked at after that.

    Raises:
        LabError: there is nobody to ask, or the answer was no. The lab's copies of the stack files are as they were.
    """
    if yes:
        return []
    try:
        lost, unknown = _plans(runner, stacks)
        if lost:
            agree(f"`up` of {' and '.join(lost)} deletes what cannot be brought back", _listed(lost))
    except BaseException:
        # Refused or interrupted: what a person now types in the lab's shell acts on what stands.
        runner.put_back()
        raise
    return unknown


def _plans(runner: Runner, stacks: Sequence[Stack]) -> tuple[dict[str, list[str]], list[Stack]]:
    """What each stack would lose, and the stacks of which that cannot be told."""
    lost: dict[str, list[str]] = {}
    unknown: list[Stack] = []
    with Terminal() as progress:
        for stack in stacks:
            if not runner.is_new(stack):
                continue
            progress.step(f"{stack.name} has changed since its last `up`: checking what this one would delete")
            plan = runner.plan(stack)
            if plan is None:
                unknown.append(stack)
            elif found := deletions.losses(plan):
                lost[stack.name] = found
    return lost, unknown


def before_destroy(home: Home, stacks: Sequence[Stack], *, exclude_protected: bool, yes: bool) -> None:
    """Ask before `destroy`, and stop where Pulumi's own preview would: at what is protected.

    Raises:
        LabError: something is protected, there is nobody to ask, or the answer was no. Nothing was deleted.
    """
    standing = {stack.name: state.existing(state.resources(home, stack.name)) for stack in stacks}
    protected = {name: [str(resource) for resource in found if resource.protected] for name, found in standing.items()}
    protected = {name: found for name, found in protected.items() if found}
    if protected and not exclude_protected:
        files = " and ".join(stack.file for stack in stacks if stack.name in protected)
        raise LabError(
            "\n".join(
                [
                    "Nothing was deleted, because these are protected:",
                    *_listed(protected),
                    "Keep them: `python -m lab destroy --exclude-protected`. Let them go: write rhsi:protect: false in "
                    f"{files}, then `python -m lab up`, then `python -m lab destroy`.",
                ]
            )
        )
    going = {name: [one for one in found if not one.protected] for name, found in standing.items()}
    going = {name: found for name, found in going.items() if found}
    if going and not yes:
        counts = " and ".join(f"{len(found)} objects of {name}" for name, found in going.items())
        lasting = {name: deletions.lasting(found) for name, found in going.items()}
        agree(f"`destroy` deletes {counts}", _listed({name: found for name, found in lasting.items() if found}))


def agree(what: str, lines: Sequence[str]) -> None:
    """Ask whether to go on.

    Raises:
        LabError: there is nobody to ask, or the answer was no.
    """
    text = "\n".join([f"{what}:" if lines else f"{what}.", *lines])
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LabError(f"{text}\nNothing has been changed: add --yes if that is what you want.")
    tell(text)
    if not typer.confirm("Go on?", err=True):
        raise LabError("Nothing has been changed.")


def _listed(found: dict[str, list[str]]) -> list[str]:
    return [f"  - {name}: {line}" for name, lines in found.items() for line in lines]
