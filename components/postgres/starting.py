"""What a primary's server is given while its pod prepares it, before it serves (`apply_roles` in server.sh).

Two things it must not start without. A server that archives gives up every file of WAL that the store does not have
yet, with its first checkpoint without `archive_mode`. And slots, prepared transactions and their like are in the data:
with less room than they need, the server does not start. What is no such thing stays away, for it may do harm where
nobody else connects: a commit would wait for ever for the standbys of `synchronous_standby_names`.

A server that needs none of it is prepared as ever, for another pod is a restart of somebody's database.
"""

import shlex
from pathlib import Path

from components.postgres.parameters import MATCHED
from components.postgres.shape import PostgresServerArgs
from components.shell_script import read_script

# Comes before server.sh.
SCRIPT = read_script(Path(__file__).parent / "starting.sh")
VARIABLE = "STARTING"
_ARCHIVE_MODE = "archive_mode"
# With PostgreSQL's own values: with them, or with less, nothing is in the data that would want more.
_USUAL = {
    "wal_level": "replica",
    "max_replication_slots": "10",
    "max_prepared_transactions": "0",
    "max_active_replication_origins": "10",
    _ARCHIVE_MODE: "off",
}
# Files of WAL wait for the container or the program that archives them, which is not there yet.
_NOTHING_ARCHIVED = {"archive_command": "", "archive_library": ""}


def parameters(args: PostgresServerArgs) -> dict[str, str]:
    """The parameters, empty where the server needs none."""
    if args.role != "primary":
        return {}
    own = {**args.shape.parameters, **({_ARCHIVE_MODE: "on"} if args.shape.backup else {})}
    if all(own.get(name, usual).lower() == usual for name, usual in _USUAL.items()):
        return {}
    given = {name: value for name, value in sorted(own.items()) if name in _USUAL or name in MATCHED}
    return given | (_NOTHING_ARCHIVED if _ARCHIVE_MODE in given else {})


def options(given: dict[str, str]) -> str:
    """Parameters as the variable has them."""
    return shlex.join(part for name, value in given.items() for part in ("-c", f"{name}={value}"))
