"""Paths to properties as the engine writes them: `spec.template.spec.containers[0].env[3].value`, `annotations["a/b"]`.

Owns the grammar (pulumi:sdk/go/common/resource/property_path.go) and how a path reads for people.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

Path = tuple[str | int, ...]
_PART = re.compile(r'\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\.?(?P<name>[^.\[\]]+)')


class Missing(Enum):
    """No value at all, which differs from a null."""

    MISSING = "missing"


MISSING = Missing.MISSING


def parse(text: str) -> Path:
    """The parts of a path; a text that is none is one part."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return (text,)
        if part["index"] is not None:
            parts.append(int(part["index"]))
        elif part["quoted"] is not None:
            parts.append(re.sub(r"\\(.)", r"\1", part["quoted"]))
        else:
            parts.append(part["name"])
        position = part.end()
    return tuple(parts)


def value_at(root: Any, path: Path) -> Any:
    """The value at a path, or MISSING."""
    found = root
    for part in path:
        if isinstance(part, int):
            if not _is_list(found) or part >= len(found):
                return MISSING
            found = found[part]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            return MISSING
    return found


def named(path: Path, *roots: Any) -> Path:
    """The path with the names of list items instead of their numbers: `env.ROTATION.value`.

    An item is named where it has the same `name` in every root that has it.
    """
    found: list[str | int] = []
    for length, part in enumerate(path):
        names = {_name(value_at(root, path[: length + 1])) for root in roots} - {None}
        found.append(names.pop() or part if isinstance(part, int) and len(names) == 1 else part)
    return tuple(found)


def shown(path: Path) -> str:
    """A path as people read it; what is no plain word stands in quotes."""
    parts = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif re.fullmatch(r"[\w$-]+", part):
            parts.append(f".{part}")
        else:
            parts.append(f'["{part}"]')
    return "".join(parts).removeprefix(".")


def _name(item: Any) -> str | None:
    name = item.get("name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) and name else None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
