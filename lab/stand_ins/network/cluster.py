"""One cluster's part of the network: watches its Services and pods, and keeps routes and names in step with them."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from lab.home import Home
from lab.kube import connect
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.informer import Informer
from lab.stand_ins.network.names import HostsFiles
from lab.stand_ins.network.routing import keep_of_pod, keep_of_service, names, table
from lab.stand_ins.network.table import Address, Table
from lab.stand_ins.pods.logs import context_folder

SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
# Changes come in bursts; one look is enough for each.
SETTLE_SECONDS = 0.02


class ClusterNetwork:
    """The Services and pods of one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, home: Home, tell: Callable[[str, Table], None]) -> None:
        """`tell` is given the context and its whole table whenever something has changed."""
        client = connect(context)
        self.context = context
        self._tell = tell
        url = urlsplit(client.client.configuration.host)
        self._api_server = Address(url.hostname or "", url.port or 443)
        folder = home.folder("network", context_folder(context))
        # Pods of any UID find their file by its path.
        folder.chmod(0o755)
        self._files = HostsFiles(folder)
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._services = Informer(client, SERVICE, lambda _: self._changed.set(), keep=keep_of_service)
        self._pods = Informer(client, POD, lambda _: self._changed.set(), keep=keep_of_pod)

    def start(self) -> None:
        """Begin to watch and to work."""
        self._services.start()
        self._pods.start()
        threading.Thread(target=self._run, name=f"network-{self.context}", daemon=True).start()

    def synced(self, timeout: float) -> bool:
        """Whether both caches are filled within so many seconds (each)."""
        return self._services.synced.wait(timeout) and self._pods.synced.wait(timeout)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped.set()
        self._changed.set()
        self._services.stop()
        self._pods.stop()

    def _run(self) -> None:
        while self._changed.wait() and not self._stopped.is_set():
            self._stopped.wait(SETTLE_SECONDS)
            self._changed.clear()
            services, pods = self._services.items(), self._pods.items()
            self._tell(self.context, table(services, pods, self._api_server))
            namespaces = {found["metadata"]["namespace"] for found in (*services, *pods)}
            self._files.write(namespaces, names(services, pods))
