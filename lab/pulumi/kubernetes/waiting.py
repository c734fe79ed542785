"""Waiting until an object is ready, or gone.

A wait lists and watches the whole kind in the object's namespace, as the real provider's informers do, so it needs the
same rights. Source: pulumi-kubernetes:provider/pkg/metadata/overrides.go, provider/pkg/await/{condition,internal}.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from lab.pulumi.kubernetes import objects
from lab.pulumi.kubernetes.cluster import ApiError, Cluster, Manifest, UnansweredError
from lab.pulumi.kubernetes.jsonpath import JSONPath, JSONPathError

Condition = Callable[[Manifest], bool]

TIMED_OUT = "timed out waiting for the condition"
# One watch request; a cancelled run ends within this time.
_WATCH_SECONDS = 3
_AGAIN_SECONDS = 0.5
# The version to watch from is older than what the server still remembers.
_EXPIRED = 410


class WaitError(Exception):
    """The object did not become what was waited for.

    Attributes:
        live: the object as it was seen last.
        details: further reasons, one sentence each.
    """

    def __init__(self, reason: str, live: Manifest, details: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.live = live
        self.details = details


class MalformedWaitError(WaitError):
    """What to wait for cannot be understood."""


class CancelledWaitError(Exception):
    """The run was cancelled during a wait."""


class Watcher:
    """Watches kinds of one cluster until `cancelled` is set."""

    def __init__(self, cluster: Cluster, cancelled: threading.Event) -> None:
        self.cluster = cluster
        self.cancelled = cancelled

    def events(self, target: Manifest, deadline: float) -> Iterator[tuple[str, Manifest]]:
        """All objects of the target's kind in its namespace, then every change, until the deadline (monotonic seconds).

        A server that goes away is asked again until it is back, as upstream's informers do.

        Raises:
            ApiError: the kind may not be listed or watched.
            CancelledWaitError: the run was cancelled.
        """
        api_version, kind = target["apiVersion"], target["kind"]
        namespace = target["metadata"].get("namespace")
        listed = False
        while time.monotonic() < deadline:
            self._check()
            try:
                items, version = self.cluster.list(api_version, kind, namespace)
                listed = True
                yield "LISTED", {"items": items}
                for item in items:
                    yield "ADDED", item
                yield from self._watch(api_version, kind, namespace, version, deadline)
            except ApiError as error:
                # A server that has just started refuses what it will allow as soon as it knows its roles.
                if not (listed or isinstance(error, UnansweredError)):
                    raise
                if error.status != _EXPIRED:
                    self.cancelled.wait(_AGAIN_SECONDS)
        self._check()

    def _watch(
        self, api_version: str, kind: str, namespace: str | None, version: str, deadline: float
    ) -> Iterator[tuple[str, Manifest]]:
        while (left := deadline - time.monotonic()) > 0:
            self._check()
            seconds = max(1, min(_WATCH_SECONDS, round(left)))
            for event, item in self.cluster.watch(api_version, kind, namespace, version, seconds):
                version = item["metadata"]["resourceVersion"]
                yield event, item
                self._check()

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise CancelledWaitError

    def until(self, live: Manifest, timeout: float, ready: Condition) -> Manifest:
        """The object once the condition holds; it may hold at once.

        Raises:
            WaitError: the time is over, the run was cancelled, or the kind may not be watched.
        """
        if ready(live):
            return live
        uid = live["metadata"].get("uid")
        try:
            for event, item in self.events(live, time.monotonic() + timeout):
                if event in ("LISTED", "DELETED") or item["metadata"].get("uid") != uid:
                    continue
                live = item
                if ready(live):
                    return live
        except CancelledWaitError as error:
            raise WaitError("context canceled", live) from error
        except (ApiError, JSONPathError) as error:
            raise WaitError(str(error), live) from error
        raise WaitError(TIMED_OUT, live)

    def until_gone(self, live: Manifest, timeout: float) -> None:
        """Return once the object (by name) is gone.

        Raises:
            WaitError: the time is over, the run was cancelled, or the kind may not be watched.
        """
        name = live["metadata"]["name"]
        try:
            for event, item in self.events(live, time.monotonic() + timeout):
                if event == "LISTED" and all(other["metadata"]["name"] != name for other in item["items"]):
                    return
                if event == "DELETED" and item["metadata"]["name"] == name:
                    return
                if event != "LISTED" and item["metadata"]["name"] == name:
                    live = item
        except CancelledWaitError as error:
            raise WaitError("context canceled", live) from error
        except ApiError as error:
            if error.status == 404:
                return
            raise WaitError(str(error), live) from error
        raise WaitError(TIMED_OUT, live)


def requested_condition(live: Manifest) -> Condition | None:
    """The condition that the annotation `pulumi.com/waitFor` of the live object asks for.

    Raises:
        JSONPathError: it is malformed.
    """
    value = objects.annotation(live, objects.WAIT_FOR)
    if not value:
        return None
    try:
        parsed: Any = json.loads(value)
    except ValueError:
        parsed = value
    expressions = parsed if isinstance(parsed, list) else [value]
    if not expressions:
        raise JSONPathError("at least one condition must be specified")
    conditions = [_condition(expression) for expression in expressions]
    return lambda body: all(holds(body) for holds in conditions)


def _condition(expression: str) -> Condition:
    if expression.startswith("jsonpath="):
        path = JSONPath.parse(expression)
        return lambda body: _current(body, {}) and path.matches(body)
    if expression.startswith("condition="):
        name, _, status = expression.removeprefix("condition=").partition("=")
        return lambda body: has_condition(body, name, status or "True")
    raise JSONPathError(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"')


def has_condition(body: Manifest, name: str, status: str) -> bool:
    """Whether the object reports the condition with the status, for its current generation."""
    for condition in (body.get("status") or {}).get("conditions") or []:
        if str(condition.get("type", "")).lower() == name.lower() and "status" in condition:
            return _current(body, condition) and str(condition["status"]).lower() == status.lower()
    return False


def _current(body: Manifest, condition: Manifest) -> bool:
    """Whether the condition (else the whole status) is about the current generation; true where neither tells."""
    generation = body["metadata"].get("generation")
    observed = condition.get("observedGeneration", (body.get("status") or {}).get("observedGeneration"))
    return generation is None or observed is None or observed >= generation
