"""The lab's own clusters together, as the other parts see them.

Owns the kubeconfigs of their administrator. What a cluster consists of is cluster.py's business.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from lab.files import write_private
from lab.servers.cluster import Cluster
from lab.servers.supervisor import Supervisor


class OwnClusters:
    """All clusters of the lab together, as the other parts see them."""

    def __init__(self, supervisor: Supervisor, contexts: Sequence[str], programs: dict[str, Path]) -> None:
        self._clusters = {
            context: Cluster(context, number, supervisor, programs) for number, context in enumerate(contexts)
        }
        self._file = supervisor.home.root / "kubeconfig"

    @property
    def kubeconfig(self) -> str:
        """The file with all contexts."""
        return str(self._file)

    def start_api(self) -> None:
        """Start all API servers at the same time and write the kubeconfigs."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(Cluster.start_api, self._clusters.values()))
        for context, cluster in self._clusters.items():
            write_private(self.kubeconfig_of(context), _kubeconfig([cluster]))
        write_private(self._file, _kubeconfig(list(self._clusters.values())))

    def start_controllers(self) -> None:
        """Start all controller managers at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(Cluster.start_controllers, self._clusters.values()))

    def start_kubelets(self) -> dict[str, int]:
        """Start all kubelets at the same time, which need no API server; the port of each context's."""
        with ThreadPoolExecutor() as threads:
            return dict(zip(self._clusters, threads.map(Cluster.start_kubelet, self._clusters.values()), strict=True))

    def url(self, context: str) -> str:
        """The API server."""
        return self._clusters[context].url

    def authority(self, context: str) -> str:
        """PEM of the authority that the API server is known by."""
        return self._clusters[context].authority.read_text()

    def kubeconfig_of(self, context: str) -> Path:
        """The file with this context only."""
        return self._clusters[context].kubeconfig


def _kubeconfig(clusters: Sequence[Cluster]) -> bytes:
    """A kubeconfig with a context for each cluster; the first is the current one."""
    entries = [(cluster.context, *cluster.entry()) for cluster in clusters]
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster} for name, cluster, _, _ in entries],
            "users": [{"name": name, "user": user} for name, _, user, _ in entries],
            "contexts": [{"name": name, "context": context} for name, _, _, context in entries],
            "current-context": entries[0][0],
        }
    ).encode()
