"""A cluster in memory, for controllers whose work is a queue of keys: an API, its caches and the queue in one.

Knows owner references and generations; runs no threads. `settle` works the queue off with a controller's handler.
"""

import copy
import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.stand_ins.controller.api import Kind, key_of, split_key
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.controller.informer import whole
from lab.stand_ins.controller.workqueue import Key

STEPS = 2000


class FakeApi:
    """The verbs, on a dict."""

    def __init__(self, cluster: "FakeCluster") -> None:
        self._cluster = cluster

    def get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        return copy.deepcopy(self._cluster.objects.get((kind.name, f"{namespace or ''}/{name}")))

    def list(self, kind: Kind, namespace: str | None = None, label_selector: str | None = None) -> list[Manifest]:
        wanted = dict(one.split("=") for one in label_selector.split(",")) if label_selector else {}
        return [
            copy.deepcopy(one)
            for (name, key), one in sorted(self._cluster.objects.items())
            if name == kind.name
            and (not namespace or split_key(key)[0] == namespace)
            and wanted.items() <= (one["metadata"].get("labels") or {}).items()
        ]

    def create(self, kind: Kind, namespace: str | None, body: Manifest) -> Manifest:
        made = copy.deepcopy(body)
        metadata = made.setdefault("metadata", {})
        if namespace:
            metadata["namespace"] = namespace
        if prefix := metadata.pop("generateName", None):
            metadata["name"] = f"{prefix}{next(self._cluster.numbers):05}"
        if self.get(kind, namespace, metadata["name"]):
            raise ConflictError(ApiException(status=409, reason="Conflict"))
        metadata |= {"uid": f"uid-{next(self._cluster.numbers)}", "generation": 1, "creationTimestamp": timestamp()}
        return self._cluster.store(kind, made)

    def replace(self, kind: Kind, body: Manifest) -> Manifest:
        before = self._present(kind, body)
        made = {**copy.deepcopy(body), **({"status": before["status"]} if "status" in before else {})}
        if made.get("spec") != before.get("spec"):
            made["metadata"]["generation"] = before["metadata"]["generation"] + 1
        return self._cluster.store(kind, made)

    def replace_status(self, kind: Kind, body: Manifest) -> Manifest:
        return self._cluster.store(kind, {**self._present(kind, body), "status": copy.deepcopy(body["status"])})

    def apply(self, kind: Kind, namespace: str | None, body: Manifest) -> Manifest:
        before = self.get(kind, namespace, body["metadata"]["name"])
        if before is None:
            return self.create(kind, namespace, body)
        metadata = {**before["metadata"], **copy.deepcopy(body["metadata"])}
        return self.replace(kind, {**before, **copy.deepcopy(body), "metadata": metadata})

    def patch(self, kind: Kind, namespace: str | None, body: Manifest, subresource: str | None = None) -> Manifest:
        before = self.get(kind, namespace, body["metadata"]["name"])
        assert before
        assert subresource == "status"
        merged = {**(before.get("status") or {}), **copy.deepcopy(body["status"])}
        return self._cluster.store(kind, {**before, "status": {k: v for k, v in merged.items() if v is not None}})

    def delete(self, kind: Kind, namespace: str | None, name: str, _: Any = None) -> None:
        self._cluster.remove(kind.name, f"{namespace or ''}/{name}")

    def _present(self, kind: Kind, body: Manifest) -> Manifest:
        before = self._cluster.objects[kind.name, key_of(body)]
        if body["metadata"].get("resourceVersion", "") != before["metadata"]["resourceVersion"]:
            raise ConflictError(ApiException(status=409, reason="Conflict"))
        return before


class FakeQueue:
    """Keys in their order; what is due later comes when nothing else is left, and once only."""

    def __init__(self) -> None:
        self.ready: deque[Key] = deque()

    def add(self, key: Key) -> None:
        if key not in self.ready:
            self.ready.append(key)


class FakeCluster:
    """Stands for a WatchedCluster."""

    def __init__(self, context: str = "site-a", *_: Any) -> None:
        self.context = context
        self.log = logging.getLogger("test")
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.numbers = itertools.count(1)
        self.queue = FakeQueue()
        self.api = FakeApi(self)
        self._watched: dict[str, Callable[[Manifest], Manifest]] = {}

    def watch(self, kind: Kind, keep: Callable[[Manifest], Manifest] = whole, **_: Any) -> None:
        self._watched[kind.name] = keep

    def start(self) -> None:
        """There is nothing to start."""

    stop = start

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        found = self.api.get(kind, namespace, name)
        return self._watched[kind.name](found) if found else None

    def items(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        return [self._watched[kind.name](one) for one in self.api.list(kind, namespace)]

    def update(self, kind: Kind, manifest: Manifest) -> Manifest:
        return self.api.replace(kind, manifest)

    def update_status(self, kind: Kind, manifest: Manifest) -> Manifest:
        return self.api.replace_status(kind, manifest)

    def observed(self, _: Kind, written: Manifest) -> Manifest:
        return written

    def store(self, kind: Kind, made: Manifest) -> Manifest:
        made["metadata"]["resourceVersion"] = str(next(self.numbers))
        self.objects[kind.name, key_of(made)] = made
        self._tell(kind.name, key_of(made))
        return copy.deepcopy(made)

    def remove(self, kind: str, key: str) -> None:
        gone = self.objects.pop((kind, key), None)
        if gone is None:
            return
        self._tell(kind, key)
        for (other, place), one in list(self.objects.items()):
            owners = one["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                self.remove(other, place)

    def settle(self, handle: Callable[[Key], float | None]) -> None:
        """Work off what there is to do."""
        for _ in range(STEPS):
            if not self.queue.ready:
                return
            handle(self.queue.ready.popleft())
        raise AssertionError(f"it never comes to an end: {list(self.queue.ready)[:5]}")

    def _tell(self, kind: str, key: str) -> None:
        if kind in self._watched:
            self.queue.add(Key(kind, key))
