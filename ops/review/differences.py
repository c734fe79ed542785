"""Which properties of a resource differ in a step, and what is shown of them.

Owns where a difference is found: in the provider's own list, where it gives one, else by comparing what the program
asked for with what it asks for now (what the engine replaces together with something else has no list).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.review import paths, values
from ops.review.preview import Step

PROTECTION = "(protect)"
"""The path of the option, which is no property."""

# The first repeats the annotations beside it, for the provider's wait; the second is what no preview knows of a Job.
_ECHOES = {"pulumi.com/waitFor", "ownerReferences"}


@dataclass(frozen=True)
class Difference:
    """A property that differs: its path and what is shown of both values."""

    path: str
    old: str
    new: str


def differences(step: Step) -> Iterator[Difference]:
    """The differences of an update or a replacement."""
    if step.old is None or step.new is None:
        return
    if step.old.protected != step.new.protected:
        yield Difference(PROTECTION, str(step.old.protected).lower(), str(step.new.protected).lower())
    for path, is_input in _differing(step):
        if _ECHOES & set(path):
            continue
        before = step.old.inputs if is_input else step.old.outputs
        after = step.new.inputs
        named = paths.named(path, before, after)
        # A key of a map may be a text like any other.
        readable = tuple(part if isinstance(part, int) else values.key(part) for part in named)
        old, new = (values.value(paths.value_at(root, path), named, step.type) for root in (before, after))
        yield Difference(paths.shown(readable), old, new)


def _differing(step: Step) -> Iterable[tuple[paths.Path, bool]]:
    """Paths, each with whether its old value is an input."""
    if step.detailed:
        return [(paths.parse(path), is_input) for path, is_input in sorted(step.detailed.items())]
    if step.old is None or step.new is None or step.op == "same":
        return []
    return [(path, True) for path in _unequal(step.old.inputs, step.new.inputs, ())]


def _unequal(old: Any, new: Any, path: paths.Path) -> Iterator[paths.Path]:
    """The paths of the smallest values that differ."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _unequal(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _unequal(one, other, (*path, index))
    else:
        yield path
