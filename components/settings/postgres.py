"""Settings of the PostgreSQL primary and its standbys."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from components.postgres.parameters import MATCHED
from components.settings.mistakes import Mistake
from components.settings.section import (
    Image,
    Password,
    Positive,
    Quantity,
    Resources,
    Rotation,
    Section,
    Text,
    checked,
    section,
)

# Where the server listens, where its data is and whom it follows: postgres/server.sh.
_RESERVED = frozenset(
    {
        "config_file",
        "data_directory",
        "hba_file",
        "hot_standby",
        "listen_addresses",
        "logging_collector",
        "max_slot_wal_keep_size",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "unix_socket_directories",
    }
)

_SECRETS = ("applicationPassword", "replicationPassword")
_PRIMARYS = (*_SECRETS, "passwordRotation", "maxSlotWalKeepSize")
_STANDBYS = ("smokeTest",)


def _parameter(text: str) -> str | None:
    """The name of a server setting that is not the program's own business."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", text):
        return "PostgreSQL's settings have names of lower-case letters, digits and underscores, such as shared_buffers"
    if text in _RESERVED:
        return "the pod sets it itself; remove it"
    return None


def _wal_size(text: str) -> str | None:
    """A size as PostgreSQL's settings have it."""
    if re.fullmatch(r"[1-9][0-9]{0,5}(MB|GB|TB)", text):
        return None
    return "it is no size in PostgreSQL's form; write for example 512MB or 4GB"


class Postgres(Section):
    """`rhsi:postgres`, in the stacks of both sites."""

    enabled: bool = False
    image: Image = ""
    run_as_user: Positive | None = None
    size: Quantity = "10Gi"
    storage_class: Text = ""
    resources: Resources = Resources(requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"})
    parameters: dict[Annotated[str, checked(_parameter)], Text] = Field(default_factory=dict)
    # The primary's.
    application_password: Password | None = None
    replication_password: Password | None = None
    password_rotation: Rotation = 1
    max_slot_wal_keep_size: Annotated[str, checked(_wal_size)] = "4GB"
    # A standby's.
    smoke_test: bool = False


def _of_parameters(parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """What would keep a standby from following."""
    for name, value in parameters.items():
        if not isinstance(value, str):
            continue
        if name in MATCHED and not re.fullmatch(r"[0-9]{1,9}", value):
            fix = f'a standby is told of it as a whole number; write for example "{MATCHED[name]}"'
            yield Mistake(f"postgres.parameters.{name}", value, fix)
        if name == "wal_level" and value.lower() not in {"replica", "logical"}:
            yield Mistake(f"postgres.parameters.{name}", value, "no standby can follow it; write replica or logical")


def postgres_mistakes(raw: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    """What only several keys together tell."""
    postgres = section(raw, "postgres")
    if postgres and "enabled" not in postgres:
        fix = "write true to have the database, or false to keep these settings without it"
        yield Mistake.of("postgres.enabled", None, fix)
    yield from _of_parameters(section(postgres, "parameters"))
    others = {"primary": _STANDBYS, "standby": _PRIMARYS}.get(str(raw.get("role")), ())
    other = "standby" if others is _STANDBYS else "primary"
    for key in others:
        if key in postgres:
            fix = f"it belongs into the {other}'s stack; move it there"
            yield Mistake(f"postgres.{key}", postgres[key], fix, secret=key in _SECRETS)
    for key in _SECRETS:
        if key in postgres and "postgres" not in secret_keys:
            fix = f"it is in plain text; set it with `pulumi config set --secret --path 'rhsi:postgres.{key}'`"
            yield Mistake(f"postgres.{key}", postgres[key], fix, secret=True)
