"""The conditions in a status, which may be absent or null."""

from ops.clusters import Manifest


def find(status: Manifest, kind: str) -> Manifest:
    """The condition of that type; empty where there is none."""
    found: Manifest = next((one for one in status.get("conditions") or [] if one["type"] == kind), {})
    return found


def is_true(status: Manifest, kind: str) -> bool:
    """Whether the condition is there and True."""
    return bool(find(status, kind).get("status") == "True")
