"""How a wait of the kubernetes provider begins, goes on and ends, on a cluster that answers by a script."""

import threading
from typing import Any

import pytest

from lab.pulumi.kubernetes import waiting
from lab.pulumi.kubernetes.cluster import ApiError, UnansweredError

Events = list[tuple[str, dict[str, Any]]]


class Scripted:
    """A cluster that answers with a script of lists and events."""

    def __init__(self, items: list[dict[str, Any]], events: Events) -> None:
        self._items = items
        self._events = events

    def list(self, *_: Any) -> tuple[list[dict[str, Any]], str]:
        return self._items, "1"

    def watch(self, *_: Any) -> Events:
        events, self._events = self._events, []
        return events


def watcher(items: list[dict[str, Any]], events: Events) -> waiting.Watcher:
    return waiting.Watcher(Scripted(items, events), threading.Event())  # type: ignore[arg-type] # as much as a wait asks


def widget(code: str = "", uid: str = "u") -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "n", "uid": uid, "resourceVersion": "1"}
    return {"apiVersion": "e/v1", "kind": "W", "metadata": metadata, "status": {"code": code} if code else {}}


def has_code(live: dict[str, Any]) -> bool:
    return "code" in live["status"]


def test_a_wait_ends_with_the_event_that_fulfils_it() -> None:
    events = [("MODIFIED", widget("other", uid="v")), ("MODIFIED", widget("x"))]
    assert watcher([widget()], events).until(widget(), 5, has_code) == widget("x")


def test_a_wait_in_vain_ends_with_the_last_state() -> None:
    with pytest.raises(waiting.WaitError, match="timed out waiting for the condition") as caught:
        watcher([widget()], []).until(widget(), 0.1, has_code)
    assert caught.value.live == widget()


def test_a_cancelled_wait_ends_at_once() -> None:
    waits = watcher([widget()], [])
    waits.cancelled.set()
    with pytest.raises(waiting.WaitError, match="context canceled"):
        waits.until(widget(), 60, has_code)


class Unsteady(Scripted):
    """Fails each list with the next of these errors before it answers."""

    def __init__(self, errors: list[ApiError], events: Events) -> None:
        super().__init__([widget()], events)
        self._errors = errors

    def list(self, *arguments: Any) -> tuple[list[dict[str, Any]], str]:
        if self._errors:
            raise self._errors.pop(0)
        return super().list(*arguments)

    def watch(self, *arguments: Any) -> Events:
        """The first one breaks; the server is back as one that does not know its roles yet."""
        if self._events:
            self._errors = [UnansweredError("EOF"), ApiError(403, "forbidden", {})]
            self._items, self._events = [widget("x")], []
            raise UnansweredError("EOF")
        return super().watch(*arguments)


def unsteady(errors: list[ApiError], monkeypatch: pytest.MonkeyPatch) -> waiting.Watcher:
    monkeypatch.setattr(waiting, "_AGAIN_SECONDS", 0)
    return waiting.Watcher(Unsteady(errors, [("BROKEN", {})]), threading.Event())  # type: ignore[arg-type] # as above


def test_a_wait_outlives_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unsteady([UnansweredError("refused")], monkeypatch).until(widget(), 60, has_code) == widget("x")


def test_a_wait_without_the_right_to_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(waiting.WaitError, match="forbidden"):
        unsteady([ApiError(403, "forbidden", {})], monkeypatch).until(widget(), 60, has_code)


def test_an_object_is_gone_when_it_is_not_listed_or_its_deletion_is_seen() -> None:
    watcher([], []).until_gone(widget(), 5)
    watcher([widget()], [("DELETED", widget())]).until_gone(widget(), 5)
    with pytest.raises(waiting.WaitError, match="timed out"):
        watcher([widget()], []).until_gone(widget(), 0.1)
