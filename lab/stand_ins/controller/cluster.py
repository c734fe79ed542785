"""One API server as a controller sees it: the verbs, the watched caches and the queue of what they notice.

Owns the set of informers. Does not own which kinds are watched, nor what is done about any event.
"""

import logging
from collections.abc import Callable

from lab.kube import Manifest, connect
from lab.stand_ins.controller.api import Api, Kind
from lab.stand_ins.controller.informer import Informer, whole
from lab.stand_ins.controller.workqueue import Key, WorkQueue


class WatchedCluster:
    """The connection to one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, manager: str, log: logging.Logger) -> None:
        self.context = context
        self.log = log
        self.queue = WorkQueue()
        self.api = Api(connect(context), manager)
        self._informers: dict[Kind, Informer] = {}

    def watch(
        self,
        kind: Kind,
        keep: Callable[[Manifest], Manifest] = whole,
        *,
        handler: str = "",
        field_selector: str | None = None,
    ) -> None:
        """Keep a cache of the kind from `start` on, and queue what happens to its objects.

        Args:
            kind: what to watch, in all namespaces.
            keep: how much of each object stays in memory.
            handler: for the queued keys; the kind's name by default.
            field_selector: which objects; all by default.
        """
        self._informers[kind] = Informer(
            self.api.client,
            kind,
            lambda key: self.queue.add(Key(handler or kind.name, key)),
            keep=keep,
            field_selector=field_selector,
            log=self.log,
        )

    def start(self) -> None:
        """Begin to watch everything."""
        for informer in self._informers.values():
            informer.start()

    def synced(self, timeout: float) -> bool:
        """Whether every cache has been filled within so many seconds (each)."""
        return all(informer.synced.wait(timeout) for informer in self._informers.values())

    def stop(self) -> None:
        """End the watches' re-connects and hand out no more work."""
        for informer in self._informers.values():
            informer.stop()
        self.queue.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """A copy of the cached object."""
        return self._informers[kind].get(f"{namespace}/{name}")

    def items(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        """Copies of the cached objects."""
        return self._informers[kind].items(namespace)

    def known(self, kind: Kind) -> list[str]:
        """The keys of the cached objects."""
        return self._informers[kind].known()

    def update(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Write the object; the cache follows at once."""
        return self.observed(kind, self.api.replace(kind, manifest))

    def update_status(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Write the status; the cache follows at once."""
        return self.observed(kind, self.api.replace_status(kind, manifest))

    def observed(self, kind: Kind, written: Manifest) -> Manifest:
        """Let the cache know what the API server answered to a write."""
        self._informers[kind].observe(written)
        return written
