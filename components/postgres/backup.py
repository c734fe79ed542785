"""Backups of a streaming server in an object store, and the recovery of a new one from them.

Barman's cloud tools run in a container beside the server, which archives WAL through it (`archive.sh`, `backup.sh` in
this folder); a CronJob has it make base backups (backup_schedule.py). A server that follows archives nothing before its
promotion. The Secrets that are named are the user's, who makes them: this program reads none of them.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.container_resources import BACKUP
from components.edb.backup import AUTHORITY, BackupArgs, RecoveryArgs
from components.restricted_pod import SECRETS, container_security, secret_mount, secret_volume
from components.shell_script import read_script

# CloudNativePG's images of this kind have Barman's tools and PostgreSQL, which a recovery needs in one place.
IMAGE = "ghcr.io/cloudnative-pg/postgresql:{version}-system-bookworm"
CONTAINER = "backup"
SPOOL = "/spool"
ARCHIVE_SCRIPT = read_script(Path(__file__).parent / "archive.sh")
SCRIPT = read_script(Path(__file__).parent / "backup.sh")
_KEYS, _AUTHORITY = "backup", "backup-authority"
_TEMPORARY = "/tmp"  # noqa: S108 -- an emptyDir of the pod
_UNITS = {"d": "DAYS", "w": "WEEKS", "m": "MONTHS"}


@dataclass(frozen=True, kw_only=True)
class ServerBackup:
    """What keeps the backups of one server.

    Attributes:
        image: with Barman's cloud tools and PostgreSQL of the server's major version.
        store: where they go, and when.
        recovery: what an empty volume is filled from; without a name, from nothing.
        proxy: variables that say through which proxy the store is reached.
    """

    image: str
    store: BackupArgs
    recovery: RecoveryArgs
    proxy: Mapping[str, str]


def _options(store: BackupArgs, compression: str, *, upload: bool) -> list[str]:
    """What the tools have in common; an option has to follow the tags, of which there may be any number."""
    found: list[str] = []
    if upload:
        found += [f"--{compression}"] if compression else []
        found += ["--encryption", store.encryption] if store.encryption else []
        found += ["--tags", *(f"{key},{value}" for key, value in store.tags.items())] if store.tags else []
    found += ["--endpoint-url", store.endpoint_url] if store.endpoint_url else []
    return [*found, "--cloud-provider", "aws-s3"]


def _with_offset(time: str) -> str:
    """A time as PostgreSQL takes it on its command line, where it does not know names of zones yet, not even Z."""
    return datetime.fromisoformat(time).isoformat(" ") if time else ""


def tools(backup: ServerBackup) -> str:
    """The functions that backup.sh calls, with every setting in them."""
    store, recovery = backup.store, backup.recovery
    plain = _options(store, "", upload=False)
    here, there = [store.destination_path, store.server_name], [store.destination_path, recovery.server_name]
    window = f"RECOVERY WINDOW OF {store.retention[:-1]} {_UNITS[store.retention[-1]]}"
    jobs = ["--jobs", str(store.data_jobs)] if store.data_jobs else []
    until = ["--target-time", recovery.target_time] if recovery.target_time else []
    # Ahead of what is asked for; its usual folder is on the image's file system, which nobody may write to.
    parallel = ["--parallel", str(store.wal_max_parallel), "--spool-dir", f"{_TEMPORARY}/walrestore"]
    ahead = parallel if store.wal_max_parallel else []
    lines = {
        "archive": ["barman-cloud-wal-archive", *_options(store, store.wal_compression, upload=True), *here],
        "check": ["barman-cloud-check-wal-archive", *plain, *here],
        "back_up": [
            "barman-cloud-backup",
            "--immediate-checkpoint",
            "--user=postgres",
            *jobs,
            *_options(store, store.compression, upload=True),
            *here,
        ],
        "clean": ["barman-cloud-backup-delete", "--retention-policy", window, *plain, *here],
        "restore": ["barman-cloud-restore", *until, *plain, *there, "auto"],
    }
    fetch = shlex.join(["barman-cloud-wal-restore", *ahead, *plain, *there]) + ' "$1" "$2"'
    functions = [f'{name}() {{ {shlex.join(line)} "$@"; }}' for name, line in lines.items()]
    given = [f"export FETCH={shlex.quote(fetch)} TARGET={shlex.quote(_with_offset(recovery.target_time))}"]
    if store.region_key:
        file = shlex.quote(f"{SECRETS}/{_KEYS}/{store.region_key}")
        given.append(f"IFS= read -r AWS_DEFAULT_REGION <{file} || :\nexport AWS_DEFAULT_REGION")
    if store.endpoint_ca:
        given.append(f"export AWS_CA_BUNDLE={SECRETS}/{_AUTHORITY}/{AUTHORITY}")
    return "\n".join([*functions, *given, ""])


def _container(
    name: str,
    backup: ServerBackup,
    step: str,
    *,
    environment: list[dict[str, Any]],
    mounts: list[dict[str, Any]],
    resources: dict[str, dict[str, str]],
) -> dict[str, Any]:
    values = {
        "SPOOL": SPOOL,
        "FOLDER": backup.store.server_name,
        "FIRST": str(backup.store.immediate).lower(),
        **backup.proxy,
    }
    own = [{"name": name, "value": value} for name, value in values.items()]
    return {
        "name": name,
        "image": backup.image,
        "command": ["/bin/sh", "-c", tools(backup) + SCRIPT, "postgres-backup", step],
        "env": [*environment, *own],
        "resources": resources,
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *mounts,
            {"name": "spool", "mountPath": SPOOL},
            *map(secret_mount, _secrets(backup.store)),
        ],
    }


def _secrets(store: BackupArgs) -> dict[str, str]:
    named = {_KEYS: store.credentials, _AUTHORITY: store.endpoint_ca}
    return {folder: secret for folder, secret in named.items() if secret}


def beside(backup: ServerBackup, environment: list[dict[str, Any]], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """The container that archives, with the variables and mounts of the server's own."""
    return _container(CONTAINER, backup, "serve", environment=environment, mounts=mounts, resources=BACKUP.manifest())


def recovering(
    backup: ServerBackup,
    environment: list[dict[str, Any]],
    mounts: list[dict[str, Any]],
    *,
    resources: dict[str, dict[str, str]],
    parameters: list[str],
) -> dict[str, Any]:
    """The container before all that make something, which fills an empty volume.

    It runs the server itself, with its parameters, such as `shared_buffers`, and with what that may use.
    """
    found = _container("recover", backup, "recover", environment=environment, mounts=mounts, resources=resources)
    return {**found, "args": parameters}


def volumes(backup: ServerBackup) -> list[dict[str, Any]]:
    """What the pod has more."""
    return [
        {"name": "spool", "emptyDir": {}},
        *(secret_volume(folder, secret) for folder, secret in _secrets(backup.store).items()),
    ]


SERVER_PARAMETERS = ["-c", "archive_mode=on", "-c", 'archive_command=sh -c "$ARCHIVE" archive %f']
# Before the user's own, which may say otherwise: how much of the latest past a lost volume takes with it.
USUAL_PARAMETERS = ["-c", "archive_timeout=5min"]
SERVER_ENVIRONMENT = [{"name": "ARCHIVE", "value": ARCHIVE_SCRIPT}, {"name": "SPOOL", "value": SPOOL}]
SERVER_MOUNT = {"name": "spool", "mountPath": SPOOL}
