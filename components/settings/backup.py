"""Backups of a database in an object store, and the recovery from them: settings of `rhsi:edb`."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Count, Section, checked, section


def _bucket(text: str) -> str | None:
    """A folder in an S3 store."""
    return (
        None
        if re.fullmatch(r"s3://[^/\s]+(/\S*)?", text)
        else "write a bucket with a folder, such as s3://backups/rhsi"
    )


def _retention(text: str) -> str | None:
    """How long backups are kept (pattern of the CRD)."""
    return None if re.fullmatch(r"[1-9][0-9]*[dwm]", text) else "write days, weeks or months, such as 30d, 4w or 6m"


def _schedule(text: str) -> str | None:
    """Six cron fields."""
    return None if len(text.split()) == 6 else "write six cron fields, seconds first, such as 0 0 2 * * *"


def _time(text: str) -> str | None:
    """A point in time with its zone (RFC 3339)."""
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    return None if zone else "write a time with its zone, such as 2026-11-23T21:30:00Z"


def _role(text: str) -> str | None:
    """The ARN of an AWS role."""
    return (
        None
        if re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", text, re.ASCII)
        else "write the role's ARN, such as arn:aws:iam::123456789012:role/backups"
    )


def _secret_key(text: str) -> str | None:
    """A key of a Secret."""
    return (
        None if re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", text) else "it is no key of a Secret; write for example REGION"
    )


def _tag(text: str) -> str | None:
    """Key or value of a tag, as barman-cloud takes them on its command line: a comma parts the one from the other."""
    return None if re.fullmatch(r"[\w .:/=+@-]+", text) else "letters, digits, spaces and . : / = + - _ @ make a tag"


class Backup(Section):
    """`rhsi:edb.backup`, an object store of the barman-cloud plugin."""

    destination_path: Annotated[str, checked(_bucket)] = ""
    """Bucket and folder for base backups and WAL, such as `s3://backups/rhsi`; nothing is backed up without it."""
    endpoint_url: Annotated[str, checked(formats.url)] = ""
    """URL of a store that is not AWS's own."""
    endpoint_ca: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Secret in the database's namespace whose key `ca.crt` holds the authority of `endpointUrl`, where the system's
    authorities do not know it."""
    credentials: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Secret in the database's namespace with the keys `ACCESS_KEY_ID` and `ACCESS_SECRET_KEY`; without it the pods'
    own role opens the store. Make it before the first `up` that backs up."""
    region_key: Annotated[str, checked(_secret_key)] = ""
    """Key of the same Secret that holds the store's region, such as `REGION`, for stores that ask for one."""
    iam_role: Annotated[str, checked(_role)] = ""
    """ARN of the AWS role that the pods take on instead of keys; the operator writes it to their service account."""
    server_name: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Folder of this cluster's life below `destinationPath`; the cluster's name by default. A cluster from backups
    needs another than the one it came from."""
    retention: Annotated[str, Field(min_length=1), checked(_retention)] = "30d"
    """How far back a recovery must be possible: days, weeks or months, such as `30d`; what is older is deleted."""
    schedule: Annotated[str, Field(min_length=1), checked(_schedule)] = "0 0 2 * * *"
    """When base backups are made: six cron fields, seconds first, in the operator's time zone."""
    immediate: bool = True
    """Makes a base backup as soon as the schedule exists: before the first one no recovery is possible."""
    compression: Literal["", "bzip2", "gzip", "lz4", "snappy"] = ""
    """Compression of base backups; none by default."""
    wal_compression: Literal["", "bzip2", "gzip", "lz4", "snappy", "xz", "zstd"] = ""
    """Compression of WAL; none by default."""
    encryption: Literal["", "AES256", "aws:kms"] = ""
    """Encryption that the store is asked for; the bucket's own policy by default."""
    data_jobs: Count = 0
    """Uploads of a base backup at a time; 0 is the plugin's default, 2."""
    wal_max_parallel: Count = 0
    """Files of WAL that are archived, or restored, at a time; 0 is the plugin's default, 1."""
    tags: dict[Annotated[str, checked(_tag)], Annotated[str, checked(_tag)]] = Field(default_factory=dict)
    """Tags of every object in the store, for example for its life-cycle rules."""


class Recovery(Section):
    """`rhsi:edb.recovery`, for a cluster that is made anew from backups."""

    server_name: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Folder of the backups to start from, below `backup.destinationPath`; only a cluster that does not exist yet reads
    it."""
    target_time: Annotated[str, checked(_time)] = ""
    """Moment, with its zone, up to which changes are taken, such as `2026-11-23T21:30:00Z`; everything by default."""


def backup_mistakes(database: Mapping[str, Any], key: str) -> Iterator[Mistake]:
    """What both sections of the block at `rhsi:<key>` tell together; works on unchecked values."""
    backup, recovery = section(database, "backup"), section(database, "recovery")
    if backup and not recovery and not backup.get("destinationPath"):
        fix = f"without it nothing is backed up; set it, or remove rhsi:{key}.backup"
        yield Mistake.of(f"{key}.backup.destinationPath", None, fix)
    if backup.get("iamRole") and backup.get("credentials"):
        fix = f"keys and a role exclude each other; remove it, or rhsi:{key}.backup.credentials"
        yield Mistake.of(f"{key}.backup.iamRole", backup["iamRole"], fix)
    if backup.get("endpointCa") and not str(backup.get("endpointUrl") or "").startswith("https://"):
        fix = "the authority belongs to an endpoint with TLS; set its URL, which begins with https://"
        yield Mistake.of(f"{key}.backup.endpointUrl", backup.get("endpointUrl"), fix)
    if backup.get("regionKey") and not backup.get("credentials"):
        yield Mistake.of(f"{key}.backup.credentials", None, "regionKey is a key of that Secret; name it")
    if recovery and not recovery.get("serverName"):
        fix = "name the folder of the backups to start from, such as edb-site-a"
        yield Mistake.of(f"{key}.recovery.serverName", None, fix)
    if recovery and not backup.get("destinationPath"):
        yield Mistake.of(f"{key}.backup.destinationPath", None, "a recovery reads the backups there; set it")
    if recovery.get("serverName") and recovery["serverName"] == backup.get("serverName"):
        fix = "the recovered cluster may not write into the folder that it came from; add for example -2"
        yield Mistake.of(f"{key}.backup.serverName", backup["serverName"], fix)
    if recovery.get("serverName") and not backup.get("serverName"):
        fix = "the recovered cluster needs a folder of its own; write for example edb-site-a-2"
        yield Mistake.of(f"{key}.backup.serverName", None, fix)
