"""PostgreSQL's streaming standby: does it receive, does it replay, is its slot in use, how far is it behind.

The application's login is the one that stands on both sides. It may not see how a connection is doing, only that there
is one; whoever has given it pg_monitor gets the rest as well.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.status.copies import SEGMENT, Replication
from lab.status.databases import Database
from lab.status.row import ERROR, PENDING, READY

# The names of components/postgres; to import them takes two seconds, for they come with Pulumi.
PRIMARY, STANDBY, APPLICATION, DATABASE = "postgres-primary", "postgres-standby", "postgres-application", "app"

# A receiver that is not connected has no row. Its columns are null for who may not see them.
RECEIVED = """
SELECT pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END,
  pg_last_wal_replay_lsn()::text,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()),
  receiver.pid IS NOT NULL,
  receiver.status,
  extract(epoch FROM clock_timestamp() - receiver.last_msg_receipt_time)
FROM (SELECT) AS always LEFT JOIN pg_stat_wal_receiver AS receiver ON true
"""
SENT = """
SELECT slot.active, slot.wal_status, pg_current_wal_lsn()::text, sender.state,
  extract(epoch FROM sender.replay_lag) * 1000
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


def measure(stack: Stack, here: Api, primary: Stack, there: Api) -> Replication:
    """The standby of a stack, whose API server is `here`; both servers are asked at the same time."""
    slot = stack.site.replace("-", "_")
    with ThreadPoolExecutor(2) as threads:
        receiving = threads.submit(_database(here, stack.namespace, STANDBY).answer, RECEIVED)
        sending = threads.submit(_database(there, primary.namespace, PRIMARY).answer, SENT, slot)
    received, not_received = receiving.result()
    sent, not_sent = sending.result()
    if not not_sent and sent is None:
        not_sent = f"{PRIMARY} has no slot {slot} for it"
    return judged(
        stack,
        slot,
        Receiving(*received) if received else None,
        Sending(*sent) if sent else None,
        not_received or not_sent,
    )


def judged(stack: Stack, slot: str, here: Receiving | None, there: Sending | None, unknown: str) -> Replication:
    """What the two sides come to; `unknown` is why one of them is None."""
    found = Replication(stack=stack.name, copy=STANDBY, source=PRIMARY)
    if there:
        found = replace(found, slot_active=there.active, lag_ms=there.lag_ms)
    if here is None:
        return replace(found, problem=unknown)
    found = replace(found, change_seconds=here.change_seconds, message_seconds=here.message_seconds)
    if here.in_recovery:
        found = replace(found, replay="applied" if here.replay == "not paused" else "paused")
    if there and here.position:
        found = replace(found, bytes_behind=max(0, _lsn(there.position) - _lsn(here.position)))
    if problem := _problem(slot, here, there):
        status = "Promoted" if not here.in_recovery else ERROR
        return replace(found, status=status, problem=problem)
    # The two were asked one moment apart: the standby may have lost its connection in between, or got it back.
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
    """Why it does not follow; empty where it does."""
    if not here.in_recovery:
        return "it was promoted: it takes writes itself, and follows nobody"
    if there and there.wal == "lost":
        return f"its slot {slot} is lost, for it was away too long: copy it anew (docs/runbook.md)"
    if not here.connected:
        idle = f", and its slot {slot} is not in use" if there and not there.active else ""
        return f"it receives no WAL{idle}"
    if here.state not in (None, "streaming"):
        return f"it receives no WAL: its receiver is {here.state}"
    if here.replay != "not paused":
        return "it receives WAL and does not replay it: replay is paused"
    return ""


def _lsn(position: str) -> int:
    """A position in the WAL, written as two hexadecimal numbers, in bytes."""
    high, low = position.split("/")
    return int(high, 16) << 32 | int(low, 16)
