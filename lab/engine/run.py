"""One run of the engine: what it works on, and whether it goes on.

Holds what planner, steps and executor share. Owns no rule of its own but one: the first failure, or a signal, stops
everything that has not begun.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from lab.engine import urn as urns
from lab.engine.backend import StackName
from lab.engine.graph import DependencyGraph
from lab.engine.providers.registry import Registry
from lab.engine.snapshot import Snapshot
from lab.engine.state import Operation, Resource

if TYPE_CHECKING:
    from lab.engine.steps import Step


class Events(Protocol):
    """Hears what happens, from several threads at once."""

    def started(self, step: "Step") -> None:
        """A step begins."""
        ...

    def finished(self, step: "Step") -> None:
        """A step succeeded."""
        ...

    def failed(self, step: "Step") -> None:
        """A step failed; what went wrong is told by `diagnostic`."""
        ...

    def diagnostic(self, urn: str, severity: str, text: str) -> None:
        """Something to tell: severity is info, warning or error; urn may be ""."""
        ...

    def message(self, text: str) -> None:
        """Something to tell at once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the run was asked for. Targets and replacements are URNs, in which `*` and `**` match anything."""

    preview: bool = False
    targets: tuple[str, ...] = ()
    replacements: tuple[str, ...] = ()
    parallel: int = 16

    def targeted(self, urn: str) -> bool:
        """Whether the resource takes part. Providers and the stack itself always do."""
        implied = urns.is_provider(urns.type_of(urn)) or urns.type_of(urn) == urns.STACK_TYPE
        return not self.targets or implied or _matches(urn, self.targets)

    def must_replace(self, urn: str) -> bool:
        """Whether the resource is to be replaced whatever its difference."""
        return _matches(urn, self.replacements)


def _matches(urn: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(urn, pattern.replace("[", "[[]")) for pattern in patterns)


@dataclass
class Run:
    """The run. `base` is the state that it began with, refreshed if that was asked for."""

    name: StackName
    options: Options
    snapshot: Snapshot
    registry: Registry
    events: Events
    base: list[Resource] = field(default_factory=list)
    pending: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Index the state."""
        self.rebase(self.base)
        self.stopped = threading.Event()
        self.terminated = threading.Event()
        self.errors = 0
        self.cancelled = False
        self.step_failed = False

    def rebase(self, resources: list[Resource]) -> None:
        """Work on this state from now on."""
        self.base = resources
        self.olds = {resource.urn: resource for resource in resources if not resource.delete}
        self.graph = DependencyGraph(resources)

    def ensure_provider(self, resource: Resource) -> None:
        """Make the provider of a resource in the state usable, as the state has it."""
        if not resource.provider:
            return
        urn, id_ = urns.split_reference(resource.provider)
        for candidate in self.base:
            if (candidate.urn, candidate.id) == (urn, id_):
                self.registry.ensure(candidate)

    def error(self, urn: str, text: str) -> None:
        """Report an error, and let nothing new begin."""
        self.errors += 1
        self.events.diagnostic(urn, "error", text)
        self.stop()

    def stop(self) -> None:
        """Let nothing new begin; what runs goes on."""
        self.stopped.set()

    def cancel(self) -> None:
        """The person wants it to end: waits are cut short as well. A second time: do not even wait for that."""
        if self.cancelled:
            self.terminated.set()
        self.cancelled = True
        self.registry.cancel()
        self.stop()

    @property
    def failed(self) -> bool:
        """Whether the run ends badly."""
        return self.errors > 0 or self.cancelled
