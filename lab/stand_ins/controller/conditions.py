"""Conditions of a status, of any kind: how one is found, and how one is set.

Pure functions on a status, whose `conditions` may be absent or null.
"""

from datetime import UTC, datetime
from typing import Any

from lab.kube import Manifest


def timestamp() -> str:
    """The present time as Kubernetes writes times: RFC 3339 in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(status: Manifest, kind: str) -> Manifest:
    """The condition of that type; empty where there is none."""
    found: Manifest = next((one for one in status.get("conditions") or [] if one["type"] == kind), {})
    return found


def is_true(status: Manifest, kind: str) -> bool:
    """Whether the condition is there and True."""
    return find(status, kind).get("status") == "True"


def put(status: Manifest, kind: str, value: str, **fields: Any) -> bool:
    """Set a condition, in place; its time moves only with its value. True where anything changed."""
    found = find(status, kind)
    before = dict(found)
    if not found:
        found = {"type": kind}
        status["conditions"] = [*(status.get("conditions") or []), found]
    if found.get("status") != value:
        found["lastTransitionTime"] = timestamp()
    found.update(status=value, **fields)
    return found != before


def age(time: str) -> float:
    """Seconds since a time as `timestamp` writes it; 0 where there is none."""
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds() if time else 0.0
