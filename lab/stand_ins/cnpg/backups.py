"""The handler of Backups: a base backup by Barman of the primary that runs, and what becomes of older ones.

Owns the phases and the status (upstream: internal/controller/backup_controller.go, the plugin's
internal/cnpgi/instance/backup.go and retention.go). A Backup that has ended never changes again. The retention policy
is applied after each backup; the plugin does it twice an hour.
"""

from datetime import UTC, datetime

from lab.kube import Manifest
from lab.stand_ins.cnpg import archiving, barman
from lab.stand_ins.cnpg.barman import BackupInfo
from lab.stand_ins.cnpg.database import SqlError
from lab.stand_ins.cnpg.files import CONTROLLER
from lab.stand_ins.cnpg.instances import Instances
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.object_stores import ObjectStores, Opened, StoreError, archive_of
from lab.stand_ins.cnpg.server import Server, ServerError
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller.api import key_of, split_key
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.controller.workqueue import Key

STARTED, COMPLETED, FAILED = "started", "completed", "failed"
_CATALOGUE = f"{CONTROLLER}/log/backups.json"
NO_PLUGIN = "cannot proceed with the backup as the cluster has no plugin configured"
OTHER_METHOD = "the lab backs up by the barman-cloud plugin only: set spec.method to plugin"
INTERRUPTED = "the instance manager was restarted while the backup was being made"


def is_done(backup: Manifest) -> bool:
    """Whether a Backup has ended, well or not."""
    return backup.get("status", {}).get("phase") in {COMPLETED, FAILED}


