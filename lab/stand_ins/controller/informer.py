"""A watched cache of one kind, as client-go's informer. Every long-lived watch of the lab is one of these.

Owns listing, watching, and recovery. It lists again, after a back-off, when the API server restarts, drops the
connection or answers 410 Gone, and when the handling of a change fails; it then tells everything that is there, and
what went meanwhile. Does not own the work that follows (workqueue).
"""

import copy
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

from kubernetes.dynamic import DynamicClient

from lab.kube import Manifest
from lab.stand_ins.controller.api import CONNECT_SECONDS, READ_SECONDS, UNREACHABLE, Kind, describe, key_of

# The API server ends a watch after this time; the read time-out is longer, so that it finds only a dead connection.
WATCH_SECONDS = 240
FIRST_BACK_OFF, LAST_BACK_OFF = 0.1, 2.0
METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"

Change = Literal["ADDED", "MODIFIED", "DELETED"]
Tell = Callable[[Change, Manifest], None]
"""Hears what happened to an object, and what is kept of it, which must not be changed."""


class WatchEndedError(Exception):
    """The API server ended the watch with an error event, for example 410 Gone."""


def whole(manifest: Manifest) -> Manifest:
    """Keep everything but the field ownership, which is the larger half of an object and which no controller reads."""
    manifest["metadata"].pop("managedFields", None)
    return manifest


def brief(manifest: Manifest, **more: object) -> Manifest:
    """Keep only what identifies the object, and `more`."""
    metadata = manifest["metadata"]
    return {"metadata": {field: metadata[field] for field in ("namespace", "name", "uid")}, **more}


