"""What the commands of `python -m lab` begin with: the lab, a runner of its stacks, sentences instead of tracebacks."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.text import Text

from lab import binaries, environment, preflight
from lab.environment import Environment
from lab.home import Home, LabError
from lab.lines import tell
from lab.progress import Terminal
from lab.servers import PARTS
from lab.stacks import Runner, Stack, discover, locks, settings


@contextmanager
def sentences() -> Iterator[None]:
    """Ends the command with a LabError's sentence; whatever else fails while a server is dead is a sentence too."""
    try:
        yield
    except LabError as error:
        _say(str(error))
        raise typer.Exit(1) from error
    except Exception as error:
        found = environment.load(Home.default())
        if found is None or isinstance(error, typer.Exit | typer.Abort) or not (told := _restart(found)):
            raise
        _say(told)
        raise typer.Exit(1) from error


def _say(text: str) -> None:
    tell(Text.assemble(("error:", "red"), f" {text}"))


def _restart(found: Environment) -> str:
    from lab.status.dead import restart

    return restart(found)


def checked(stacks: list[Stack], without: list[str] | None = None, *, bare: bool = False) -> None:
    """Let the program say what is wrong with the settings of these stacks, all of the checkout, before anything starts.

    Raises:
        LabError: with every mistake.
    """
    home = Home.default()
    found = environment.load(home)
    if found is None or not settings.are_known(stacks, found):
        settings.check(stacks, found or settings.provisional(home, parts(without), bare=bare))


def parts(without: list[str] | None) -> frozenset[str]:
    """The parts to leave out, as they stand on the command line."""
    return frozenset(part for option in without or [] for part in option.split(",") if part)


def chosen_stacks(names: list[str] | None) -> list[Stack]:
    """The stacks of these names, primaries first; all of them without names.

    Raises:
        LabError: there is no stack of a name.
    """
    stacks = discover()
    if unknown := sorted(set(names or []) - {stack.name for stack in stacks}):
        raise LabError(
            f"There is no stack {unknown[0]!r}: the checkout has {', '.join(stack.name for stack in stacks)}; "
            f"add Pulumi.{unknown[0]}.yaml for another."
        )
    return [stack for stack in stacks if not names or stack.name in names]


def start(without: list[str] | None, *, bare: bool = False) -> Environment:
    """The lab, with what was missing of it started; `without` as on the command line, None for "as it stands".

    A lab that stands is bare if it was started so; `bare` makes a new one so, and is refused by another that stands.

    Raises:
        LabError: it cannot be started, or not on this machine.
    """
    standing = environment.load(Home.default())
    if standing is None:
        preflight.check(frozenset(PARTS) - parts(without))
    with Terminal() as progress:
        if standing is None and (recipes := binaries.unbuilt(binaries.PROGRAMS)):
            progress.step(f"{len(recipes)} builds come first, once: {binaries.about(*recipes)}")
        # Whoever starts the lab says once what to leave out; the other commands take it as it stands.
        left_out = standing.without if standing and without is None else parts(without)
        is_bare = bare or (standing is not None and standing.bare)
        found = environment.start(Home.default(), left_out, progress=progress, bare=is_bare)
        progress.step(f"the lab is ready in {found.root}")
    os.environ.update(found.environ())
    return found


def standing_lab() -> Environment:
    """The lab that stands.

    Raises:
        LabError: there is none.
    """
    found = environment.load(Home.default())
    if found is None:
        raise LabError("The lab does not run: start it with `python -m lab up`.")
    os.environ.update(found.environ())
    return found


def whole_lab() -> Environment:
    """The lab that stands, with every server.

    Raises:
        LabError: there is none, or a server is dead.
    """
    found = standing_lab()
    if told := _restart(found):
        raise LabError(told)
    return found


def prepared(found: Environment) -> Runner:
    """A runner whose stacks exist and have the settings of the checkout's stack files."""
    runner = runner_of(found)
    runner.prepare(discover())
    return runner


def runner_of(found: Environment) -> Runner:
    """A runner on this lab; the first one may have to build `pulumi`."""
    with Terminal() as progress:
        return Runner(found, progress=progress, awaited=awaited_on(found))


def awaited_on(found: Environment) -> Callable[[Stack], str]:
    """What a stack of this lab waits for, in a sentence."""

    def ask(stack: Stack) -> str:
        from lab.status.awaited import awaited

        return awaited(found, stack)

    return ask


def for_a_shell(found: Environment) -> Runner:
    """A runner whose stacks exist; what a person changed in the lab's copies of their files stays."""
    runner, stacks = runner_of(found), discover()
    if not runner.knows(stacks):
        runner.prepare(stacks)
    return runner


def on_stacks(action: str, stacks: Sequence[Stack], runner: Runner, arguments: list[str]) -> None:
    """Run an action on stacks, one after the other; the first that fails ends the command with its exit code.

    Raises:
        LabError: the run was killed and has left its lock behind.
    """
    for stack in stacks:
        typer.echo(f"\n{action} {stack.name}", err=True)
        if code := runner.run(action, stack, arguments):
            locks.refuse_locked(runner.home, [stack.name])
            # As a shell counts who died of a signal.
            raise typer.Exit(code if code > 0 else 128 - code)
