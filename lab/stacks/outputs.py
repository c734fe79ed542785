"""A stack's outputs as its state has them, and which of them a run has changed.

Pure. `pulumi stack output` would take a process each time. What the state encrypts is never decrypted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SECRET = "[secret]"  # noqa: S105 - the word that stands for one
# How a state marks what is more than JSON: pulumi:sdk/go/common/resource/sig/sig.go.
MARK, SECRET_MARK = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def of(resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The outputs of a stack with these resources, as its state has them; a secret is `[secret]`."""
    found = [resource.get("outputs") or {} for resource in resources if resource["type"] == "pulumi:pulumi:Stack"]
    return {name: _hidden(value) for outputs in found for name, value in outputs.items()}


def changes(before: Mapping[str, Any], after: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """A line for each value that differs, in the order of their names; of an object, the fields that differ."""
    for name in sorted(before.keys() | after.keys()):
        old, new, path = before.get(name), after.get(name), f"{within}{name}"
        if name not in before:
            yield f"+ {path}: {_shown(new)}"
        elif name not in after:
            yield f"- {path}: {_shown(old)}"
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from changes(old, new, f"{path}.")
        elif old != new:
            yield f"~ {path}: {_shown(old)} -> {_shown(new)}"


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    if isinstance(value, dict):
        if value.get(MARK) == SECRET_MARK:
            return SECRET
        return {key: _hidden(item) for key, item in value.items()}
    return value


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    first, *more = value.splitlines() or [""]
    return f"{first} ... ({len(more) + 1} lines)" if more else first
