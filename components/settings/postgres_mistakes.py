"""What only several keys of `rhsi:postgres` together tell; works on unchecked values of whatever shape."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.platform import PLATFORMS
from components.postgres import versions
from components.postgres.accounts import APPLICATION_USER
from components.postgres.parameters import MATCHED
from components.settings.backup import backup_mistakes
from components.settings.mistakes import Mistake
from components.settings.section import section

_SECRETS = ("applicationPassword", "replicationPassword")
_PRIMARYS = (
    *_SECRETS,
    "passwordRotation",
    "maxSlotWalKeepSize",
    "databases",
    "manageSlots",
    "promotedStandby",
    "recovery",
)
_ARCHIVING = ("archive_mode", "archive_command", "archive_library")
_STANDBYS = ("smokeTest", "promoted")
# Each standby needs one of either for as long as it follows.
_PER_STANDBY = {"max_replication_slots": 10, "max_wal_senders": 10}
# What the maker of the platform's image leaves out.
_WITHOUT_IMAGE = {("openshift", 17)}


def postgres_mistakes(raw: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    """All of them."""
    postgres, role = section(raw, "postgres"), str(raw.get("role"))
    if postgres and "enabled" not in postgres:
        fix = "write true to have the database, or false to keep these settings without it"
        yield Mistake.of("postgres.enabled", None, fix)
    yield from _of_parameters(section(postgres, "parameters"))
    yield from _of_other_role(postgres, role)
    yield from _in_plain_text(postgres, secret_keys)
    yield from _of_version(postgres, str(section(raw, "cluster").get("platform", "openshift")))
    yield from _of_owners(postgres)
    yield from _of_backup(postgres)
    if role == "primary" and postgres.get("enabled") is True:
        yield from _of_standbys(postgres, section(raw, "standbys"))


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


def _of_other_role(postgres: Mapping[str, Any], role: str) -> Iterator[Mistake]:
    others = {"primary": _STANDBYS, "standby": _PRIMARYS}.get(role, ())
    other = "standby" if others is _STANDBYS else "primary"
    fix = f"it belongs into the {other}'s stack; move it there"
    for key in others:
        # A promoted server keeps WAL for whoever follows it.
        if key in postgres and not (key == "maxSlotWalKeepSize" and postgres.get("promoted") is True):
            meant = " (here it is `promoted`)" if key == "promotedStandby" else ""
            meant = " (there it is `promotedStandby`, with the standby's site)" if key == "promoted" else meant
            yield Mistake(f"postgres.{key}", postgres[key], f"{fix}{meant}", secret=key in _SECRETS)
    if role == "standby":
        for name, user in section(postgres, "users").items():
            if isinstance(user, dict) and "password" in user:
                yield Mistake(f"postgres.users.{name}.password", user["password"], fix, secret=True)


def _in_plain_text(postgres: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    given = {key: postgres[key] for key in _SECRETS if key in postgres}
    for name, user in section(postgres, "users").items():
        if isinstance(user, dict) and "password" in user:
            given[f"users.{name}.password"] = user["password"]
    for key, value in given.items():
        if "postgres" not in secret_keys:
            fix = f"it is in plain text; set it with `pulumi config set --secret --path 'rhsi:postgres.{key}'`"
            yield Mistake(f"postgres.{key}", value, fix, secret=True)


def _of_version(postgres: Mapping[str, Any], platform: str) -> Iterator[Mistake]:
    version, image = postgres.get("version"), postgres.get("image")
    if not isinstance(version, int) or isinstance(version, bool):
        return
    told = versions.told_by(image) if isinstance(image, str) else None
    if told and told != version:
        fix = f"the name of rhsi:postgres.image says {told}; write the version that the image has"
        yield Mistake("postgres.version", version, fix)
    if not image and platform in PLATFORMS and (platform, version) in _WITHOUT_IMAGE:
        fix = (
            "there is no usual image of that version for OpenShift; name one in rhsi:postgres.image, or write 16 or 18"
        )
        yield Mistake("postgres.version", version, fix)


def _of_backup(postgres: Mapping[str, Any]) -> Iterator[Mistake]:
    """What a backup of the streaming database cannot be besides that of a replicated one."""
    yield from backup_mistakes(postgres, "postgres")
    backup = section(postgres, "backup")
    schedule = backup.get("schedule")
    if isinstance(schedule, str) and len(schedule.split()) == 6 and schedule.split()[0] != "0":
        fix = "a CronJob, which makes these backups, knows no seconds; write 0 as the first field"
        yield Mistake.of("postgres.backup.schedule", schedule, fix)
    for name in _ARCHIVING:
        if backup and name in section(postgres, "parameters"):
            fix = "with rhsi:postgres.backup the program sets it; remove it"
            yield Mistake.of(f"postgres.parameters.{name}", section(postgres, "parameters")[name], fix)


def _of_owners(postgres: Mapping[str, Any]) -> Iterator[Mistake]:
    users = section(postgres, "users")
    for name, database in section(postgres, "databases").items():
        owner = database.get("owner", APPLICATION_USER) if isinstance(database, dict) else APPLICATION_USER
        if isinstance(owner, str) and owner and owner != APPLICATION_USER and owner not in users:
            fix = f"no user of rhsi:postgres.users has that name; add it there, or write {APPLICATION_USER}"
            yield Mistake(f"postgres.databases.{name}.owner", owner, fix)


def _of_standbys(postgres: Mapping[str, Any], standbys: Mapping[str, Any]) -> Iterator[Mistake]:
    promoted = postgres.get("promotedStandby")
    if isinstance(promoted, str) and promoted and promoted not in standbys:
        fix = "it is no entry of rhsi:standbys; write the site of the standby that was promoted"
        yield Mistake("postgres.promotedStandby", promoted, fix)
    parameters = section(postgres, "parameters")
    for name, usual in _PER_STANDBY.items():
        value = parameters.get(name, str(usual))
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) and int(value) < len(standbys):
            fix = f'each of the {len(standbys)} standbys needs one; write for example "{2 * len(standbys)}"'
            yield Mistake(f"postgres.parameters.{name}", value, fix)
