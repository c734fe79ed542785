"""Rotations and soaks on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from lab.rotation.rotate import Rotation
from lab.rotation.soak import Soak
from lab.rotation.timeline import Event

COLOURS = {"created": "green", "deleted": "red"}


def rotations(console: Console, results: Sequence[Rotation]) -> None:
    """A time line for each rotation, and what they come to."""
    for result in results:
        console.print(_time_line(result))
    summary = Table(title="Rotations", expand=False)
    for heading in ("Standby", "Rotation", "Took", "Without a Ready Link", "At the end"):
        summary.add_column(heading, overflow="fold")
    for result in results:
        counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
        colour = "green" if result.ok else "red"
        summary.add_row(
            result.standby,
            str(result.rotation),
            f"{result.took / 1000:.1f} s",
            f"[{colour}]{result.without_link_ms} ms[/]",
            f"[{colour}]{counts}[/]",
        )
    console.print(summary)


def _time_line(result: Rotation) -> Table:
    table = Table(title=f"{result.standby}, rotation {result.rotation}: what existed when")
    table.add_column("ms", justify="right")
    for heading in ("Stack", "Kind", "Name", "Event", "State"):
        table.add_column(heading, overflow="fold")
    for event in result.events:
        table.add_row(*_cells(event))
    return table


def _cells(event: Event) -> tuple[str, ...]:
    what = f"[{COLOURS.get(event.what, 'default')}]{event.what}[/]"
    state = "" if event.what == "deleted" else event.state
    return f"{event.at:.0f}", event.stack, event.kind, event.name, what, state


def soak(console: Console, result: Soak) -> None:
    """The figures of a soak, and what is wrong with it."""
    found = result.document()
    table = Table(title=f"{found['rotations']} rotations")
    table.add_column("Figure")
    for heading in ("First", "Median", "Last", "Highest"):
        table.add_column(heading, justify="right")
    lines = {"a rotation, s": found["seconds"]} | {
        f"memory of {name}, MiB": figures for name, figures in found["memory_mib"].items()
    }
    for name, figures in lines.items():
        table.add_row(name, *(f"{figures.get(key, 0):.1f}" for key in ("first", "median", "last", "highest")))
    console.print(table)
    objects = found["objects"]
    console.print(f"Without a Ready Link: {found['without_ready_link_ms']} ms")
    console.print(f"Objects: {sum(objects['before'].values())} before, {sum(objects['after'].values())} after")
    for name in sorted(objects["before"].keys() | objects["after"].keys()):
        before, after = objects["before"].get(name, 0), objects["after"].get(name, 0)
        if before != after:
            console.print(f"[red]{name}: {before} before, {after} after[/]")
    if not found["memory_flat"]:
        console.print("[red]The lab's memory grew.[/]")
    if found["failed"]:
        console.print(f"[red]Not as they must be: rotations {', '.join(map(str, found['failed']))}[/]")
