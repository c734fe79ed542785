"""Barman's cloud tools: their command lines for an ObjectStore, and what their answers mean.

Pure functions (upstream: cloudnative-pg/barman-cloud, pkg/archiver, backup, catalog and command; plugin-barman-cloud,
internal/cnpgi). Runs none of them; where they are is up to pods/containers/barman_tools.py.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.binaries.backup_tools import interpreter
from lab.kube import Manifest
from lab.stand_ins.cnpg.files import CONTROLLER, PGDATA, SOCKETS
from lab.stand_ins.pods.containers.barman_tools import PACKAGES

PLUGIN = "barman-cloud.cloudnative-pg.io"
FIRST_ARCHIVE = f"{PGDATA}/.check-empty-wal-archive"
"""A file in a new data folder: as long as it is there, nothing is known of the folder that WAL goes to."""
FAULT = f"{CONTROLLER}/log/wal-archive.err"
"""What the last attempt to archive said, if it failed."""
_UNITS = {"d": "DAYS", "w": "WEEKS", "m": "MONTHS"}


@dataclass(frozen=True)
class BackupInfo:
    """One base backup of a catalogue; times are None for one that has not ended."""

    identity: str
    name: str
    begin_wal: str
    end_wal: str
    begin_lsn: str
    end_lsn: str
    timeline: int
    begin: datetime | None
    end: datetime | None

    @property
    def is_done(self) -> bool:
        """Whether it is whole."""
        return self.begin is not None and self.end is not None


def folder(store: str) -> str:
    """Where a server has what opens an ObjectStore."""
    return f"{CONTROLLER}/barman-{store}"


def runner(store: str, *, has_authority: bool, region: str) -> str:
    """A script that runs one of the tools on an ObjectStore: its name, then its arguments."""
    place = folder(store)
    environment = {
        "PYTHONPATH": PACKAGES,
        "PGHOST": SOCKETS,
        "AWS_SHARED_CREDENTIALS_FILE": f"{place}/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_CA_BUNDLE": f"{place}/ca.crt"} if has_authority else {}),
        **({"AWS_DEFAULT_REGION": region} if region else {}),
    }
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in environment.items())
    python = shlex.quote(str(interpreter()))
    return f'#!/bin/sh\n{exports}tool=$1\nshift\nexec {python} -s -P -m "barman.clients.$tool" "$@"\n'


def _run(store: str) -> list[str]:
    return ["sh", f"{folder(store)}/run"]


def _where(configuration: Manifest, server: str) -> list[str]:
    endpoint = configuration.get("endpointURL")
    given = ["--endpoint-url", endpoint] if endpoint else []
    return [*given, "--cloud-provider", "aws-s3", configuration["destinationPath"], server]


def _tags(configuration: Manifest) -> list[str]:
    tags: Mapping[str, str] = configuration.get("tags") or {}
    # Another option has to follow: the tool takes any number of them.
    return ["--tags", *(f"{key},{value}" for key, value in tags.items())] if tags else []


def check(store: str, configuration: Manifest, server: str) -> list[str]:
    """Refuse a folder that holds the WAL of another cluster."""
    return [*_run(store), "cloud_check_wal_archive", *_where(configuration, server)]


def archive(store: str, configuration: Manifest, server: str) -> list[str]:
    """Upload a file of WAL, whose path follows."""
    wal = configuration.get("wal") or {}
    options = [f"--{wal['compression']}"] if wal.get("compression") else []
    options += ["-e", wal["encryption"]] if wal.get("encryption") else []
    return [*_run(store), "cloud_walarchive", *options, *_tags(configuration), *_where(configuration, server)]


def fetch(store: str, configuration: Manifest, server: str) -> list[str]:
    """Download a file of WAL, whose name and destination follow."""
    return [*_run(store), "cloud_walrestore", *_where(configuration, server)]


def back_up(store: str, configuration: Manifest, server: str, name: str) -> list[str]:
    """Make a base backup of the server that runs."""
    data = configuration.get("data") or {}
    options = ["--user", "postgres", "--name", name]
    options += [f"--{data['compression']}"] if data.get("compression") else []
    options += ["--encryption", data["encryption"]] if data.get("encryption") else []
    options += ["--immediate-checkpoint"] if data.get("immediateCheckpoint") else []
    options += ["--jobs", str(data["jobs"])] if data.get("jobs") else []
    return [*_run(store), "cloud_backup", *options, *_tags(configuration), *_where(configuration, server)]


def catalogue(store: str, configuration: Manifest, server: str, output: str) -> list[str]:
    """List the base backups of a folder into a file."""
    line = [*_run(store), "cloud_backup_list", "--format", "json", *_where(configuration, server)]
    return ["sh", "-c", f"{shlex.join(line)} >{shlex.quote(output)}"]


def restore(store: str, configuration: Manifest, server: str, identity: str) -> list[str]:
    """Fill the data folder from a base backup."""
    return [*_run(store), "cloud_restore", *_where(configuration, server), identity, PGDATA]


def delete(store: str, configuration: Manifest, server: str, retention: str) -> list[str]:
    """Delete the backups that a retention policy (`30d`) does not need, and their WAL."""
    policy = f"RECOVERY WINDOW OF {retention[:-1]} {_UNITS[retention[-1]]}"
    return [*_run(store), "cloud_backup_delete", "--retention-policy", policy, *_where(configuration, server)]


def archive_script(store: str, configuration: Manifest, server: str) -> str:
    """What `archive_command` runs, with the file's path: nothing goes into a folder that was not empty at first."""
    first = shlex.join(check(store, configuration, server))
    upload = shlex.join(archive(store, configuration, server))
    return (
        "#!/bin/sh\n"
        f"fail() {{ code=$?; cat {FAULT} >&2; exit $code; }}\n"
        # Whoever is killed after the check need not check again, and must not: the folder may have a file by then.
        f"if [ -e {FIRST_ARCHIVE} ]; then\n    {first} 2>{FAULT} || fail\n    rm -f {FIRST_ARCHIVE}\nfi\n"
        f'{upload} "$1" 2>{FAULT} || fail\n'
    )


