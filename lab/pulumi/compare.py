"""The differences between two sets of properties, by path.

Shared by the providers; what a difference means is theirs. Source of the granularity: `convertPatchToDiff` in
pulumi-kubernetes:provider/pkg/provider/provider.go.
"""

from typing import Any

from lab.pulumi.paths import Path
from lab.pulumi.values import has_unknown


def differences(old: Any, new: Any, path: Path = ()) -> dict[Path, str]:
    """`add`, `update` or `delete` for the smallest parts that differ; lists are compared element by element.

    An unknown part counts as a change. Secrets must have been revealed before.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        found: dict[Path, str] = {}
        for key in [*old, *(key for key in new if key not in old)]:
            found |= _differences_at((*path, key), old, new, key)
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = {}
        for index in range(max(len(old), len(new))):
            before, after = dict(enumerate(old)), dict(enumerate(new))
            found |= _differences_at((*path, index), before, after, index)
        return found
    return {} if equal(old, new) and not has_unknown(new) else {path: "update"}


def _differences_at(path: Path, old: dict[Any, Any], new: dict[Any, Any], key: Any) -> dict[Path, str]:
    if key not in new:
        return {path: "delete"} if old[key] is not None else {}
    if key not in old:
        return {path: "add"} if new[key] is not None else {}
    return differences(old[key], new[key], path)


def equal(old: Any, new: Any) -> bool:
    """Equality in which a boolean is no number."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)
