"""Settings of the PostgreSQL primary and its standbys."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Image, Password, Quantity, Resources, Rotation, Section, checked, section

# PostgreSQL 16 for arbitrary users on OpenShift; elsewhere the official one, with the UID of its postgres user.
IMAGES = {"openshift": "quay.io/sclorg/postgresql-16-c9s:c9s", "kubernetes": "docker.io/library/postgres:16-bookworm"}
USERS = {"openshift": 0, "kubernetes": 999}

_SECRETS = ("applicationPassword", "replicationPassword")
_PRIMARYS = (*_SECRETS, "passwordRotation", "maxSlotWalKeepSize")
_STANDBYS = ("smokeTest",)


class Postgres(Section):
    """`rhsi:postgres`, in the stacks of both sites."""

    enabled: bool = False
    image: Image = ""
    run_as_user: Annotated[int, Field(ge=1)] | None = None
    size: Quantity = "10Gi"
    storage_class: str = ""
    resources: Resources = Resources(requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"})
    parameters: dict[Annotated[str, checked(formats.postgres_parameter)], str] = Field(default_factory=dict)
    # The primary's.
    application_password: Password | None = None
    replication_password: Password | None = None
    password_rotation: Rotation = 1
    max_slot_wal_keep_size: Annotated[str, checked(formats.postgres_size)] = "4GB"
    # A standby's.
    smoke_test: bool = False

    def image_on(self, platform: str) -> str:
        """The image of the server and of the smoke test."""
        return self.image or IMAGES[platform]

    def user_on(self, platform: str) -> int:
        """The UID of both, 0 for "as the cluster assigns"."""
        return self.run_as_user or USERS[platform]


def postgres_mistakes(raw: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    """What only several keys together tell."""
    postgres = section(raw, "postgres")
    if postgres and "enabled" not in postgres:
        fix = "write true to have the database, or false to keep these settings without it"
        yield Mistake.of("postgres.enabled", None, fix)
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
