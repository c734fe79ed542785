"""One cluster's part of the network: watches its Services and pods, and keeps routes and names in step with them."""

import logging
from collections.abc import Callable

from lab.home import Home, context_folder
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import POD, SERVICE
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.network.names import HostsFiles
from lab.stand_ins.network.routing import keep_of_pod, keep_of_service, names, table
from lab.stand_ins.network.table import Address, Table

# Changes come in bursts; one look is enough for each.
SETTLE_SECONDS = 0.02
LOOK = Key("look", "")


class ClusterNetwork:
    """The Services and pods of one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, home: Home, tell: Callable[[str, Table], None]) -> None:
        """`tell` is given the context and its whole table whenever something has changed."""
        self.context = context
        self._tell = tell
        self._cluster = cluster = WatchedCluster(context, "lab-network", logging.getLogger(f"network.{context}"))
        self._api_server = Address(cluster.api.server.hostname or "", cluster.api.server.port or 443)
        folder = home.folder("network", context_folder(context))
        # Pods of any UID find their file by its path.
        folder.chmod(0o755)
        self._files = HostsFiles(folder)
        cluster.watch(SERVICE, keep_of_service)
        cluster.watch(POD, keep_of_pod)
        self._worker = Worker(cluster.queue, self._handle, cluster.log)

    def start(self) -> None:
        """Fill the caches and begin to work.

        Raises:
            LabError: they are not filled within a minute.
        """
        self._cluster.start()
        self._worker.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether what there was at the start is served."""
        return self._cluster.queue.wait_until_idle(timeout)

    def stop(self) -> None:
        """Begin nothing more."""
        self._cluster.stop()

    def _handle(self, key: Key) -> None:
        if key == LOOK:
            self._look()
        else:
            self._cluster.queue.add_after(LOOK, SETTLE_SECONDS)

    def _look(self) -> None:
        services, pods = self._cluster.items(SERVICE), self._cluster.items(POD)
        self._tell(self.context, table(services, pods, self._api_server))
        namespaces = {found["metadata"]["namespace"] for found in (*services, *pods)}
        self._files.write(namespaces, names(services, pods))
