"""PostgreSQL's streaming standby: does it receive, does it replay, is its slot in use, how far is it behind.

The application's login is the one that stands on both sides. It may not see how a connection is doing, only that there
is one; whoever has given it pg_monitor gets the rest as well.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.stand_ins.skupper.api import CONNECTOR
from lab.status.copies import SEGMENT, Replication
from lab.status.databases import Database
from lab.status.row import ERROR, PENDING, READY

# The names of components/postgres; to import them takes two seconds, for they come with Pulumi.
PRIMARY, STANDBY, APPLICATION, DATABASE = "postgres-primary", "postgres-standby", "postgres-application", "app"
FENCED = "postgres-primary-fenced"
"""The Service of a primary that its stack keeps off, because a promoted standby takes the writes."""

# A receiver that is not connected has no row. Its columns are null for who may not see them.
RECEIVED = """
SELECT pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END,
  pg_last_wal_replay_lsn()::text,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8,
  receiver.pid IS NOT NULL,
  receiver.status,
  extract(epoch FROM clock_timestamp() - receiver.last_msg_receipt_time)::float8
FROM (SELECT) AS always LEFT JOIN pg_stat_wal_receiver AS receiver ON true
"""
SENT = """
SELECT slot.active, slot.wal_status, pg_current_wal_lsn()::text, sender.state,
  extract(epoch FROM sender.replay_lag)::float8 * 1000
FROM pg_replication_slots AS slot LEFT JOIN pg_stat_replication AS sender ON sender.pid = slot.active_pid
WHERE slot.slot_name = %s
"""


@dataclass(frozen=True)
class Receiving:
    """The standby's side, as RECEIVED has it."""

    in_recovery: bool
    replay: str | None
    position: str | None
    change_seconds: float | None
    connected: bool
    state: str | None
    message_seconds: float | None


@dataclass(frozen=True)
class Sending:
    """The primary's side, as SENT has it."""

    active: bool
    wal: str | None
    position: str
    state: str | None
    lag_ms: float | None


def measure(stack: Stack, here: Api, primary: tuple[Stack, Api] | None) -> Replication:
    """The standby of a stack; both servers are asked at the same time.

    Args:
        stack: of the standby.
        here: its API server.
        primary: the primary's stack and API server, None where that does not answer.
    """
    slot = stack.site.replace("-", "_")
    with ThreadPoolExecutor(1) as threads:
        receiving = threads.submit(_database(here, stack.namespace, STANDBY).answer, RECEIVED)
        sent, not_sent = None, f"nothing is known of {PRIMARY}, whose API server does not answer"
        if primary:
            sent, not_sent = _database(primary[1], primary[0].namespace, PRIMARY).answer(SENT, slot)
    received, not_received = receiving.result()
    if not not_sent and sent is None:
        not_sent = f"{PRIMARY} has no slot {slot} for it"
    return judged(
        stack,
        slot,
        Receiving(*received) if received else None,
        Sending(*sent) if sent else None,
        not_received or not_sent,
        # Its stack offers it to all sites once `rhsi:postgres.promoted` is set.
        takes_writes=here.get(CONNECTOR, stack.namespace, PRIMARY) is not None,
    )


def judged(
    stack: Stack, slot: str, here: Receiving | None, there: Sending | None, unknown: str, *, takes_writes: bool
) -> Replication:
    """What the two sides come to; `unknown` is why one of them is None, `takes_writes` what the stack wants of it."""
    found = Replication(stack=stack.name, copy=STANDBY, source=PRIMARY)
    if there:
        found = replace(found, slot_active=there.active, lag_ms=there.lag_ms)
    if here is None:
        return replace(found, problem=unknown)
    found = replace(found, change_seconds=here.change_seconds, message_seconds=here.message_seconds)
    if takes_writes and not here.in_recovery:
        return replace(found, source="", status=READY, running=True, state="promoted, takes the writes")
    if here.in_recovery:
        found = replace(found, replay="applied" if here.replay == "not paused" else "paused")
    if there and here.in_recovery and here.position:
        found = replace(found, bytes_behind=max(0, _lsn(there.position) - _lsn(here.position)))
    if problem := _problem(slot, here, there):
        status = "Promoted" if not here.in_recovery else ERROR
        return replace(found, status=status, problem=problem)
    state = here.state or (there.state if there else None) or "streaming"
    found = replace(found, running=True, state=state)
    if there is None:
        return replace(found, status=ERROR, problem=f"it receives, but {unknown}")
    if there.state not in (None, "streaming") or (found.bytes_behind or 0) > SEGMENT:
        return replace(found, status=PENDING, state="catchup", problem="catches up")
    return replace(found, status=READY)


def _database(api: Api, namespace: str, server: str) -> Database:
    return Database(api=api, namespace=namespace, service=server, secret=APPLICATION, name=DATABASE)


def _problem(slot: str, here: Receiving, there: Sending | None) -> str:
    """Why it does not follow, the cause before what comes of it; empty where it follows."""
    idle = there is not None and not there.active
    checks = (
        (not here.in_recovery, "it was promoted: it takes writes itself, and follows nobody"),
        (
            there and there.wal == "lost",
            f"its slot {slot} is lost, for it was away too long: docs/troubleshooting/streaming.md",
        ),
        (idle and not here.connected, f"it receives no WAL, and its slot {slot} is not in use"),
        (idle, f"its slot {slot} is not in use: {PRIMARY} sends it nothing"),
        (not here.connected, "it receives no WAL"),
        (here.state not in {None, "streaming"}, f"it receives no WAL: its receiver is {here.state}"),
        (here.replay != "not paused", "it receives WAL and does not replay it: replay is paused"),
    )
    return next((text for wrong, text in checks if wrong), "")


def _lsn(position: str) -> int:
    """A position in the WAL, written as two hexadecimal numbers, in bytes."""
    high, low = position.split("/")
    return int(high, 16) << 32 | int(low, 16)
