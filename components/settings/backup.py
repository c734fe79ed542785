"""Backups of a database in an object store, and the recovery from them: settings of `rhsi:edb`."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Section, checked, section


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


class Backup(Section):
    """`rhsi:edb.backup`, an object store of the barman-cloud plugin."""

    destination_path: Annotated[str, checked(_bucket)] = ""
    endpoint_url: Annotated[str, checked(formats.url)] = ""
    credentials: Annotated[str, checked(formats.kubernetes_name)] = ""
    server_name: Annotated[str, checked(formats.kubernetes_name)] = ""
    retention: Annotated[str, Field(min_length=1), checked(_retention)] = "30d"
    schedule: Annotated[str, Field(min_length=1), checked(_schedule)] = "0 0 2 * * *"


class Recovery(Section):
    """`rhsi:edb.recovery`, for a cluster that is made anew from backups."""

    server_name: Annotated[str, checked(formats.kubernetes_name)] = ""
    target_time: Annotated[str, checked(_time)] = ""


def backup_mistakes(database: Mapping[str, Any], key: str) -> Iterator[Mistake]:
    """What both sections of the block at `rhsi:<key>` tell together; works on unchecked values."""
    backup, recovery = section(database, "backup"), section(database, "recovery")
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
