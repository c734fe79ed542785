"""Everything that stands, asked at the same time: the objects of each stack, and the copies of databases.

Owns what belongs to the answer and what it comes to. How it looks is the business of screen.py.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ops.clusters import ClusterError
from ops.status import operators, rotation
from ops.status.advice import NOT_SERVED, Advice
from ops.status.copies import Replication
from ops.status.kinds import OLM_SUBSCRIPTION, visible
from ops.status.namespace import Namespace
from ops.status.objects import wanted
from ops.status.place import OPERATORS, Place, Standing
from ops.status.replication import figures
from ops.status.row import ERROR, MISSING, PENDING, UNKNOWN, Row

_CROSSING = frozenset({"Connector", "Listener"})
_LINKING = frozenset({"Link", "Rotation", "cluster", "stack"})


@dataclass(frozen=True)
class Next:
    """A command that says more of what is not Ready, or sets it right, and what it is about."""

    command: str
    about: str


@dataclass(frozen=True)
class Status:
    """What stood at one moment.

    Attributes:
        rows: every line of the table: objects and copies, stack by stack.
        replication: the figures of the copies.
        next: what to type now, each command once.
    """

    rows: list[Row] = field(default_factory=list)
    replication: list[Replication] = field(default_factory=list)
    next: list[Next] = field(default_factory=list)

    @property
    def ready(self) -> int:
        """How many rows are Ready."""
        return sum(row.ready for row in self.rows)

    @property
    def not_ready(self) -> int:
        """How many rows are not."""
        return len(self.rows) - self.ready

    @property
    def ok(self) -> bool:
        """Whether something stands, and all of that is Ready."""
        return self.ready > 0 and self.not_ready == 0

    def document(self) -> dict[str, Any]:
        """The same as JSON.

        Keys: `ok`, `ready`, `not_ready`, `objects` (every row), `links_ready` (at least one, and all), `replication`,
        `next` (`command` and `about`).
        """
        links = [row.ready for row in self.rows if row.kind == "Link"]
        return {
            "ok": self.ok,
            "ready": self.ready,
            "not_ready": self.not_ready,
            "objects": [asdict(row) for row in self.rows],
            "links_ready": bool(links) and all(links),
            "replication": [asdict(copy) for copy in self.replication],
            "next": [asdict(one) for one in self.next],
        }


def survey(
    standing: Sequence[Standing], advice: Advice, *, beside: Sequence[Standing] = (), rotations: bool = True
) -> Status:
    """Look at what these stacks have; whatever does not answer is a row.

    Args:
        standing: the stacks, in the order of the answer.
        advice: the commands for the sentences.
        beside: other stacks, which are asked for what those depend on and have no rows.
        rotations: whether there is a row about each standby's rotation.
    """
    primaries = {one.place.primary for one in standing}
    granting = [one for one in beside if rotations and one.place.stack in primaries]
    looked = [*standing, *granting]
    # All at once: each that does not answer takes its whole deadline.
    with ThreadPoolExecutor(len(looked) + 1) as threads:
        measured = threads.submit(figures, [*standing, *beside])
        found = [(one.place, rows) for one, rows in zip(looked, threads.map(_of(advice), looked), strict=True)]
        copies = measured.result()
    turns = rotation.rows(found, {one.place.stack: one.now() for one in looked}) if rotations else []
    rows, places = list[Row](), [one.place for one in standing]
    for place, own in found[: len(places)]:
        rows += [*own, *(turn for turn in turns if turn.stack == place.stack)]
        rows += [copy.row() for copy in copies if copy.stack == place.stack]
    shown = [copy for copy in copies if copy.stack in {place.stack for place in places}]
    return Status(rows, shown, steps(rows, [*places, *(one.place for one in beside)], advice))


def _of(advice: Advice) -> Callable[[Standing], list[Row]]:
    return lambda standing: of_stack(standing, advice)


def of_stack(standing: Standing, advice: Advice) -> list[Row]:
    """The objects of a stack; an API server that does not answer is one row."""
    place, found = standing.place, list[Row]()
    try:
        # Whoever answers nobody, or not this login, is told once and not by each kind.
        standing.cluster.get("/api")
        if OPERATORS in place.parts:
            found += _operators(standing)
        for name in place.namespaces:
            namespace = Namespace(standing, name, advice)
            found += [*namespace.objects(), *namespace.troubles()]
        found += _missing(standing, found, advice) if found else []
    except ClusterError as error:
        why = f"{advice.unanswered(place, error)}: nothing is known of its objects"
        return [Row(place.stack, "cluster", place.context, ERROR, why)]
    return found or [Row(place.stack, "stack", place.stack, PENDING, advice.nothing_stands(place))]


def _missing(standing: Standing, rows: Sequence[Row], advice: Advice) -> list[Row]:
    """What is not there while other things are: somebody has deleted it, or `up` has not come that far."""
    place = standing.place
    found = list[Row]()
    for kinds, name in wanted(place):
        if not _is_seen(kinds[0].name, name, rows):
            served = [visible(partial(standing.cluster.served, kind.api_version)) for kind in kinds]
            # Who may not see which kinds there are learns only that there is no object.
            known = any(one is None or kinds[0].name in one for one in served)
            why = advice.missing(place) if known else NOT_SERVED
            found.append(Row(place.stack, kinds[0].name, name, MISSING, why, resource=kinds[0].resource))
    return found


def _is_seen(kind: str, name: str, rows: Sequence[Row]) -> bool:
    """Whether there is such an object, or the login may not see whether there is one."""
    return any(row.kind == kind and (name in ("*", row.name) or row.status == UNKNOWN) for row in rows)


def steps(rows: Sequence[Row], places: Sequence[Place], advice: Advice) -> list[Next]:
    """What to type about these rows, in their order, each command once; nothing about what follows from another row."""
    by_stack = {place.stack: place for place in places}
    troubles = [row for row in rows if not row.ready and row.stack in by_stack]
    found: dict[str, str] = {}
    for row in troubles:
        place = by_stack[row.stack]
        same = [one for one in troubles if by_stack[one.stack].environment == place.environment]
        if _follows(row, same, place.primary):
            continue
        if command := advice.next(place, row, by_stack.get(place.primary)):
            found.setdefault(command, f"{row.kind} {row.name}")
    return [Next(command, about) for command, about in found.items()]


def _follows(row: Row, troubles: Sequence[Row], primary: str) -> bool:
    """Whether something else that is not Ready explains it: a service cannot cross a link that is down."""
    if row.kind == "stack":
        return any((other.kind, other.stack) == ("stack", primary) for other in troubles)
    if row.kind in _CROSSING and row.status != UNKNOWN:
        return any(other.kind in _LINKING for other in troubles)
    if row.kind == "StatefulSet":
        return any(other.kind == "Pod" and other.name.startswith(f"{row.name}-") for other in troubles)
    return False


def _operators(standing: Standing) -> Iterator[Row]:
    try:
        yield from operators.rows(standing.cluster, standing.place)
    except ClusterError as error:
        if not error.refused:
            raise
        right = "this login may not see them: it needs list on subscriptions and get on clusterserviceversions"
        said, resource = f"{right} of operators.coreos.com", OLM_SUBSCRIPTION.resource
        yield Row(standing.place.stack, operators.KIND, "*", UNKNOWN, said, resource=resource)
