"""What the link costs replication: the two database clusters over the link, and the same two connected directly.

Has a table, a publication and a subscription of its own, all named `rhsi_bench`, from the primary's cluster to the
standby's. The subscription takes the connection of the stack's own one: the Skupper name, so the way over the link; or
that and the address of the publisher's pod, so the same TLS, role and password, but nothing in between.

* Lag: from the moment that the publisher writes a row, whose commit follows at once, until the subscriber writes it.
  Both servers stamp it with the machine's clock. Not from the commit's return to the client: the row often arrives
  before the client knows.
* Throughput: the rows of one transaction by the time from its commit's return until the slot's `confirmed_flush_lsn`
  has passed it: sent, applied and flushed at the subscriber. What the publisher did before the commit is not in it.
"""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bench.comparison import Pair, Round, percentile
from components.edb.names import PORT, cluster_name, subscription_name, superuser_secret
from lab.home import LabError
from lab.kube import Manifest, connect, find
from lab.progress import Progress
from lab.stacks import Stack

COMMITS = 1000
COMMITS_PER_SECOND = 200.0
# The first commits after a change of the way pay for the plans and caches of new processes.
WARM_UP_COMMITS = 50
BULK_ROWS = 100_000
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 60.0

Session = psycopg.Connection[tuple[Any, ...]]


def compare(publisher: Stack, subscriber: Stack, progress: Progress) -> list[Pair]:
    """Measure both ways twice, each once as the first; whatever happens, nothing of it stays in the databases.

    `progress` is told of each round.

    Raises:
        LabError: the stacks have no databases that replicate, or a way does not work.
    """
    server, client = _Database.of(publisher), _Database.of(subscriber)
    try:
        with server.session() as source, client.session() as target:
            link = _connection_of(target, subscription_name(subscriber.site, publisher.site))
            direct = make_conninfo(link, hostaddr=server.address)
            with _subscription(server, client, link):
                ways = (link, direct, direct, link)
                rounds = []
                for number, connection in enumerate(ways, 1):
                    way = f"replication {number} of {len(ways)}, {'over the link' if connection == link else 'direct'}"
                    progress.update(f"{way}: {COMMITS} commits, then {BULK_ROWS} rows")
                    rounds.append(_round(source, target, connection))
                    progress.step(
                        f"{way}: {percentile(rounds[-1].lags, 50):.1f} ms, {rounds[-1].throughput:.0f} rows/s"
                    )
                first, second, third, fourth = rounds
    except psycopg.Error as error:
        raise LabError(f"The replication cannot be measured ({error}): see `make status`.") from error
    return [Pair(link=first, direct=second), Pair(link=fourth, direct=third)]


@dataclass(frozen=True)
class _Database:
    """A site's cluster, as its superuser reaches it."""

    address: str
    name: str
    user: str
    password: str

    @classmethod
    def of(cls, stack: Stack) -> "_Database":
        client, settings = connect(stack.context), stack.section("edb")

        def get(kind: str, name: str) -> Manifest:
            found = find(client, "v1", kind, name, settings.get("namespace", "db"))
            if found is None:
                raise LabError(f"{stack.name} has no replicated database ({kind} {name} is missing): run `make up`.")
            return found

        # The lab's clusters have one instance.
        address = get("Pod", f"{cluster_name(stack.site)}-1")["status"]["podIP"]
        secret = get("Secret", superuser_secret(stack.site))["data"]
        user, password = (base64.b64decode(secret[key]).decode() for key in ("username", "password"))
        return cls(address, settings.get("database", "app"), user, password)

    def session(self) -> Session:
        return psycopg.connect(
            host=self.address,
            port=PORT,
            dbname=self.name,
            user=self.user,
            password=self.password,
            sslmode="require",
            autocommit=True,
        )


def _connection_of(target: Session, subscription: str) -> str:
    found = target.execute("SELECT subconninfo FROM pg_subscription WHERE subname = %s", [subscription]).fetchone()
    if found is None:
        raise LabError(f"There is no subscription {subscription}: run `make up`.")
    return str(found[0])