class Backups:
    """The Backups of one group in one API server."""

    def __init__(self, group: Group, store: Store, instances: Instances, stores: ObjectStores, retry: float) -> None:
        self._group = group
        self._store = store
        self._instances = instances
        self._stores = stores
        self._retry = retry
        # Those that a thread of this process makes.
        self._made: set[str] = set()

    def check(self, key: str) -> float | None:
        """Make the base backup that is declared; returns in how many seconds to try again."""
        namespace, name = split_key(key)
        backup = self._store.get(self._group.backup, namespace, name)
        if backup is None or is_done(backup):
            return None
        cluster = self._store.get(self._group.cluster, namespace, backup["spec"]["cluster"]["name"])
        if backup.get("status", {}).get("phase") == STARTED and backup["metadata"]["uid"] not in self._made:
            self._end(backup, cluster, error=INTERRUPTED)
            return None
        if cluster is None:
            return self._wait(backup)
        destination = archive_of(cluster)
        if backup["spec"].get("method") != "plugin" or destination is None:
            fault = OTHER_METHOD if backup["spec"].get("method") != "plugin" else NO_PLUGIN
            self._end(backup, cluster, error=fault)
            return None
        primary = cluster.get("status", {}).get("currentPrimary", "")
        server = self._instances.running(namespace, primary)
        if server is None or self._others(backup):
            return self._wait(backup)
        self._make(backup, cluster, server)
        return None

    def _others(self, backup: Manifest) -> bool:
        """Whether another backup of the same Cluster is being made."""
        return any(
            found.get("status", {}).get("phase") == STARTED
            and found["spec"]["cluster"] == backup["spec"]["cluster"]
            and found["metadata"]["uid"] != backup["metadata"]["uid"]
            for found in self._store.items(self._group.backup, backup["metadata"]["namespace"])
        )

    def _wait(self, backup: Manifest) -> float:
        if backup.get("status", {}).get("phase") != "pending":
            self._write(backup, {"phase": "pending"})
        return self._retry

    def _make(self, backup: Manifest, cluster: Manifest, server: Server) -> None:
        self._made.add(backup["metadata"]["uid"])
        try:
            begun = {
                "phase": STARTED,
                "method": "plugin",
                "instanceID": {"podName": server.place.name},
                "reconciliationStartedAt": timestamp(),
            }
            backup = self._write(backup, begun)
            self._tell(cluster)
            try:
                opened = self._open(cluster, server)
                self._end(backup, cluster, **self._run(cluster, server, opened))
                self._maintain(cluster, server, opened)
            except (StoreError, ServerError, SqlError) as error:
                server.say("error", "Backup failed", backupName=backup["metadata"]["name"], error=str(error))
                self._end(backup, cluster, error=str(error))
        finally:
            self._made.discard(backup["metadata"]["uid"])

    def _open(self, cluster: Manifest, server: Server) -> Opened:
        if (destination := archive_of(cluster)) is None:
            raise StoreError(NO_PLUGIN)
        return self._stores.open(server, cluster["metadata"]["namespace"], destination)

    def _run(self, cluster: Manifest, server: Server, opened: Opened) -> Manifest:
        """Make the backup; returns what the Backup's status says of it."""
        archiving.ensure_first(server)
        name = f"backup-{datetime.now(UTC):%Y%m%d%H%M%S}"
        server.run_beside(*barman.back_up(*opened.place, name))
        known = self._look(cluster, server, opened)
        made = next((one for one in known if one.name == name and one.is_done), None)
        if made is None:
            raise StoreError(f"the catalogue of {opened.destination.server} has no backup {name}")
        return _facts(made, cluster)

    def _look(self, cluster: Manifest, server: Server, opened: Opened) -> list[BackupInfo]:
        """Read the catalogue, and tell of it in the ObjectStore's status."""
        known = catalogue(server, opened)
        self._stores.note(cluster["metadata"]["namespace"], opened.destination, barman.window(known))
        return known

    def _maintain(self, cluster: Manifest, server: Server, opened: Opened) -> None:
        """Delete what the retention policy does not need; a failure is the log's, for the backup has succeeded."""
        if not opened.retention:
            return
        try:
            server.run_beside(*barman.delete(*opened.place, opened.retention))
            self._forget(cluster, self._look(cluster, server, opened))
        except ServerError as error:
            server.say("error", "Retention policy enforcement failed", error=str(error))

    def _forget(self, cluster: Manifest, known: list[BackupInfo]) -> None:
        """Delete the Backups of which the store has nothing any more."""
        there = {one.identity for one in known}
        for found in self._store.items(self._group.backup, cluster["metadata"]["namespace"]):
            status, mine = found.get("status", {}), found["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
            uid = status.get("pluginMetadata", {}).get("clusterUID")
            if mine and uid == cluster["metadata"]["uid"] and status.get("backupId") not in there:
                self._store.api.delete(self._group.backup, *split_key(key_of(found)))

    def _end(self, backup: Manifest, cluster: Manifest | None, *, error: str = "", **facts: object) -> None:
        ended = {"phase": FAILED, "error": error} if error else {"phase": COMPLETED, **facts}
        self._write(backup, backup.get("status", {}) | ended | {"reconciliationTerminatedAt": timestamp()})
        if cluster:
            self._tell(cluster)

    def _write(self, backup: Manifest, status: Manifest) -> Manifest:
        return self._store.update_status(self._group.backup, backup | {"status": status})

    def _tell(self, cluster: Manifest) -> None:
        """Wake the Cluster, whose conditions tell of its archive and its last backup."""
        self._store.queue.add(Key(f"Cluster.{self._group.name}", key_of(cluster)))


def last(group: Group, store: Store, cluster: Manifest) -> Manifest:
    """The newest Backup of a Cluster that was begun; empty without one."""
    begun = [
        found
        for found in store.items(group.backup, cluster["metadata"]["namespace"])
        if found["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
        and found.get("status", {}).get("phase") in {STARTED, COMPLETED, FAILED}
        and found["metadata"]["creationTimestamp"] >= cluster["metadata"]["creationTimestamp"]
    ]
    return max(begun, key=lambda found: str(found["metadata"]["creationTimestamp"]), default={})


def catalogue(server: Server, opened: Opened) -> list[BackupInfo]:
    """The base backups in a folder, oldest first.

    Raises:
        ServerError: the store does not answer.
    """
    server.run_beside(*barman.catalogue(*opened.place, _CATALOGUE))
    return barman.backups(server.files.read(_CATALOGUE).decode())


def _facts(made: BackupInfo, cluster: Manifest) -> Manifest:
    return {
        "backupId": made.identity,
        "backupName": made.name,
        "beginWal": made.begin_wal,
        "endWal": made.end_wal,
        "beginLSN": made.begin_lsn,
        "endLSN": made.end_lsn,
        "online": True,
        "startedAt": barman.rfc3339(made.begin) if made.begin else None,
        "stoppedAt": barman.rfc3339(made.end) if made.end else None,
        "pluginMetadata": {
            "timeline": str(made.timeline),
            "clusterUID": cluster["metadata"]["uid"],
            "pluginName": barman.PLUGIN,
        },
    }
