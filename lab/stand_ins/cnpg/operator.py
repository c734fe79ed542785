"""One operator: the work loop of an API server, and who handles which event.

What a real operator does and this one leaves out: failover and switchover, volume snapshots, poolers, tablespaces,
Database and DatabaseRole objects, metrics, rolling updates of images, major upgrades, hibernation, fencing, and plugins
but the one for backups, of which there is only what barman.py and object_stores.py say.
"""

from collections.abc import Callable, Sequence

from lab.home import Home
from lab.stand_ins.cnpg import crds
from lab.stand_ins.cnpg.backups import Backups
from lab.stand_ins.cnpg.clusters import Clusters
from lab.stand_ins.cnpg.database import SqlError
from lab.stand_ins.cnpg.declared import Declared, Publications, Subscriptions
from lab.stand_ins.cnpg.instances import Instances
from lab.stand_ins.cnpg.kinds import GROUPS, Group
from lab.stand_ins.cnpg.scheduled import ScheduledBackups
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller import definitions
from lab.stand_ins.controller.api import Kind, split_key
from lab.stand_ins.controller.kinds import POD, SECRET, VOLUME_CLAIM
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.pods.answers import Answers

THREADS = 8
"""A statement may wait for a peer that does not answer; so many may wait before the others do."""
GRACE = 1.0
"""Seconds that work at hand gets to end: a statement may be waiting for a dead peer."""


class Operator:
    """The operator of one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(
        self, context: str, home: Home, retry: float, groups: Sequence[Group] = GROUPS, *, define: bool = True
    ) -> None:
        """`groups` are those that it serves; `define`: whether it makes their CRDs, which is OLM's where that is."""
        self.context = context
        self._groups = groups
        self._define = define
        self._store = store = Store(context, groups)
        self._instances = Instances(store, home)
        self._answers = Answers(home.kubelet_socket("cnpg", context), self._instances.find)
        self._worker = Worker(store.queue, self._handle, store.log, threads=THREADS, foreseen=(SqlError,))
        self._handlers: dict[str, Callable[[str], float | None]] = {
            SECRET.name: self._secret_changed,
            POD.name: lambda key: self._instance_changed(POD, key),
            VOLUME_CLAIM.name: lambda key: self._instance_changed(VOLUME_CLAIM, key),
        }
        for group in groups:
            declared: tuple[Declared, ...] = (
                Publications(group, store, self._instances, retry),
                Subscriptions(group, store, self._instances, retry),
            )
            self._handlers[f"Cluster.{group.name}"] = self._clusters(group, declared)
            backups = Backups(group, store, self._instances, self._instances.stores, retry)
            self._handlers[f"Backup.{group.name}"] = backups.check
            self._handlers[f"ScheduledBackup.{group.name}"] = ScheduledBackups(group, store).check
            for one in declared:
                self._handlers[f"{one.kind.name}.{group.name}"] = one.check

    def _clusters(self, group: Group, declared: tuple[Declared, ...]) -> Callable[[str], float | None]:
        clusters = Clusters(group, self._store, self._instances)
        seen: dict[str, tuple[int, bool]] = {}

        def check(key: str) -> float | None:
            again = clusters.check(key)
            namespace, name = split_key(key)
            now = self._condition(group, namespace, name)
            # A new spec, or a server that has come up, may be what its Publications and Subscriptions wait for.
            if seen.get(key) != now:
                seen[key] = now
                for kind in (one.kind for one in declared):
                    for found in self._store.items(kind, namespace):
                        if found["spec"]["cluster"]["name"] == name:
                            self._queue(kind.name, group, namespace, found["metadata"]["name"])
            return again

        return check

    def _condition(self, group: Group, namespace: str, name: str) -> tuple[int, bool]:
        """A Cluster's generation, and whether its primary runs."""
        cluster = self._store.get(group.cluster, namespace, name) or {"metadata": {"generation": 0}}
        primary = cluster.get("status", {}).get("currentPrimary", "")
        return cluster["metadata"]["generation"], self._instances.running(namespace, primary) is not None

    def start(self) -> None:
        """Install the CRDs, fill the caches, and begin to work.

        Raises:
            LabError: the caches are not filled within a minute.
            kubernetes.client.exceptions.ApiException: the API server refuses a CRD.
        """
        if self._define:
            definitions.install(self._store.api, crds.definitions())
        self._store.start()
        self._answers.start()
        self._worker.start()

    def wait_until_ready(self, _: float) -> bool:
        """Always: what there was at the start may take its time."""
        return True

    def stop(self) -> None:
        """Begin nothing more, and stop every server; pods and data stay for the next start."""
        self._answers.stop()
        self._store.stop()
        self._worker.join(GRACE)
        self._instances.stop_all()

    def _handle(self, key: Key) -> float | None:
        return self._handlers[key.handler](key.name)

    def _queue(self, kind: str, group: Group, namespace: str, name: str) -> None:
        self._store.queue.add(Key(f"{kind}.{group.name}", f"{namespace}/{name}"))

    def _secret_changed(self, key: str) -> None:
        """Wake the Clusters that use a Secret, if it is theirs or labelled; other changes nobody notices."""
        namespace, name = split_key(key)
        secret = self._store.get(SECRET, namespace, name)
        for group in self._groups:
            for cluster in self._store.items(group.cluster, namespace):
                mine = secret is None or any(owner["uid"] == cluster["metadata"]["uid"] for owner in secret["owners"])
                if mine or group.label("reload") in (secret or {}).get("labels", {}):
                    self._queue("Cluster", group, namespace, cluster["metadata"]["name"])

    def _instance_changed(self, kind: Kind, key: str) -> None:
        namespace, name = split_key(key)
        found = self._store.get(kind, namespace, name)
        for group in self._groups:
            cluster = (found or {}).get("labels", {}).get(group.label("cluster"))
            if cluster:
                self._queue("Cluster", group, namespace, cluster)
        if known := self._instances.cluster_of(key):
            self._queue("Cluster", known[0], namespace, known[1])