class Informer:
    """Keeps `keep(object)` for every object of a kind and tells whenever one comes, changes or goes.

    `synced` is set when everything that the first list found was told, as ADDED. A later list, after trouble, tells
    what is known already as MODIFIED, changed or not.
    """

    def __init__(
        self,
        client: DynamicClient,
        kind: Kind,
        tell: Tell,
        *,
        namespace: str | None = None,
        keep: Callable[[Manifest], Manifest] = whole,
        field_selector: str | None = None,
        metadata_only: bool = False,
        log: logging.Logger | None = None,
    ) -> None:
        """Set up; `start` begins.

        Args:
            client: of the API server.
            kind: what to watch.
            tell: is called from the informer's thread; what it raises is logged, and the kind listed again.
            namespace: the only one to watch, all by default.
            keep: how much of an object stays in memory; of kinds that others own it should be little (`brief`).
            field_selector: which objects; all by default.
            metadata_only: ask the server for nothing but metadata.
            log: is told of trouble.
        """
        self.kind = kind
        self.synced = threading.Event()
        self._client = client
        self._tell = tell
        self._path = kind.path(namespace)
        self._keep = keep
        self._field_selector = field_selector
        self._metadata_only = metadata_only
        self._lock = threading.Lock()
        self._kept: dict[str, Manifest] = {}
        self._versions: dict[str, int] = {}
        self._stopped = threading.Event()
        self._response: Any = None
        self._log = log or logging.getLogger(__name__)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        threading.Thread(target=self._run, name=f"watch-{self.kind.plural}", daemon=True).start()

    def stop(self) -> None:
        """End the watch; what it has kept stays."""
        self._stopped.set()
        if response := self._response:
            # The thread waits for the next event, which may never come.
            response.shutdown()

    def get(self, key: str) -> Manifest | None:
        """A copy of what is kept of the object, or None."""
        with self._lock:
            return copy.deepcopy(self._kept.get(key))

    def items(self, namespace: str | None = None) -> list[Manifest]:
        """Copies of what is kept, of one namespace or of all, in the order of their keys."""
        with self._lock:
            keys = sorted(key for key in self._kept if namespace is None or key.startswith(f"{namespace}/"))
            return [copy.deepcopy(self._kept[key]) for key in keys]

    def known(self) -> list[str]:
        """The keys of everything kept."""
        with self._lock:
            return sorted(self._kept)

    def observe(self, manifest: Manifest) -> None:
        """Take what the API server answered to a write of ours, so that the next look does not see an older state."""
        with self._lock:
            self._store(copy.deepcopy(manifest))

    def _store(self, manifest: Manifest) -> Manifest:
        """Keep the object, unless a newer state is kept already; gives what is kept."""
        key, version = key_of(manifest), int(manifest["metadata"]["resourceVersion"])
        if version > self._versions.get(key, -1):
            self._versions[key] = version
            self._kept[key] = self._keep(manifest)
        return self._kept[key]

    def _forget(self, key: str) -> Manifest | None:
        with self._lock:
            self._versions.pop(key, None)
            return self._kept.pop(key, None)

    def _run(self) -> None:
        back_off, trouble = FIRST_BACK_OFF, ""
        while not self._stopped.is_set():
            try:
                version = self._list()
                self.synced.set()
                if trouble:
                    self._log.info("watch of %s: well again", self.kind.plural)
                back_off, trouble = FIRST_BACK_OFF, ""
                while not self._stopped.is_set():
                    version = self._watch(version)
            except Exception as error:
                if self._stopped.is_set():
                    return
                trouble = self._complain(error, trouble)
                self._stopped.wait(back_off)
                back_off = min(back_off * 2, LAST_BACK_OFF)

    def _complain(self, error: Exception, trouble: str) -> str:
        """Say once what is wrong, however often it is tried again."""
        if isinstance(error, WatchEndedError):
            self._log.info("watch of %s: list again: %s", self.kind.plural, error)
            return trouble
        if not isinstance(error, (*UNREACHABLE, json.JSONDecodeError)):
            # A mistake in taking a change must not end the watch for all other objects.
            self._log.exception("watch of %s", self.kind.plural)
            return trouble
        if describe(error) != trouble:
            self._log.warning("watch of %s: %s; trying again", self.kind.plural, describe(error))
        return describe(error)

    def _request(self, timeout: float, form: str, **options: str | int | bool) -> Any:
        if self._field_selector:
            options["field_selector"] = self._field_selector
        # The client would add its own header to a dict that it is given.
        headers = {"Accept": METADATA.format(form)} if self._metadata_only else {}
        timeouts = (CONNECT_SECONDS, timeout)
        return self._client.request(
            "get", self._path, serialize=False, header_params=headers, _request_timeout=timeouts, **options
        )

    def _list(self) -> str:
        found = json.loads(self._request(READ_SECONDS, "List").data)
        present = set()
        for item in found["items"] or []:
            # Items of a list carry neither; the handlers rely on both.
            item.update(apiVersion=self.kind.api_version, kind=self.kind.name)
            key = key_of(item)
            present.add(key)
            known = self._kept.get(key)
            if known and known["metadata"]["uid"] != item["metadata"]["uid"]:
                # A list is the truth, also after an API server came back with other data and lower versions.
                self._gone(key)
                known = None
            self._changed("MODIFIED" if known else "ADDED", item)
        for key in set(self.known()) - present:
            self._gone(key)
        return str(found["metadata"]["resourceVersion"])

    def _gone(self, key: str) -> None:
        if known := self._forget(key):
            self._tell("DELETED", known)

    def _watch(self, version: str) -> str:
        response = self._request(
            WATCH_SECONDS + READ_SECONDS,
            "",
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=WATCH_SECONDS,
        )
        self._response = response
        try:
            for event in self._events(response):
                if event["type"] == "ERROR":
                    raise WatchEndedError(event["object"].get("message", "the watch ended"))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._changed(event["type"], event["object"])
        finally:
            self._response = None
            response.close()
        return version

    def _events(self, response: Any) -> Iterator[Manifest]:
        rest = b""
        # `stop` may have come before there was a response to shut down.
        for chunk in () if self._stopped.is_set() else response.stream(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines if line)

    def _changed(self, change: Change, manifest: Manifest) -> None:
        if change != "DELETED":
            with self._lock:
                kept = self._store(manifest)
            self._tell(change, kept)
            return
        key = key_of(manifest)
        known = self._kept.get(key)
        # An object re-created at once under its name may be known already, from a write of ours.
        if known and known["metadata"].get("uid") == manifest["metadata"]["uid"]:
            self._forget(key)
        self._tell("DELETED", self._keep(manifest))
