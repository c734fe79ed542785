"""PostgreSQL as a primary and its streaming standbys, each in its own cluster.

Owns what the two are to each other: the roles, the way in which a standby finds the primary, and the slot that keeps
the primary's WAL for it. Promotion is a person's decision (upkeep.py, docs/databases/streaming.md). How the primary's
name comes into the standby's cluster is the business of skupper/services.py, how a password does that of
external_secrets.py.
"""

import pulumi

from components.postgres import access
from components.postgres.accounts import DATABASE
from components.postgres.pod import probe
from components.postgres.shape import PORT, PostgresServerArgs, ServerShape
from components.restricted_pod import SECRETS

PRIMARY = "postgres-primary"
# The Service of a primary that has a successor: its name belongs to the way to that one.
FENCED = "postgres-primary-fenced"
STANDBY = "postgres-standby"
# A libpq service file: it carries a password to psql, pg_basebackup and the server alike, without argument or variable.
SERVICE_FILE = "pg_service.conf"
# What a standby is, in words that the events of its pod show where the answer is not `ready`.
_FOLLOWS = """SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN 'ready'
  WHEN pg_get_wal_replay_pause_state() <> 'not paused' THEN 'It does not replay what it receives: replay is paused.'
  WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 'It receives no WAL.'
  ELSE 'ready' END"""
# smoke_test.sh waits for its login to the database postgres.
FOLLOWS = f"""answer=$(psql -XAtqw -d postgres -c "{_FOLLOWS}" 2>&1)
[ "$answer" = ready ] || {{ echo "$answer"; exit 1; }}"""


def slot_name(site: str) -> str:
    """A standby's slot, and its name, on the primary. No two sites share one: a site's name has no underscores."""
    return site.replace("-", "_")


def promoted_prefix(prefix: pulumi.Input[str], site: str) -> pulumi.Output[str]:
    """What a promoted standby's way begins with, in the place of its environment's prefix.

    Of its own, so that nobody who is sent there meets the former primary, should that come back.
    """
    return pulumi.Output.format("{}/{}", prefix, site)


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


def primary_args(
    *,
    namespace: str,
    shape: ServerShape,
    application_secret: pulumi.Input[str],
    replication_secret: pulumi.Input[str],
    password_rotation: int,
    wal_keep: str,
    timeout: str,
    fenced: bool,
) -> PostgresServerArgs:
    """The server that takes writes, awaited until it answers, or until it is gone.

    Args:
        namespace: where it runs.
        shape: what it is made of.
        application_secret: Secret of the user that owns the database, with `username` and `password`.
        replication_secret: Secret of the user as whom standbys connect, likewise.
        password_rotation: another one starts the server again, for it applies passwords at every start.
        wal_keep: how much WAL it keeps for a standby that is away, as a PostgreSQL size (`4GB`); beyond that the
            standby needs a new copy.
        timeout: how long `up` waits for that, as a Go duration.
        fenced: whether it is off for good, because another server takes the writes. Its volume stays.
    """
    return PostgresServerArgs(
        server=PRIMARY,
        service=FENCED if fenced else PRIMARY,
        namespace=namespace,
        role="primary",
        shape=shape,
        environment={
            "APPLICATION": f"{SECRETS}/application",
            "REPLICATION": f"{SECRETS}/replication",
            "DATABASE": DATABASE,
            "WAL_KEEP": wal_keep,
        },
        secrets={"application": application_secret, "replication": replication_secret},
        readiness=probe("pg_isready -q", period=2, failures=3),
        serves_unready=False,
        restart=f"passwords-{password_rotation}",
        timeout=timeout,
        running=not fenced,
    )


def standby_args(
    *,
    namespace: str,
    shape: ServerShape,
    site: str,
    primary_parameters: pulumi.Input[str],
    replication_secret: pulumi.Input[str],
) -> PostgresServerArgs:
    """A read-only server that follows the primary. Nobody awaits it: its first start copies the primary.

    Ready says that it follows: it receives the primary's WAL and replays it. It goes on serving reads when it does not,
    as while the link is down.

    Args:
        namespace: where it runs.
        shape: what it is made of.
        site: names it, and its slot, on the primary.
        primary_parameters: the primary's by its stack, from `parameters.assignments`; the server takes over what is
            more than its own.
        replication_secret: Secret whose key `pg_service.conf` says how to reach the primary.
    """
    return PostgresServerArgs(
        server=STANDBY,
        service=STANDBY,
        namespace=namespace,
        role="standby",
        shape=shape,
        environment={
            "SLOT": slot_name(site),
            "SERVICE": PRIMARY,
            "PGSERVICEFILE": f"{SECRETS}/replication/{SERVICE_FILE}",
            "PRIMARY_PARAMETERS": primary_parameters,
        },
        secrets={"replication": replication_secret},
        # Half a minute: a rotation of the link, or a restart of the primary, is over by then.
        readiness=probe(FOLLOWS, period=2, failures=15),
        serves_unready=True,
        # A primary reads new rules without a restart (upkeep.sh).
        restart=f"access-{access.version(shape.access_rules)}" if shape.access_rules else "",
        timeout="",
        running=True,
    )
