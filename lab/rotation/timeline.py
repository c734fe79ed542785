"""What existed when: events of objects, and what can be concluded from them alone.

Pure arithmetic on milliseconds since the watches began; knows no cluster and no kind but by its name.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

What = Literal["stood", "created", "changed", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to one object.

    Attributes:
        at: milliseconds since the time line began, as the watch brought it.
        stack: whose cluster.
        kind: of the object.
        name: of the object; several objects may bear it one after the other.
        uid: of the object, its only identity.
        what: `stood` for what was there at the beginning.
        state: in a few words; empty for a kind that has none.
        ready: whether it serves its purpose now; never for a deleted object.
    """

    at: float
    stack: str
    kind: str
    name: str
    uid: str
    what: What
    state: str = ""
    ready: bool = False


@dataclass(frozen=True)
class Gap:
    """A time, in milliseconds since the beginning, in which something was missing."""

    begin: float
    end: float


def gaps(events: Iterable[Event], kind: str, end: float) -> list[Gap]:
    """The times in which no object of a kind was ready, from 0 to `end`.

    The events of the kind must be in the order in which they happened, as one watch gives them. Two events of the same
    millisecond with nothing ready between them are a gap too, of no length.
    """
    found: list[Gap] = []
    ready: set[str] = set()
    missing: float | None = 0.0
    # What stood at the beginning is there from 0 on, however long its list took.
    for event in events:
        if event.kind != kind:
            continue
        (ready.add if event.ready else ready.discard)(event.uid)
        at = 0.0 if event.what == "stood" else event.at
        if ready and missing is not None:
            if event.what != "stood":
                found.append(Gap(missing, at))
            missing = None
        elif not ready and missing is None:
            missing = at
    return found if missing is None else [*found, Gap(missing, max(end, missing))]


def milliseconds(missing: Sequence[Gap]) -> int:
    """How long all gaps are together, in whole milliseconds: 0 only where there is none."""
    return max(len(missing), math.ceil(sum(gap.end - gap.begin for gap in missing)))


def standing(events: Iterable[Event]) -> dict[str, list[str]]:
    """Kind -> names of the objects that exist after these events, sorted; a kind that is gone has an empty list."""
    objects: dict[str, dict[str, str]] = {}
    for event in events:
        of_kind = objects.setdefault(event.kind, {})
        if event.what == "deleted":
            of_kind.pop(event.uid, None)
        else:
            of_kind[event.uid] = event.name
    return {kind: sorted(names.values()) for kind, names in objects.items()}


def told(events: Iterable[Event]) -> list[Event]:
    """The events that tell something new: a change that leaves the state as it was is left out."""
    known: dict[str, tuple[str, bool]] = {}
    news: list[Event] = []
    for event in events:
        if event.what != "changed" or known.get(event.uid) != (event.state, event.ready):
            news.append(event)
        known[event.uid] = (event.state, event.ready)
    return news
