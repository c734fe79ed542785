"""PostgreSQL as a primary and its streaming standbys, each in its own cluster.

Owns what the two are to each other: the roles, the way in which a standby finds the primary, and the slot that keeps
the primary's WAL for it. Promotion is a person's decision and happens in the pod (docs/runbook.md). How the primary's
name comes into the standby's cluster is the business of services.py, how a password does that of external_secrets.py.
"""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.postgres.server import PORT, PostgresServer, PostgresServerArgs, ServerShape
from components.restricted_pod import SECRETS

PRIMARY = "postgres-primary"
STANDBY = "postgres-standby"
DATABASE = "app"
APPLICATION_USER = "appuser"
REPLICATION_USER = "replicator"
# A libpq service file: it carries a password to psql, pg_basebackup and the server alike, without argument or variable.
SERVICE_FILE = "pg_service.conf"


@dataclass(frozen=True, kw_only=True)
class PostgresPrimaryArgs:
    """The primary.

    Attributes:
        namespace: where it runs.
        shape: of its server.
        application_secret: Secret of the user that owns the database, with `username` and `password`.
        replication_secret: Secret of the user as whom standbys connect, likewise.
        password_rotation: another one starts the server again, which then takes the passwords of these Secrets.
        wal_keep: how much WAL it keeps for a standby that is away, as a PostgreSQL size (`4GB`); beyond that the
            standby needs a new copy.
        timeout: how long `up` waits until it answers, as a Go duration.
    """

    namespace: str
    shape: ServerShape
    application_secret: pulumi.Input[str]
    replication_secret: pulumi.Input[str]
    password_rotation: int
    wal_keep: str
    timeout: str


@dataclass(frozen=True, kw_only=True)
class PostgresStandbyArgs:
    """A standby.

    Attributes:
        namespace: where it runs.
        shape: of its server.
        site: names it, and its slot, on the primary.
        replication_secret: Secret whose key `pg_service.conf` says how to reach the primary.
    """

    namespace: str
    shape: ServerShape
    site: str
    replication_secret: pulumi.Input[str]


def slot_name(site: str) -> str:
    """A standby's slot, and its name, on the primary. No two sites share one: a site's name has no underscores."""
    return site.replace("-", "_")


def service_file(database: str) -> str:
    """The primary as a libpq service of that name, as a template of the fields `username` and `password`."""
    lines = {
        "host": PRIMARY,
        "port": PORT,
        "dbname": database,
        "user": "{{ .username }}",
        "password": "{{ .password }}",
        "connect_timeout": 10,
    }
    return f"[{PRIMARY}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def primary_server(args: PostgresPrimaryArgs) -> PostgresServerArgs:
    """The primary as a server. It starts again for new passwords, which it applies at every start."""
    return PostgresServerArgs(
        server=PRIMARY,
        namespace=args.namespace,
        role="primary",
        shape=args.shape,
        environment={
            "APPLICATION": f"{SECRETS}/application",
            "REPLICATION": f"{SECRETS}/replication",
            "DATABASE": DATABASE,
            "WAL_KEEP": args.wal_keep,
        },
        secrets={"application": args.application_secret, "replication": args.replication_secret},
        restart=f"passwords-{args.password_rotation}",
        timeout=args.timeout,
    )


def standby_server(args: PostgresStandbyArgs) -> PostgresServerArgs:
    """The standby as a server. Nobody awaits it: its first start copies the primary, and that takes what it takes."""
    return PostgresServerArgs(
        server=STANDBY,
        namespace=args.namespace,
        role="standby",
        shape=args.shape,
        environment={
            "SLOT": slot_name(args.site),
            "SERVICE": PRIMARY,
            "PGSERVICEFILE": f"{SECRETS}/replication/{SERVICE_FILE}",
        },
        secrets={"replication": args.replication_secret},
        restart="",
        timeout="",
    )


class PostgresPrimary(Component):
    """The server that takes writes, awaited until it answers."""

    service: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresPrimaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresPrimary", name, opts)
        self.service = PostgresServer(f"{name}-postgres", primary_server(args), self.child()).service
        self.register_outputs({"service": self.service})


class PostgresStandby(Component):
    """A server that follows the primary and answers queries that only read."""

    service: pulumi.Output[str]
    slot: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresStandbyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresStandby", name, opts)
        self.service = PostgresServer(f"{name}-postgres", standby_server(args), self.child()).service
        self.slot = pulumi.Output.from_input(slot_name(args.site))
        self.register_outputs({"service": self.service, "slot": self.slot})
