"""Settings of the PostgreSQL primary and its standbys; what they may not say together is in postgres_mistakes.py."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings import formats, postgres_formats
from components.settings.backup import Backup, Recovery
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
)

RoleName = Annotated[str, Field(min_length=1), checked(postgres_formats.role_name)]
DatabaseName = Annotated[str, Field(min_length=1), checked(postgres_formats.database_name)]
AccessRule = Annotated[str, Field(min_length=1), checked(postgres_formats.access_rule)]


class PostgresUser(Section):
    """`rhsi:postgres.users.<name>`; on a standby, the name alone: its Secret is brought there."""

    password: Password | None = None
    """Of one more user, on the primary, as an encrypted value; random without one. The primary makes the user on the
    running server, with the Secret `postgres-user-<name>`, and offers the password to its standbys; a standby names
    those whose Secrets it wants. A user whose entry goes stays in the server, and may still log in. Another password is
    taken over with the next `passwordRotation`."""


class PostgresDatabase(Section):
    """`rhsi:postgres.databases.<name>`, on the primary."""

    owner: Annotated[str, Field(min_length=1)] = "appuser"
    """Who owns one more database: one of `users`, or `appuser`. It is made on the running server, and stays when its
    entry goes."""


class Postgres(Section):
    """`rhsi:postgres`, in the stacks of both sites."""

    enabled: bool = False
    """Whether this site has the streaming database: a primary, or a standby that follows it."""
    version: Literal[16, 17, 18] | None = None
    """PostgreSQL's major version, the same on all sites. Without it, the image's name decides, and without an image it
    is 16. With it, a server whose volume or image has another version refuses to start and says so. Setting it restarts
    the server once."""
    image: Image = ""
    """An image with sh and PostgreSQL's programs; empty means the platform's."""
    run_as_user: Positive | None = None
    """UID of the server. Default: the platform's; OpenShift assigns one."""
    size: Quantity = "10Gi"
    """Size of the volume, when it is made."""
    storage_class: Text = ""
    """StorageClass of the volume, when it is made; empty means the cluster's default."""
    resources: Resources = Resources(requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"})
    """What the server asks for and may not exceed."""
    parameters: dict[Annotated[str, checked(postgres_formats.parameter)], Text] = Field(default_factory=dict)
    """Settings of the server by PostgreSQL's names, each as text, such as `shared_buffers: "512MB"`."""
    users: dict[RoleName, PostgresUser] = Field(default_factory=dict)
    """More users, by name."""
    pg_hba: list[AccessRule] = Field(default_factory=list)
    """Lines of the type `host` for pg_hba.conf, with the method `scram-sha-256` or `reject`. They come after those that
    this program's own users need and before the one that lets in every user with a password. Who comes over the link
    has the address of a router's pod. The first and the last line start the server again; another one does so on a
    standby only, a primary reloads."""
    pod_disruption_budget: bool = False
    """Whether a PodDisruptionBudget forbids to evict the server's pod. It has no second pod to take over, so draining
    its node then waits until somebody deletes the pod: turn it on where that is to be a person's decision."""
    monitoring: bool = False
    """Whether an exporter runs beside the server, for Prometheus' operator (its PodMonitor). It reads as
    `rhsi_monitor`, a member of pg_monitor that the primary's stack makes: turn it on there first. Turning it on or off
    restarts the server."""
    exporter_image: Image = ""
    """Image of that exporter; empty means the program's."""
    backup: Backup = Backup()
    """Backups of the server in an object store: WAL as it is written, base backups by the schedule, whose first field,
    the seconds, is 0. A standby's begin with its promotion. `serverName` is `postgres-<site>` by default, Secrets are
    in the site's namespace, `walMaxParallel` counts for a recovery only. `rhsi:pods.proxy` is the way to the store. A
    change starts the server again."""
    backup_image: Image = ""
    """An image with Barman's cloud tools and PostgreSQL of the same major version as the server's; empty means the
    program's."""
    # The primary's.
    recovery: Recovery = Recovery()
    """The primary's: what it is made from while its volume is empty."""
    application_password: Password | None = None
    """On the primary: the password of `appuser`, as an encrypted value; random without one."""
    replication_password: Password | None = None
    """On the primary: the password of `replicator`, as an encrypted value; random without one."""
    password_rotation: Rotation = 1
    """The primary's: one more takes new passwords for all users; it only grows."""
    max_slot_wal_keep_size: Annotated[str, checked(postgres_formats.wal_size)] = "4GB"
    """How much WAL a standby that is away may hold back; beyond it needs a new copy. The primary's, and a promoted
    standby's, which keeps as much for each other entry of the primary's `standbys`, also for one that has no PostgreSQL
    and never asks for it: its volume needs room for that."""
    databases: dict[DatabaseName, PostgresDatabase] = Field(default_factory=dict)
    """The primary's: more databases, by name."""
    manage_slots: bool = False
    """The primary's: whether `up` makes a slot for each of `standbys`, and drops that of one whose entry is gone once
    nobody uses it. Otherwise a standby makes its own at its first copy, and a person drops it."""
    promoted_standby: Annotated[str, checked(formats.kubernetes_name)] = ""
    """On the primary: the standby that was promoted, or is about to be. This site's own server stops, its volume stays,
    and `postgres-primary` leads to the promoted server. Passwords still come from this stack."""
    # A standby's.
    promoted: bool = False
    """On a standby: whether its server takes writes from now on. `up` promotes the server unless somebody has already,
    and `postgres-primary` leads to it. It never follows again. `up` refuses while the primary still sends WAL."""
    smoke_test: bool = False
    """The standby's: whether a Job writes a row on the primary and awaits it here; a promoted server has none."""
