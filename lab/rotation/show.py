"""Rotations and soaks on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.rotation.rotate import Rotation
from lab.rotation.soak import Soak
from lab.tables import Column, fitted

COLOURS = {"created": "green", "deleted": "red"}


def rotations(console: Console, results: Sequence[Rotation]) -> None:
    """A time line for each rotation, and what they come to."""
    for result in results:
        console.print(_time_line(result, console.width))
        console.print()
    colours = ["green" if result.ok else "red" for result in results]
    gaps = [f"{result.without_link_ms} ms" for result in results]
    columns = [
        Column(heading="Standby", cells=[Text(result.standby) for result in results]),
        Column(heading="Rotation", cells=[Text(str(result.rotation)) for result in results], right=True),
        Column(heading="Took", cells=[Text(f"{result.took / 1000:.1f} s") for result in results], right=True),
        Column(heading="Without a Ready Link", cells=list(map(Text, gaps, colours)), right=True),
        Column(heading="At the end", cells=list(map(Text, map(_left, results), colours)), is_prose=True),
    ]
    console.print(fitted("Rotations", columns, console.width))


def _time_line(result: Rotation, width: int) -> Table:
    events = result.events
    columns = [
        Column(heading="ms", cells=[Text(f"{event.at:.0f}") for event in events], right=True),
        # Of a grant it is the primary's, of all else the standby's.
        Column(heading="Stack", cells=[Text(event.stack) for event in events], spare=2),
        Column(heading="Kind", cells=[Text(event.kind) for event in events]),
        Column(heading="Name", cells=[Text(event.name) for event in events]),
        Column(heading="Event", cells=[Text(event.what, COLOURS.get(event.what, "")) for event in events]),
        Column(
            heading="State",
            cells=[Text("" if event.what == "deleted" else event.state) for event in events],
            spare=1,
            is_prose=True,
        ),
    ]
    return fitted(f"{result.standby}, rotation {result.rotation}: what existed when", columns, width)


def _left(result: Rotation) -> str:
    """What stands at the end of each counted kind, where it is not one of each."""
    wrong = [f"{count or 'no'} {kind}" for kind, count in result.counts.items() if count != 1]
    return ", ".join(wrong) or "one of each kind"


def soak(console: Console, result: Soak) -> None:
    """The figures of a soak, and what is wrong with it."""
    found = result.document()
    lines = {"seconds of a rotation": found["seconds"]} | {
        f"MiB of {name}": figures for name, figures in found["memory_mib"].items()
    }
    columns = [Column(heading="Figure", cells=list(map(Text, lines)))]
    for name, spare in {"first": 0, "median": 1, "last": 0, "highest": 2}.items():
        cells = [Text(f"{figures.get(name, 0):.1f}") for figures in lines.values()]
        columns.append(Column(heading=name.capitalize(), cells=cells, right=True, spare=spare))
    console.print(fitted(f"{found['rotations']} rotations", columns, console.width))
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