@contextmanager
def _subscription(server: _Database, client: _Database, connection: str) -> Iterator[None]:
    """A replicated table and everything that this needs; uses sessions of its own, whatever becomes of others."""
    # A bench that was killed has left its own behind.
    _remove(server, client)
    try:
        with server.session() as source, client.session() as target:
            source.execute("CREATE SCHEMA rhsi_bench")
            source.execute("""
                CREATE TABLE rhsi_bench.data (
                    id bigint PRIMARY KEY, payload text, written timestamptz DEFAULT clock_timestamp()
                )
            """)
            source.execute("CREATE PUBLICATION rhsi_bench FOR TABLE rhsi_bench.data")
            target.execute("CREATE SCHEMA rhsi_bench")
            # A column that the publisher does not have gets its default when the row is applied.
            target.execute("""
                CREATE TABLE rhsi_bench.data (
                    id bigint PRIMARY KEY, payload text, written timestamptz,
                    applied timestamptz DEFAULT clock_timestamp()
                )
            """)
            # With an asynchronous commit the confirmation would wait for the WAL writer's turn, up to 0.6 s.
            statement = sql.SQL("""
                CREATE SUBSCRIPTION rhsi_bench CONNECTION {} PUBLICATION rhsi_bench
                WITH (copy_data = false, synchronous_commit = on)
            """)
            target.execute(statement.format(sql.Literal(connection)))
        yield
    finally:
        _remove(server, client)


def _remove(server: _Database, client: _Database) -> None:
    """Leave nothing, not even the slot of a subscription whose way is gone."""
    try:
        with client.session() as target:
            if target.execute("SELECT FROM pg_subscription WHERE subname = 'rhsi_bench'").rowcount:
                target.execute("ALTER SUBSCRIPTION rhsi_bench DISABLE")
                target.execute("ALTER SUBSCRIPTION rhsi_bench SET (slot_name = NONE)")
                target.execute("DROP SUBSCRIPTION rhsi_bench")
            target.execute("DROP SCHEMA IF EXISTS rhsi_bench CASCADE")
    finally:
        with server.session() as source:
            source.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'rhsi_bench'"
            )
            _await_idle(source)
            source.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'rhsi_bench'"
            )
            source.execute("DROP PUBLICATION IF EXISTS rhsi_bench")
            source.execute("DROP SCHEMA IF EXISTS rhsi_bench CASCADE")


def _switch(source: Session, target: Session, connection: str) -> None:
    """Have the subscriber come by another way; returns when it streams."""
    target.execute("ALTER SUBSCRIPTION rhsi_bench DISABLE")
    _await_idle(source)
    target.execute(sql.SQL("ALTER SUBSCRIPTION rhsi_bench CONNECTION {}").format(sql.Literal(connection)))
    target.execute("ALTER SUBSCRIPTION rhsi_bench ENABLE")
    _await(source, "SELECT FROM pg_stat_replication WHERE application_name = 'rhsi_bench' AND state = 'streaming'")


def _round(source: Session, target: Session, connection: str) -> Round:
    _switch(source, target, connection)
    # Published too: both tables begin empty.
    source.execute("TRUNCATE rhsi_bench.data")
    lags = _lags(source, target)
    source.execute(
        "INSERT INTO rhsi_bench.data SELECT id, repeat(md5(id::text), 3) FROM generate_series(%s::int, %s::int) AS id",
        [COMMITS, COMMITS + BULK_ROWS - 1],
    )
    began = time.monotonic()
    _await_confirmed(source)
    return Round(lags, BULK_ROWS / (time.monotonic() - began))


def _lags(source: Session, target: Session) -> list[float]:
    """Milliseconds of every single-row commit, but for the first ones."""
    began = time.monotonic()
    for number in range(-WARM_UP_COMMITS, COMMITS):
        due = began + (number + WARM_UP_COMMITS) / COMMITS_PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        source.execute("INSERT INTO rhsi_bench.data (id, payload) VALUES (%s, 'one row')", [number])
    _await_confirmed(source)
    query = "SELECT extract(epoch FROM applied - written)::float8 * 1000 FROM rhsi_bench.data WHERE id >= 0"
    lags = [lag for (lag,) in target.execute(query).fetchall()]
    if len(lags) != COMMITS:
        raise LabError(f"{COMMITS} rows were committed and {len(lags)} have arrived.")
    return lags


def _await_confirmed(source: Session) -> None:
    """Wait until the subscriber has flushed all that is committed by now."""
    ((position,),) = source.execute("SELECT pg_current_wal_insert_lsn()").fetchall()
    _await(
        source,
        "SELECT FROM pg_replication_slots WHERE slot_name = 'rhsi_bench' AND confirmed_flush_lsn >= %s",
        position,
    )


def _await_idle(source: Session) -> None:
    """Wait until nobody uses the slot any more."""
    _await(
        source,
        "SELECT WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'rhsi_bench' AND active)",
    )


def _await(session: Session, query: str, *parameters: object) -> None:
    """Ask until the query has a row."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not session.execute(query.encode(), parameters).rowcount:
        if time.monotonic() > ends:
            raise LabError(
                f"No answer to `{query}` in {PATIENCE_SECONDS:.0f} s: see with `make status` whether the link is up."
            )
        time.sleep(POLL_SECONDS)
