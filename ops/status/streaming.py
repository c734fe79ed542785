"""PostgreSQL's streaming standby: does it receive, does it replay, is its slot in use, how far is it behind.

Both servers are asked in their own pods. What the figures mean is decided here, where they come from in replication.py.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ops.status.copies import SEGMENT, UNASKED, Replication
from ops.status.row import ERROR, PENDING, READY, UNKNOWN
from ops.status.server import Answer, Server

# The names of components/postgres; to import them takes two seconds, for they come with Pulumi.
PRIMARY, STANDBY = "postgres-primary", "postgres-standby"
FENCED = "postgres-primary-fenced"
"""The Service of a primary that its stack keeps off, because a promoted standby takes the writes."""

# A receiver that is not connected has no row.
RECEIVED = """
SELECT pg_is_in_recovery() AS in_recovery,
  CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END AS replay,
  pg_last_wal_replay_lsn()::text AS position,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS change_seconds,
  receiver.pid IS NOT NULL AS connected,
  receiver.status AS state,
  extract(epoch FROM clock_timestamp() - receiver.last_msg_receipt_time)::float8 AS message_seconds
FROM (SELECT) AS always LEFT JOIN pg_stat_wal_receiver AS receiver ON true
"""
# A server in recovery, such as a primary that was made a copy, has no position of its own.
SENT = """
SELECT slot.active, slot.wal_status AS wal,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END AS position, sender.state,
  extract(epoch FROM sender.replay_lag)::float8 * 1000 AS lag_ms
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
    position: str | None
    state: str | None
    lag_ms: float | None


def measure(stack: str, slot: str, here: Server, source: Server | None, *, takes_writes: bool) -> Replication:
    """The standby of a stack; both servers are asked at the same time.

    Args:
        stack: of the standby.
        slot: the standby's, on its source.
        here: the standby.
        source: the server that it follows, None where its cluster gave no answer.
        takes_writes: whether its stack wants it promoted.
    """
    with ThreadPoolExecutor(1) as threads:
        receiving = threads.submit(here.answer, RECEIVED)
        sent = source.answer(SENT, slot) if source else Answer({}, f"nothing is known of {PRIMARY}: {UNASKED}")
    received = receiving.result()
    found = judged(
        stack,
        slot,
        Receiving(**received.row) if received.row else None,
        Sending(**sent.row) if sent.row else None,
        received.problem or sent.problem or ("" if sent.row else f"{PRIMARY} has no slot {slot} for it"),
        takes_writes=takes_writes,
    )
    unasked = received.denied or sent.denied or (source is None and found.running)
    return replace(found, status=UNKNOWN) if unasked and found.status != READY else found


def judged(
    stack: str, slot: str, here: Receiving | None, there: Sending | None, unknown: str, *, takes_writes: bool
) -> Replication:
    """What the two sides come to; `unknown` is why one of them is None, `takes_writes` what the stack wants of it."""
    found = Replication(stack=stack, copy=STANDBY, source=PRIMARY)
    if there:
        found = replace(found, slot_active=there.active, lag_ms=there.lag_ms)
    if here is None:
        return replace(found, problem=unknown)
    found = replace(found, change_seconds=here.change_seconds, message_seconds=here.message_seconds)
    if takes_writes and not here.in_recovery:
        return replace(found, source="", status=READY, running=True, state="promoted, takes the writes")
    if here.in_recovery:
        found = replace(found, replay="applied" if here.replay == "not paused" else "paused")
    if there and there.position and here.in_recovery and here.position:
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
