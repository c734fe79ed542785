"""How a Skupper status is put together: conditions, and the aggregate that `kubectl get` shows.

Pure functions on manifests. The rules are upstream's pkg/apis/skupper/v2alpha1/types.go:29-160: every condition is
True/Ready/"OK", False/Error/<text> or False/Pending/<text>; Ready is the first required condition that is missing or
False; `status.status` and `status.message` repeat Ready's reason and message.
"""

from dataclasses import dataclass
from typing import cast

from lab.kube import Manifest
from lab.stand_ins.controller import conditions


@dataclass(frozen=True)
class State:
    """The part of a condition that carries meaning."""

    status: str
    reason: str
    message: str


READY = State("True", "Ready", "OK")


def error(message: str) -> State:
    """False, because something is wrong."""
    return State("False", "Error", message)


def pending(message: str = "Pending") -> State:
    """False, because something has yet to happen."""
    return State("False", "Pending", message)


def error_or_ready(message: str | None) -> State:
    """READY where there is nothing to complain about."""
    return error(message) if message else READY


def find(manifest: Manifest, condition: str) -> Manifest:
    """The object's condition of that type; empty where there is none."""
    return conditions.find(manifest.get("status", {}), condition)


def is_true(manifest: Manifest, condition: str) -> bool:
    """Whether the object's condition exists and is True."""
    return conditions.is_true(manifest.get("status", {}), condition)


def set_condition(manifest: Manifest, condition: str, state: State) -> bool:
    """Set one condition, in place. True if status, reason, message or observedGeneration changed."""
    return conditions.put(
        manifest.setdefault("status", {}),
        condition,
        state.status,
        reason=state.reason,
        message=state.message,
        observedGeneration=manifest["metadata"].get("generation", 0),
    )


def required(manifest: Manifest) -> tuple[str, ...]:
    """The conditions that make the kind Ready, in the order in which the first gap is reported."""
    kind = manifest["kind"]
    if kind == "Site":
        resolve = manifest.get("spec", {}).get("linkAccess", "") not in {"", "none"}
        return ("Configured", "Running", "Resolved") if resolve else ("Configured", "Running")
    return {
        "AccessGrant": ("Processed", "Resolved"),
        "Link": ("Configured", "Operational"),
        "Connector": ("Configured", "Matched"),
        "Listener": ("Configured", "Matched"),
        "RouterAccess": ("Configured", "Resolved"),
        "SecuredAccess": ("Configured", "Resolved"),
    }[cast("str", kind)]


def aggregate(manifest: Manifest) -> State:
    """What Ready has to say, given the other conditions."""
    for condition in required(manifest):
        found = find(manifest, condition)
        if not found:
            return pending(f"Not {condition}")
        if found["status"] == "False":
            return State("False", found["reason"], found["message"])
    return READY


def update(manifest: Manifest, condition: str, state: State) -> bool:
    """Set one condition and, only if that changed something, the aggregate. True if anything changed."""
    if not set_condition(manifest, condition, state):
        return False
    total = aggregate(manifest)
    manifest["status"]["status"] = total.reason
    manifest["status"]["message"] = total.message
    set_condition(manifest, "Ready", total)
    return True


def update_redeemed(token: Manifest, state: State) -> bool:
    """An AccessToken's rule: there is no Ready, and `status.*` repeat the Redeemed condition (types.go:623-632)."""
    if not set_condition(token, "Redeemed", state):
        return False
    status = token["status"]
    status["status"] = state.reason
    status["message"] = state.message
    set_or_omit(status, "redeemed", state.status == "True")
    return True


def set_or_omit(status: Manifest, field: str, value: object) -> bool:
    """Set a field the way Go's `omitempty` does: an empty value is an absent field. True if it changed."""
    before = status.get(field)
    if value:
        status[field] = value
    else:
        status.pop(field, None)
    return status.get(field) != before
