"""A rotation on the lab, the steps of README.md: one number up, `up` of the primary, `up` of the standby.

Owns the order of the commands, and what must be true of every rotation. What the stacks do with the number is theirs.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lab.environment import Environment
from lab.home import CHECKOUT, Home, LabError
from lab.rotation import objects, timeline
from lab.rotation.timeline import Event, Gap
from lab.rotation.watching import Recorder
from lab.stacks import Runner, Stack, discover, locks, rotations

# The garbage collector takes the old AccessToken soon after its Job, the old grant's deletion is awaited by `up`.
SETTLED_SECONDS = 15


@dataclass(frozen=True)
class Rotation:
    """What one rotation did to one standby; times in milliseconds since it began."""

    standby: str
    rotation: int
    took: float
    events: list[Event]
    without_link: list[Gap]
    standing: dict[str, list[str]]

    @property
    def without_link_ms(self) -> int:
        """How long no Link was Ready."""
        return timeline.milliseconds(self.without_link)

    @property
    def counts(self) -> dict[str, int]:
        """How many objects of each counted kind stand at the end."""
        return {kind: len(self.standing.get(kind, [])) for kind in objects.COUNTED}

    @property
    def ok(self) -> bool:
        """No moment without a Ready Link, and one object of each kind at the end."""
        return not self.without_link and all(count == 1 for count in self.counts.values())

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "standby": self.standby,
            "rotation": self.rotation,
            "ok": self.ok,
            "took_ms": round(self.took),
            "without_ready_link_ms": self.without_link_ms,
            "counts": self.counts,
            "standing": {kind: self.standing.get(kind, []) for kind in objects.COUNTED},
            "events": [{**asdict(event), "at": round(event.at, 1)} for event in self.events],
        }


class Rotator:
    """Rotates standbys of one primary. A context manager: it watches for as long as it is open."""

    def __init__(
        self,
        environment: Environment,
        names: Sequence[str] = (),
        *,
        output: IO[str],
        checkout: Path = CHECKOUT,
        awaited: Callable[[Stack], str] | None = None,
    ) -> None:
        """Choose the standbys.

        Args:
            environment: a lab that stands, with the stacks up.
            names: sites or stacks of standbys; all that the checkout has, if empty.
            output: what Pulumi prints goes there; a real file.
            checkout: with the stack files.
            awaited: as `Runner` has it.

        Raises:
            LabError: there is no such standby, or none of its primary.
        """
        self._environment = environment
        self._checkout = checkout
        self._output = output
        self._awaited = awaited
        self.primary, self.standbys = chosen(discover(checkout), names)
        self._recorders: dict[str, Recorder] = {}
        self._open = ExitStack()

    def __enter__(self) -> "Rotator":
        for standby in self.standbys:
            recorder = Recorder(self._environment, objects.of(self.primary, standby))
            self._recorders[standby.name] = self._open.enter_context(recorder)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def rotate(self) -> list[Rotation]:
        """Rotate every chosen standby once, together; one result each.

        Raises:
            LabError: an `up` failed or was killed; the numbers stay as they are, so that `up` goes on where it stopped.
        """
        for recorder in self._recorders.values():
            recorder.cut()
        home, sites = Home(self._environment.root), [standby.site for standby in self.standbys]
        wanted = rotations.count_on(home, self.primary, sites)
        runner = Runner(self._environment, self._checkout, awaited=self._awaited)
        runner.prepare(discover(self._checkout))
        for stack in (self.primary, *self.standbys):
            if code := runner.run("up", stack, output=self._output):
                locks.refuse_locked(home, [stack.name])
                where = "above" if self._output is sys.stderr else f"in {self._output.name}"
                raise LabError(
                    f"`up` of {stack.name} failed with exit code {code}: fix what it says {where}, then run "
                    "`python -m lab up`, which finishes the rotation."
                )
        return [self._result(standby, wanted[standby.site]) for standby in self.standbys]

    def _result(self, standby: Stack, rotation: int) -> Rotation:
        recorder = self._recorders[standby.name]
        recorder.wait_for(_is_settled, SETTLED_SECONDS)
        events, end = recorder.events(), recorder.now()
        return Rotation(
            standby=standby.name,
            rotation=rotation,
            took=end,
            events=timeline.told(events),
            without_link=timeline.gaps(events, "Link", end),
            standing=timeline.standing(events),
        )


def _is_settled(events: Sequence[Event]) -> bool:
    standing = timeline.standing(events)
    return all(len(standing.get(kind, [])) == 1 for kind in objects.COUNTED)


def chosen(stacks: Sequence[Stack], names: Sequence[str]) -> tuple[Stack, list[Stack]]:
    """The standbys of these names (all without names) and the primary that they share.

    Raises:
        LabError: a name is no standby's, or a standby is not in its primary's settings.
    """
    standbys = [
        stack for stack in stacks if not stack.is_primary and (not names or stack.name in names or stack.site in names)
    ]
    known = {name for stack in standbys for name in (stack.name, stack.site)}
    if unknown := [name for name in names if name not in known]:
        there = ", ".join(stack.name for stack in stacks if not stack.is_primary) or "none"
        raise LabError(f"There is no standby {unknown[0]!r}: the checkout's standbys are {there}.")
    primaries = {stack.name: stack for stack in stacks if stack.is_primary}
    if not standbys or not primaries:
        raise LabError("A rotation needs the stack files of a primary and of a standby: the checkout lacks one.")
    used = {stack.primary for stack in standbys}
    if len(used) > 1 or not used <= primaries.keys():
        raise LabError(
            f"The primaries of these standbys are {', '.join(sorted(used))}: choose standbys of one primary that the "
            "checkout has, with --standby."
        )
    primary = primaries[used.pop()]
    for standby in standbys:
        if standby.site not in primary.section("standbys"):
            raise LabError(
                f"Pulumi.{primary.name}.yaml has no rhsi:standbys.{standby.site}: add it, then `python -m lab up`."
            )
    return primary, standbys
