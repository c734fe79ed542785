"""Watches on the objects of a link: everything that happens to them, in order, with the time at which it came.

Owns the threads and the list of events; draws no conclusion (timeline.py does). A watch that breaks is begun again from
a new list; what happened meanwhile is then told late, and what came and went within is not told.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from urllib3.exceptions import HTTPError

from lab.environment import Environment
from lab.home import LabError
from lab.kube import Manifest, connect
from lab.rotation import objects
from lab.rotation.objects import Watched
from lab.rotation.timeline import Event, What

# The API server ends a watch after this time, and with it ends a thread that is no longer wanted.
WATCH_SECONDS = 10
READY_SECONDS = 30
AGAIN_SECONDS = 0.2
METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1"


class Recorder:
    """A context manager that records while it is open. `cut` begins a new time line without a pause in watching."""

    def __init__(self, environment: Environment, watched: Sequence[Watched]) -> None:
        self._environment = environment
        self._watched = watched
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._known: dict[str, Event] = {}
        self._listed: set[tuple[str, str]] = set()
        self._began = time.monotonic()
        self._closed = threading.Event()

    def __enter__(self) -> "Recorder":
        for watched in self._watched:
            client = connect(watched.stack.context, self._environment.kubeconfig)
            threading.Thread(
                target=self._follow, args=(client, watched), name=f"watch-{watched.kind}", daemon=True
            ).start()
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._listed) == len(self._watched), READY_SECONDS):
                missing = next(watched for watched in self._watched if watched.key not in self._listed)
                self._closed.set()
                raise LabError(
                    f"{missing.kind} objects of {missing.stack.name} cannot be watched: "
                    "see `python -m lab status`, and `python -m lab up` for what is down."
                )
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

    def now(self) -> float:
        """Milliseconds since the time line began."""
        return (time.monotonic() - self._began) * 1000

    def events(self) -> list[Event]:
        """Everything so far."""
        with self._changed:
            return list(self._events)

    def cut(self) -> None:
        """Begin a new time line, at 0, with what stands now."""
        with self._changed:
            self._began = time.monotonic()
            self._events = [
                Event(**{**vars(event), "at": 0.0, "what": "stood"})
                for event in self._known.values()
                if event.what != "deleted"
            ]

    def wait_for(self, settled: Callable[[list[Event]], bool], seconds: float) -> bool:
        """Wait until the events so far are as wished; whether they became so in time."""
        with self._changed:
            return self._changed.wait_for(lambda: settled(self._events), seconds)

    def _follow(self, client: DynamicClient, watched: Watched) -> None:
        while not self._closed.is_set():
            try:
                version = self._list(client, watched)
                while not self._closed.is_set():
                    version = self._watch(client, watched, version)
            except (ApiException, HTTPError, OSError, ValueError, _Ended):
                self._closed.wait(AGAIN_SECONDS)

    def _request(self, client: DynamicClient, watched: Watched, form: str, **options: Any) -> Any:
        resource = client.resources.get(api_version=watched.api_version, kind=watched.kind)
        headers = {"Accept": METADATA.format(kind=form)} if watched.kind == "Secret" else {}
        return client.request(
            "get",
            resource.path(namespace=watched.stack.namespace),
            serialize=False,
            header_params=headers,
            _request_timeout=(5, WATCH_SECONDS + 20),
            **options,
        )

    def _list(self, client: DynamicClient, watched: Watched) -> str:
        found = json.loads(self._request(client, watched, "PartialObjectMetadataList").data)
        with self._changed:
            first = watched.key not in self._listed
            present = {item["metadata"]["uid"] for item in found["items"]}
            gone = [
                event
                for event in self._known.values()
                if (event.stack, event.kind) == watched.key and event.uid not in present
            ]
            for event in gone:
                self._add(Event(**{**vars(event), "at": self.now(), "what": "deleted", "ready": False}))
            for item in found["items"]:
                self._tell(watched, item, "stood" if first else "changed")
            self._listed.add(watched.key)
            self._changed.notify_all()
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, client: DynamicClient, watched: Watched, version: str) -> str:
        response = self._request(
            client,
            watched,
            "PartialObjectMetadata",
            watch=True,
            resource_version=version,
            timeout_seconds=WATCH_SECONDS,
            allow_watch_bookmarks=True,
        )
        words: dict[str, What] = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}
        try:
            for event in _lines(response):
                if event["type"] == "ERROR":
                    raise _Ended
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in words:
                    with self._changed:
                        self._tell(watched, event["object"], words[event["type"]])
                        self._changed.notify_all()
        finally:
            response.close()
        return version

    def _tell(self, watched: Watched, item: Manifest, what: What) -> None:
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        if not watched.has(name):
            return
        if what == "changed" and uid not in self._known:
            what = "created"
        self._add(
            Event(
                at=self.now(),
                stack=watched.stack.name,
                kind=watched.kind,
                name=name,
                uid=uid,
                what=what,
                state=objects.state(watched.kind, item),
                ready=what != "deleted" and objects.is_ready(watched.kind, item),
            )
        )

    def _add(self, event: Event) -> None:
        self._events.append(event)
        if event.what == "deleted":
            self._known.pop(event.uid, None)
        else:
            self._known[event.uid] = event


class _Ended(Exception):  # noqa: N818 -- an answer of the API server, no error
    """The API server ended the watch, for example because the version is too old."""


def _lines(response: Any) -> Iterator[Manifest]:
    rest = b""
    for chunk in response.stream(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
