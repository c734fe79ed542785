"""`python -m bench`: how long the lab and the stacks take, how much memory the lab needs, what the link costs.

Measures on a lab of its own in a temporary folder, with the cache as it is; `--cold` builds the programs once more from
nothing, in caches of its own. Prints a table, or JSON for a script; judges nothing.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import comparison, engine, replication
from bench.comparison import Pair
from bench.figures import Figure, document, table
from lab import binaries, environment
from lab.environment import Environment
from lab.home import Home, LabError
from lab.lines import tell
from lab.progress import Progress, Terminal
from lab.stacks import Runner, Stack, discover

MEBIBYTE = 2**20


def main(
    runs: Annotated[int, typer.Option(help="How often to start a lab from nothing.")] = 3,
    cold: Annotated[bool, typer.Option("--cold", help="Also build the programs from nothing (minutes).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Time the lab and both stacks, measure memory, and replicate with and without the link."""
    figures = [
        Figure("first build", "s", 900, []),
        Figure("lab ready", "s", 20, []),
        Figure("both stacks provisioned", "s", 15, []),
        Figure("memory of the lab at ready (PSS)", "MiB", 1536, []),
    ]
    build, ready, provision, memory = (figure.values for figure in figures)
    pairs: list[Pair] = []
    unchanged: list[Figure] = []
    try:
        with Terminal() as progress:
            if cold:
                with _own_caches():
                    build.append(_seconds(_build, progress))
            _build(progress)
            for number in range(1, runs + 1):
                progress.step(f"lab {number} of {runs}, from nothing")
                with tempfile.TemporaryDirectory() as folder, _lab(folder, progress, ready, memory) as found:
                    stacks = _provision(found, progress, provision)
                    if not unchanged:
                        # One lab is enough: the rounds are in it.
                        unchanged = engine.measure(Runner(found), stacks, _folder(folder, "empty"), progress)
                    publisher, subscriber = stacks
                    pairs += replication.compare(publisher, subscriber, progress)
    except LabError as error:
        tell(f"error: {error}")
        raise typer.Exit(1) from error
    figures += unchanged + comparison.figures(pairs)
    if as_json:
        typer.echo(json.dumps(document(figures), indent=2))
    else:
        console = Console()
        console.print(table(figures, console.width))


class Brief:
    """Of a start only what is awaited: twenty parts that are ready say nothing that is measured here."""

    def __init__(self, progress: Progress) -> None:
        self.step = self.update = progress.update


@contextmanager
def _lab(folder: str, progress: Progress, ready: list[float], memory: list[float]) -> Iterator[Environment]:
    """A lab from nothing, measured, and gone afterwards."""
    home = Home(Path(folder, "lab"))
    try:
        began = time.monotonic()
        found = environment.start(home, progress=Brief(progress))
        ready.append(time.monotonic() - began)
        memory.append(found.memory() / MEBIBYTE)
        progress.step(f"ready after {ready[-1]:.1f} s with {memory[-1]:.0f} MiB")
        os.environ.update(found.environ())
        yield found
    finally:
        environment.stop(home)


def _provision(found: Environment, progress: Progress, seconds: list[float]) -> list[Stack]:
    """Both stacks, up for the first time."""
    runner, stacks = Runner(found), discover()
    began = time.monotonic()
    runner.prepare(stacks)
    for stack in stacks:
        progress.update(f"the first `up` of {stack.name}")
        if runner.run("up", stack, quiet=True):
            raise LabError(f"`up` of {stack.name} failed: run `make up` to see why.")
    seconds.append(time.monotonic() - began)
    progress.step(f"both stacks provisioned in {seconds[-1]:.1f} s")
    return stacks


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent, name)
    folder.mkdir()
    return folder


def _build(progress: Progress) -> None:
    binaries.locate(binaries.PROGRAMS, progress)


@contextmanager
def _own_caches() -> Iterator[None]:
    """Caches with nothing in them, so that a build is the first one."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("RHSI_CACHE", "GOCACHE"):
            os.environ[name] = str(Path(folder, name.lower()))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    began = time.monotonic()
    work(*arguments)
    return time.monotonic() - began


if __name__ == "__main__":
    typer.run(main)