def refusing_script(reason: str) -> str:
    """What `archive_command` runs while the store cannot be opened."""
    return f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(reason)} | tee {FAULT} >&2\nexit 1\n"


def backups(answer: str) -> list[BackupInfo]:
    """A catalogue, oldest first."""
    found = [_backup(one) for one in json.loads(answer)["backups_list"]]
    return sorted(found, key=lambda one: one.identity)


def _backup(found: Mapping[str, Any]) -> BackupInfo:
    return BackupInfo(
        identity=found["backup_id"],
        name=found.get("backup_name") or "",
        begin_wal=found.get("begin_wal") or "",
        end_wal=found.get("end_wal") or "",
        begin_lsn=found.get("begin_xlog") or "",
        end_lsn=found.get("end_xlog") or "",
        timeline=int(found.get("timeline") or 0),
        begin=_time(found, "begin_time"),
        end=_time(found, "end_time"),
    )


def _time(found: Mapping[str, Any], key: str) -> datetime | None:
    text = found.get(f"{key}_iso")
    return datetime.fromisoformat(text) if text else None


def latest_before(known: Sequence[BackupInfo], target: str) -> BackupInfo | None:
    """The backup that a recovery starts from: the last one that had ended at a time (RFC 3339; empty for any)."""
    limit = moment(target) if target else None
    done = [one for one in known if one.is_done and (limit is None or (one.end and one.end <= limit))]
    return done[-1] if done else None


def moment(text: str) -> datetime:
    """A time in RFC 3339, read."""
    return datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))


def window(known: Sequence[BackupInfo]) -> Manifest:
    """`status.serverRecoveryWindow` of one folder: from when on something can be recovered, and the last backup."""
    ends = [one.end for one in known if one.is_done and one.end]
    if not ends:
        return {}
    return {"firstRecoverabilityPoint": rfc3339(ends[0]), "lastSuccessfulBackupTime": rfc3339(ends[-1])}


def rfc3339(time: datetime) -> str:
    """A time as Kubernetes writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
