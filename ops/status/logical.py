"""Subscriptions of the replicated databases: does the worker run, is its slot in use, how far is it behind.

Both ends are asked in the pods of their clusters' primaries, which the Cluster's status names: that a Subscription is
applied says only that its SQL succeeded once.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ops.clusters import Manifest
from ops.status.copies import SEGMENT, UNASKED, Replication
from ops.status.row import PENDING, READY, UNKNOWN, counted
from ops.status.server import Answer, Server

# The worker of a subscription is the row without a table; those with one copy the tables at the beginning. Large
# transactions may have workers of their own, which have a leader: PostgreSQL 16 and later, as rhsi:edb.image is.
SUBSCRIBED = """
SELECT subscription.subenabled AS enabled,
  worker.pid IS NOT NULL AS works,
  extract(epoch FROM clock_timestamp() - worker.last_msg_receipt_time)::float8 AS message_seconds,
  (SELECT count(*) FROM pg_subscription_rel
    WHERE srsubid = subscription.oid AND srsubstate NOT IN ('r', 's')) AS unfinished_tables
FROM pg_subscription AS subscription
LEFT JOIN pg_stat_subscription AS worker
  ON worker.subid = subscription.oid AND worker.relid IS NULL AND worker.leader_pid IS NULL
WHERE subscription.subname = %s AND subscription.subdbid = (SELECT oid FROM pg_database WHERE datname = %s)
"""
PUBLISHED = """
SELECT slot.active, slot.wal_status AS wal,
  pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn)::bigint AS bytes_behind,
  sender.state, extract(epoch FROM sender.replay_lag)::float8 * 1000 AS lag_ms
FROM pg_replication_slots AS slot LEFT JOIN pg_stat_replication AS sender ON sender.pid = slot.active_pid
WHERE slot.slot_name = %s
"""


@dataclass(frozen=True)
class Subscriber:
    """The copy's side, as SUBSCRIBED has it."""

    enabled: bool
    works: bool
    message_seconds: float | None
    unfinished_tables: int


@dataclass(frozen=True)
class Publisher:
    """The source's side, as PUBLISHED has it."""

    active: bool
    wal: str | None
    bytes_behind: int | None
    state: str | None
    lag_ms: float | None


def source_of(external: str) -> str:
    """The Cluster that an external one is: the program names it after that, the way of TLS, and what is taken of it."""
    return re.sub("-(require|verify-full)(-[0-9a-f]{8})?$", "", external)


def measure(stack: str, subscription: Manifest, here: Server | None, source: Server | None) -> Replication:
    """One subscription of a stack; both servers are asked at the same time.

    Args:
        stack: whose it is.
        subscription: the Subscription.
        here: the server that has it, None where its Cluster names no primary.
        source: the server that it follows, None where no cluster that answers has it, or it has no primary.
    """
    spec = subscription["spec"]
    name, own, upstream = spec["name"], spec["cluster"]["name"], source_of(spec["externalClusterName"])
    found = Replication(stack=stack, copy=name, source=upstream)
    if here is None:
        return replace(found, problem=f"{own} has no primary yet")
    with ThreadPoolExecutor(1) as threads:
        subscribing = threads.submit(here.answer, SUBSCRIBED, name, spec["dbname"])
        published = (
            source.answer(PUBLISHED, name) if source else Answer({}, f"nothing is known of {upstream}: {UNASKED}")
        )
    subscribed = subscribing.result()
    found = judged(
        found,
        Subscriber(**subscribed.row) if subscribed.row else None,
        Publisher(**published.row) if published.row else None,
        _unknown(subscribed, f"{own} has no subscription of this name")
        or _unknown(published, f"{upstream} has no slot {name} for it"),
    )
    unasked = subscribed.denied or published.denied or (source is None and found.running)
    return replace(found, status=UNKNOWN) if unasked else found


def _unknown(answer: Answer, absent: str) -> str:
    return answer.problem or ("" if answer.row else absent)


def judged(found: Replication, here: Subscriber | None, there: Publisher | None, unknown: str) -> Replication:
    """What the two sides come to; `unknown` is why one of them is None."""
    if there:
        found = replace(found, slot_active=there.active, bytes_behind=there.bytes_behind, lag_ms=there.lag_ms)
    if here:
        found = replace(found, message_seconds=here.message_seconds)
    if here is None:
        return replace(found, problem=unknown)
    if problem := _problem(found.copy, here, there):
        return replace(found, problem=problem)
    found = replace(found, running=True, replay="applied", state=(there.state if there else None) or "streaming")
    if there is None:
        return replace(found, problem=f"it receives, but {unknown}")
    if here.unfinished_tables:
        return replace(found, status=PENDING, problem=f"{counted(here.unfinished_tables, 'table')} to be copied")
    if found.state != "streaming" or (there.bytes_behind or 0) > SEGMENT:
        return replace(found, status=PENDING, state="catchup", problem="catches up")
    return replace(found, status=READY)


def _problem(name: str, here: Subscriber, there: Publisher | None) -> str:
    """Why it does not follow; empty where it does."""
    if not here.enabled:
        return f"it is disabled: ALTER SUBSCRIPTION {name} ENABLE"
    if there and there.wal == "lost":
        return f"its slot {name} is lost, for it was away too long (docs/troubleshooting/replicated.md)"
    if there and not there.active:
        return f"it receives nothing: its slot {name} is not in use"
    if not here.works:
        return "it receives nothing: its worker does not run"
    return ""
