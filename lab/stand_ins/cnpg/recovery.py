"""The first start of a primary from backups: `bootstrap.recovery` with a source in an object store.

Owns what upstream's Job `<instance>-full-recovery` does (pkg/management/postgres/restore.go, the plugin's
internal/cnpgi/restore/restore.go): the last base backup before the target, the WAL after it up to the target, and the
promotion. Restores neither from volume snapshots nor from Backup objects.
"""

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.kube import Manifest
from lab.stand_ins.cnpg import barman, bootstrap, parameters
from lab.stand_ins.cnpg.backups import catalogue
from lab.stand_ins.cnpg.bootstrap import BootstrapError
from lab.stand_ins.cnpg.database import SqlError
from lab.stand_ins.cnpg.files import CONTROLLER, PGDATA
from lab.stand_ins.cnpg.object_stores import Destination, ObjectStores, StoreError, archive_of, source_of
from lab.stand_ins.cnpg.server import Server, ServerError

SECONDS = 600.0
"""How long the WAL may take; upstream waits for ever."""
_FIRST_WAL = f"{CONTROLLER}/log/test.wal"
_TARGETS = {"targetLSN": "lsn", "targetName": "name", "targetXID": "xid", "targetTLI": "timeline"}


def recover(server: Server, cluster: Manifest, stores: ObjectStores) -> None:
    """Fill the data folder from the source and let the server become a primary; it is down again afterwards.

    Raises:
        BootstrapError: there is nothing to recover from, or it cannot be.
    """
    source = source_of(cluster)
    if source is None:
        raise BootstrapError("the lab recovers from an object store of the barman-cloud plugin only: name it as source")
    server.files.clear()
    try:
        _check_archive(server, cluster, stores)
        _restore(server, cluster, stores, source)
        server.start()
        try:
            _await_promotion(server)
        finally:
            server.stop()
    except (ServerError, SqlError, StoreError) as error:
        server.say("error", "Error while restoring a backup", error=str(error))
        raise BootstrapError(str(error)) from error


def _check_archive(server: Server, cluster: Manifest, stores: ObjectStores) -> None:
    destination = archive_of(cluster)
    if destination is None:
        return
    opened = stores.open(server, cluster["metadata"]["namespace"], destination)
    server.run_beside(*barman.check(*opened.place))


def _restore(server: Server, cluster: Manifest, stores: ObjectStores, source: Destination) -> None:
    opened = stores.open(server, cluster["metadata"]["namespace"], source)
    target = cluster["spec"]["bootstrap"]["recovery"].get("recoveryTarget", {})
    where = opened.place
    known = [one for one in catalogue(server, opened) if target.get("backupID", one.identity) == one.identity]
    found = barman.latest_before(known, target.get("targetTime", ""))
    if found is None:
        raise StoreError("no target backup found")
    server.say("info", "Target backup found", backup=found.identity)
    # A backup whose first file of WAL is missing can never be consistent.
    server.run_beside(*barman.fetch(*where), found.begin_wal, _FIRST_WAL)
    server.run_beside(*barman.restore(*where, found.identity))
    bootstrap.configure(server, cluster)
    fetch = " ".join(barman.fetch(*where))
    settings = {
        "restore_command": f"{fetch} %f %p",
        "recovery_target_action": "promote",
        **{f"recovery_target_{_TARGETS[key]}": value for key, value in target.items() if key in _TARGETS},
    }
    if "targetTime" in target:
        # PostgreSQL reads this one before it knows the names of time zones, `Z` among them.
        settings["recovery_target_time"] = f"{barman.moment(target['targetTime']):%Y-%m-%d %H:%M:%S.%f%z}"
    if target.get("targetImmediate"):
        settings["recovery_target"] = "immediate"
    if target.get("exclusive"):
        settings["recovery_target_inclusive"] = "false"
    server.files.write(f"{PGDATA}/override.conf", parameters.render(settings).encode())
    server.files.write(f"{PGDATA}/recovery.signal", b"")


def _await_promotion(server: Server) -> None:
    @retry(retry=retry_if_result(lambda done: not done), wait=wait_fixed(0.1), stop=stop_after_delay(SECONDS))
    def promoted() -> bool:
        if not server.alive:
            raise ServerError("the server ended before the recovery target was reached; its log says why")
        with server.database.session() as session:
            return not session.value("SELECT pg_is_in_recovery()")

    try:
        promoted()
    except RetryError as error:
        raise ServerError(f"the recovery did not end within {SECONDS:.0f} s") from error
