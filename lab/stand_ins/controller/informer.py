"""A watched cache of one kind in all namespaces, as client-go's informer.

Owns listing, watching, and recovery: an API server that restarts, drops the connection or answers 410 Gone is listed
again after a back-off, and what disappeared meanwhile is reported. Does not own the work that follows (workqueue).
"""

import copy
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from lab.kube import Manifest
from lab.stand_ins.controller.api import Kind, key_of

# The API server ends a watch after this time; the read time-out is longer, so that it finds only a dead connection.
WATCH_SECONDS = 240
FIRST_BACK_OFF, LAST_BACK_OFF = 0.1, 2.0


class WatchEndedError(Exception):
    """The API server ended the watch with an error event, for example 410 Gone."""


def whole(manifest: Manifest) -> Manifest:
    """Keep everything but the field ownership, which is the larger half of an object and read by nobody here."""
    manifest["metadata"].pop("managedFields", None)
    return manifest


def brief(manifest: Manifest, **more: object) -> Manifest:
    """Keep only what identifies the object, and `more`."""
    metadata = manifest["metadata"]
    return {"metadata": {field: metadata[field] for field in ("namespace", "name", "uid")}, **more}


class Informer:
    """Keeps `keep(object)` for every object of a kind and calls `notify(key)` whenever one comes, changes or goes.

    `keep` decides what stays in memory; for kinds that are not the controller's own it should be little (`brief`).
    """

    def __init__(
        self,
        client: DynamicClient,
        kind: Kind,
        notify: Callable[[str], None],
        *,
        keep: Callable[[Manifest], Manifest] = whole,
        field_selector: str | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self.kind = kind
        self.synced = threading.Event()
        self._client = client
        self._notify = notify
        self._keep = keep
        self._field_selector = field_selector
        self._lock = threading.Lock()
        self._kept: dict[str, Manifest] = {}
        self._versions: dict[str, int] = {}
        self._stopped = threading.Event()
        self._log = log or logging.getLogger(__name__)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        threading.Thread(target=self._run, name=f"watch-{self.kind.plural}", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more. A watch that is under way ends with the process: its thread is a daemon."""
        self._stopped.set()

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

    def _store(self, manifest: Manifest) -> bool:
        key, version = key_of(manifest), int(manifest["metadata"]["resourceVersion"])
        if version <= self._versions.get(key, -1):
            return False
        self._versions[key] = version
        self._kept[key] = self._keep(manifest)
        return True

    def _forget(self, key: str) -> None:
        self._kept.pop(key, None)
        self._versions.pop(key, None)

    def _run(self) -> None:
        back_off = FIRST_BACK_OFF
        while not self._stopped.is_set():
            try:
                version = self._list()
                back_off = FIRST_BACK_OFF
                self.synced.set()
                while not self._stopped.is_set():
                    version = self._watch(version)
            except (ApiException, WatchEndedError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                # The library's own texts repeat the whole URL and the chain of causes.
                reason = error if isinstance(error, WatchEndedError) else type(error).__name__
                self._log.info("watch of %s: list again in %.1f s: %s", self.kind.plural, back_off, reason)
                self._stopped.wait(back_off)
                back_off = min(back_off * 2, LAST_BACK_OFF)

    def _request(self, timeout: float, **options: str | int | bool) -> Any:
        if self._field_selector:
            options["field_selector"] = self._field_selector
        return self._client.request("get", self.kind.path(), serialize=False, _request_timeout=(5, timeout), **options)

    def _list(self) -> str:
        found = json.loads(self._request(30).data)
        present = set()
        for item in found["items"]:
            # Items of a list carry neither; the handlers rely on both.
            item.update(apiVersion=self.kind.api_version, kind=self.kind.name)
            key = key_of(item)
            present.add(key)
            known = self.get(key)
            if known and known["metadata"]["uid"] != item["metadata"]["uid"]:
                # A list is the truth, also after an API server came back with other data and lower versions.
                with self._lock:
                    self._forget(key)
            self._changed("ADDED", item)
        for key in set(self.known()) - present:
            with self._lock:
                self._forget(key)
            self._notify(key)
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> str:
        response = self._request(
            WATCH_SECONDS + 30,
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=WATCH_SECONDS,
        )
        try:
            for event in self._events(response):
                if event["type"] == "ERROR":
                    raise WatchEndedError(event["object"].get("message", "the watch ended"))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._changed(event["type"], event["object"])
        finally:
            response.close()
        return version

    @staticmethod
    def _events(response: Any) -> Iterator[Manifest]:
        rest = b""
        for chunk in response.stream(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines if line)

    def _changed(self, event: str, manifest: Manifest) -> None:
        with self._lock:
            if event == "DELETED":
                # An object re-created at once under its name may be known already, from a write of ours.
                known = self._kept.get(key_of(manifest))
                if known and known["metadata"].get("uid") == manifest["metadata"]["uid"]:
                    self._forget(key_of(manifest))
            else:
                self._store(manifest)
        self._notify(key_of(manifest))
