"""A scripted API server, as far as informers see one."""

import json
import threading
from collections.abc import Iterator
from typing import Any


class Response:
    """A body of JSON, or a watch: events, sent in two pieces that split in the middle of a line."""

    def __init__(self, body: Any, ended: threading.Event | None = None) -> None:
        self.data = json.dumps(body)
        self._lines = b"".join(json.dumps(event).encode() + b"\n" for event in body) if ended else b""
        self._ended = ended

    def stream(self, _: int) -> Iterator[bytes]:
        half = len(self._lines) // 2
        yield self._lines[:half]
        yield self._lines[half:]
        assert self._ended is not None
        self._ended.wait(10)

    def shutdown(self) -> None:
        if self._ended:
            self._ended.set()

    def close(self) -> None:
        """Nothing to close."""


class Client:
    """Answers lists and watches from a script; after its end watches stay silent."""

    def __init__(self, lists: list[Any], watches: list[list[Any]]) -> None:
        self.lists, self.watches = lists, watches
        self.ended = threading.Event()

    def request(self, _: str, __: str, **options: Any) -> Response:
        if not options.get("watch"):
            found = self.lists.pop(0)
            if isinstance(found, Exception):
                raise found
            return Response({"items": found, "metadata": {"resourceVersion": "10"}})
        events = self.watches.pop(0) if self.watches else []
        if any(event["type"] == "ERROR" for event in events):
            ended = threading.Event()
            ended.set()
            return Response(events, ended)
        return Response(events, self.ended)
