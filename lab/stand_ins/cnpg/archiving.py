"""The archive of WAL: what PostgreSQL runs for each file, and whether it works.

Owns the script and the condition `ContinuousArchiving` (upstream: pkg/management/postgres/webserver/local.go, the
plugin's internal/cnpgi/common/wal.go). One file is archived at a time, whatever `wal.maxParallel` says.
"""

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.kube import Manifest
from lab.stand_ins.cnpg import barman, parameters, status
from lab.stand_ins.cnpg.database import Session
from lab.stand_ins.cnpg.files import CONTROLLER
from lab.stand_ins.cnpg.object_stores import ObjectStores, StoreError, archive_of
from lab.stand_ins.cnpg.server import Server

SCRIPT = f"{CONTROLLER}/barman-wal-archive/run"
FIRST_SECONDS = 60.0
AGAIN = 5.0
"""Seconds between two looks at an archive, of which no watch tells."""
_STATE = (
    "SELECT archived_count > 0, coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) "
    "FROM pg_catalog.pg_stat_archiver"
)


def command(cluster: Manifest) -> str:
    """`archive_command` of a Cluster's servers."""
    return f"sh {SCRIPT} %p" if archive_of(cluster) else parameters.NO_ARCHIVE


def prepare(stores: ObjectStores, server: Server, cluster: Manifest) -> None:
    """Write what `archive_command` runs; nothing for a Cluster without an archive."""
    destination = archive_of(cluster)
    if destination is None:
        return
    try:
        opened = stores.open(server, cluster["metadata"]["namespace"], destination)
    except StoreError as error:
        script = barman.refusing_script(str(error))
    else:
        script = barman.archive_script(destination.store, opened.configuration, destination.server)
    server.files.write(SCRIPT, script.encode())


def describe(now: Manifest, server: Server, session: Session) -> None:
    """Set the condition from what the server tells of its archive; before its first file it tells nothing.

    Raises:
        SqlError: the server does not answer.
    """
    (works, fails), *_ = session.rows(_STATE)
    if fails:
        status.set_archiving(now, server.files.last_line(barman.FAULT) or "archive_command failed")
    elif works:
        status.set_archiving(now)


def ensure_first(server: Server) -> None:
    """Archive one file of WAL if none has been, as upstream does before the first backup.

    Raises:
        SqlError: the server does not answer.
        StoreError: the archive does not take it.
    """
    with server.database.session() as session:
        (works, _), *_ = session.rows(_STATE)
        if works:
            return
        session.execute("CHECKPOINT")
        session.execute("SELECT pg_switch_wal()")

        @retry(retry=retry_if_result(lambda done: not done), wait=wait_fixed(0.1), stop=stop_after_delay(FIRST_SECONDS))
        def archived() -> bool:
            return bool(session.rows(_STATE)[0][0])

        try:
            archived()
        except RetryError as error:
            raise StoreError(f"no WAL is archived: {server.files.last_line(barman.FAULT)}") from error
