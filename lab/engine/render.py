"""Values and differences as text, in the form of pulumi:pkg/backend/display/object_diff.go. Secrets stay hidden."""

import json
from typing import Any

from lab.engine import paths
from lab.engine.providers.base import Diff
from lab.engine.state import Resource
from lab.engine.values import UNKNOWN, Properties, Secret, mask


def scalar(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Secret):
        return "[secret]"
    return "[unknown]" if value is UNKNOWN else "<null>" if value is None else json.dumps(mask(value))


def entries(named: dict[str, Any], sign: str = "  ", indent: str = "") -> list[str]:
    """An object's properties, one a line, nested ones indented; `sign` is `+ `, `- ` or nothing."""
    width = max(map(len, named), default=0)
    return [line for key in sorted(named) for line in _entry(f"{key:{width}}", named[key], sign, indent)]


def _entry(name: str, value: Any, sign: str, indent: str) -> list[str]:
    head = f"{indent}{sign}{name}: "
    if isinstance(value, dict) and value:
        return [f"{head}{{", *entries(value, sign, f"{indent}    "), f"{indent}  }}"]
    if isinstance(value, list) and value:
        items = [line for i, item in enumerate(value) for line in _entry(f"[{i}]", item, sign, f"{indent}    ")]
        return [f"{head}[", *items, f"{indent}  ]"]
    return [f"{head}{scalar(value)}"]


def outputs(old: Properties, new: Properties, *, signs: bool, unchanged: bool) -> list[str]:
    """What became of a stack's outputs; `signs` marks new and removed ones, `unchanged` shows those as well."""
    width = max(map(len, {*old, *new}), default=0)
    lines: list[str] = []
    for key in sorted({*old, *new}):
        name = f"{key:{width}}"
        if key not in new:
            lines += _entry(name, old[key], "- " if signs else "  ", "")
        elif key not in old:
            lines += _entry(name, new[key], "+ " if signs else "  ", "")
        elif old[key] != new[key]:
            lines.append(f"~ {name}: {scalar(old[key])} => {scalar(new[key])}")
        elif unchanged:
            lines += _entry(name, new[key], "  ", "")
    return lines


def summary(diff: Diff) -> str:
    """A difference in short: `[diff: +labels~data,spec]`, or nothing."""
    kinds = {str(paths.parse(path)[0]): kind.split("-")[0] for path, kind in diff.detailed.items()}
    text = ""
    for kind, sign in (("add", "+"), ("delete", "-"), ("update", "~")):
        keys = sorted(key for key, found in kinds.items() if found == kind)
        text += f"{sign}{','.join(keys)}" if keys else ""
    return f"[diff: {text}]" if text else ""


def details(diff: Diff, old: Resource | None, new: Resource | None) -> list[str]:
    """A difference path by path."""
    lines = []
    for path, kind in diff.detailed.items():
        before, after = _at(old, path), _at(new, path)
        shown = {"add": after, "delete": before}.get(kind.split("-")[0], f"{before} => {after}")
        lines.append(f"{path}: {shown}{' (forces replacement)' if kind.endswith('-replace') else ''}")
    return lines


def _at(resource: Resource | None, path: str) -> str:
    value: Any = resource.inputs if resource is not None else None
    for part in paths.parse(path):
        if isinstance(value, Secret):
            break
        found, value = paths.get(value, (part,))
        if not found:
            return "[unknown]"
    return scalar(value)
