"""Property paths such as `spec.containers[0].image` or `metadata.labels["a.b"]`, as resource options use them.

Source: pulumi:sdk/go/common/resource/property_path.go. `*` stands for any key or index.
"""

import re
from typing import Any

from lab.pulumi.values import Secret

Path = tuple[str | int, ...]

_PART = re.compile(r"""\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]]+)""")


def parse(text: str) -> Path:
    """The parts of a path; a leading dot, as Kubernetes writes it, is allowed."""
    parts: list[str | int] = []
    for quoted, index, name in _PART.findall(text):
        if index:
            parts.append(index if index == "*" else int(index))
        else:
            parts.append(name or quoted.replace('\\"', '"'))
    return tuple(parts)


def render(path: Path) -> str:
    """The path as text, as a detailed difference shows it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.search(r'[."\[\]]', part):
            escaped = part.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{part}" if text else part
    return text


def contains(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` itself or lies below it."""
    return len(outer) <= len(inner) and all(a in ("*", b) for a, b in zip(outer, inner, strict=False))


def get(value: Any, path: Path) -> tuple[bool, Any]:
    """Whether something is at the path, and what; secrets on the way are opened."""
    for part in path:
        if isinstance(value, Secret):
            value = value.value
        if isinstance(value, list):
            value = dict(enumerate(value))
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def reset(old: Any, new: Any, path: Path) -> bool:
    """Put what `old` has at the path into `new`, in place; where `old` has nothing, remove it from `new`.

    Returns:
        False where the two differ in shape on the way, so that nothing could be set.
    """
    old = old.value if isinstance(old, Secret) else old
    new = new.value if isinstance(new, Secret) else new
    head, rest = path[0], path[1:]
    if head == "*":
        keys = list(old) if isinstance(old, dict) else range(len(old)) if isinstance(old, list) else ()
        done = [reset(old, new, (key, *rest)) for key in keys]
        return all(done)
    if isinstance(new, dict) and isinstance(old, dict) and isinstance(head, str):
        return _reset_key(old, new, head, rest)
    if isinstance(new, list) and isinstance(old, list) and isinstance(head, int):
        return _reset_item(old, new, head, rest)
    return False


def _reset_item(old: list[Any], new: list[Any], index: int, rest: Path) -> bool:
    if index >= min(len(old), len(new)):
        return index >= max(len(old), len(new))
    if rest:
        return reset(old[index], new[index], rest)
    new[index] = old[index]
    return True


def _reset_key(old: dict[str, Any], new: dict[str, Any], key: str, rest: Path) -> bool:
    if rest and key in old and key in new:
        return reset(old[key], new[key], rest)
    if rest:
        return key not in old and key not in new
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)
    return True
