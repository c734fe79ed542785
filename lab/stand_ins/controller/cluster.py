"""One API server as a controller sees it: the verbs, the watched caches and the queue of what they notice.

Owns the set of informers. Does not own which kinds are watched, nor what is done about any event.
"""

import logging
import time
from collections.abc import Callable

from lab.home import LabError
from lab.kube import Manifest, connect
from lab.stand_ins.controller.api import Api, Kind, key_of
from lab.stand_ins.controller.informer import Informer, whole
from lab.stand_ins.controller.workqueue import Key, WorkQueue

SYNCED_SECONDS = 60.0


class WatchedCluster:
    """The connection to one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, manager: str, log: logging.Logger) -> None:
        self.context = context
        self.log = log
        self.queue = WorkQueue()
        self.api = Api(connect(context, discover=False), manager)
        self._informers: dict[Kind, Informer] = {}

    def watch(
        self,
        kind: Kind,
        keep: Callable[[Manifest], Manifest] = whole,
        *,
        handler: str = "",
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> None:
        """Keep a cache of the kind from `start` on, and queue what happens to its objects.

        Args:
            kind: what to watch, in all namespaces.
            keep: how much of each object stays in memory.
            handler: for the queued keys; the kind's name by default.
            field_selector: which objects; all by default.
            metadata_only: ask the server for nothing but metadata.
        """
        self._informers[kind] = Informer(
            self.api.client,
            kind,
            lambda _, found: self.queue.add(Key(handler or kind.name, key_of(found))),
            keep=keep,
            field_selector=field_selector,
            metadata_only=metadata_only,
            log=self.log,
        )

    def start(self) -> None:
        """Begin to watch everything, and fill the caches.

        Raises:
            LabError: they are not filled within a minute.
        """
        for informer in self._informers.values():
            informer.start()
        deadline = time.monotonic() + SYNCED_SECONDS
        for kind, informer in self._informers.items():
            if not informer.synced.wait(max(0.0, deadline - time.monotonic())):
                raise LabError(
                    f"The {kind.plural} of context {self.context!r} could not be listed within "
                    f"{SYNCED_SECONDS:.0f} seconds: the user needs list and watch on them (see the lines above)."
                )

    def stop(self) -> None:
        """End the watches and hand out no more work."""
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
