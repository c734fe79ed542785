"""Property paths such as `spec.containers[0].image` or `metadata.labels["a.b"]`, as resource options use them.

Source: pulumi:sdk/go/common/resource/property_path.go. `*` stands for any key or index.
"""

import re
from typing import Any

from lab.engine.values import Secret

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
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False, None
    return True, value


def reset(old: Any, new: Any, path: Path) -> bool:
    """Put what `old` has at the path into `new`, in place; where `old` has nothing, remove it from `new`.

    Returns:
        False where the two differ in shape on the way, so that nothing could be set.
    """
    if isinstance(old, Secret):
        old = old.value
    if isinstance(new, Secret):
        new = new.value
    if not path:
        return False
    head, rest = path[0], path[1:]
    if head == "*":
        keys = list(old) if isinstance(old, dict) else list(range(len(old))) if isinstance(old, list) else []
        return all([reset(old, new, (key, *rest)) for key in keys])
    if isinstance(new, dict) and isinstance(old, dict) and isinstance(head, str):
        return _reset_key(old, new, head, rest)
    if isinstance(new, list) and isinstance(old, list) and isinstance(head, int):
        if head >= min(len(old), len(new)):
            return head >= max(len(old), len(new))
        if rest:
            return reset(old[head], new[head], rest)
        new[head] = old[head]
        return True
    return False


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
