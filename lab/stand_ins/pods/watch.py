"""A kind of objects of one cluster, listed and then watched for as long as the runner lives.

Owns the recovery: an API server that restarts, drops the connection or has lost history is listed again, and whatever
went wrong in taking a change is thereby tried again. Does not own what a change means.
"""

import logging
import threading
from collections.abc import Callable

from lab.kube import Manifest
from lab.stand_ins.pods.cluster import UNREACHABLE, Cluster, describe

_RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


def _nothing(_: list[Manifest]) -> None:
    return


class Watch:
    """Tells of objects: all that are there as ADDED, then every change. `listed` is set after the first list."""

    def __init__(
        self,
        cluster: Cluster,
        kind: str,
        namespace: str | None,
        take: Callable[[str, Manifest], None],
        reconcile: Callable[[list[Manifest]], None] = _nothing,
    ) -> None:
        """`take` hears ADDED, MODIFIED or DELETED and the object; `reconcile` hears each list as a whole before."""
        self.listed = threading.Event()
        self._cluster = cluster
        self._kind = kind
        self._namespace = namespace
        self._take = take
        self._reconcile = reconcile
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        name = f"watch-{self._kind}-{self._namespace or 'all'}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more; the thread ends with the process."""
        self._stopped.set()

    def _serve(self) -> None:
        """List, then watch from there; begin again whenever that breaks off, whatever the cause."""
        trouble = ""
        title = f"{self._cluster.context} {self._kind}"
        while not self._stopped.is_set():
            try:
                objects, version = self._cluster.find_all(self._kind, self._namespace)
                self._reconcile(objects)
                for manifest in objects:
                    self._take("ADDED", manifest)
                self.listed.set()
                if trouble:
                    logger.info("%s: the API server answers again", title)
                    trouble = ""
                for change, manifest in self._cluster.watch(self._kind, self._namespace, version):
                    self._take(change, manifest)
            except UNREACHABLE as error:
                if not trouble:
                    trouble = describe(error)
                    logger.warning("%s: %s; trying again", title, trouble)
                self._stopped.wait(_RETRY_SECONDS)
            except Exception:
                # A mistake in here must not end the watch, and with it every pod, in silence.
                logger.exception("%s: the watch broke; trying again", title)
                self._stopped.wait(_RETRY_SECONDS)
