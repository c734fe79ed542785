"""Subscriptions of the replicated databases: does the worker run, is its slot in use, how far is it behind.

Both ends are asked as the superuser that the program has made for each cluster.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.cnpg.kinds import GROUPS
from lab.stand_ins.controller.api import UNREACHABLE, Api
from lab.status.clusters import listed
from lab.status.copies import SEGMENT, Replication
from lab.status.databases import Database, address
from lab.status.row import PENDING, READY, counted

# The worker of a subscription is the row without a table; those with one copy the tables at the beginning.
SUBSCRIBED = """
SELECT subscription.subenabled,
  worker.pid IS NOT NULL,
  extract(epoch FROM clock_timestamp() - worker.last_msg_receipt_time)::float8,
  (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = subscription.oid AND srsubstate NOT IN ('r', 's'))
FROM pg_subscription AS subscription
LEFT JOIN pg_stat_subscription AS worker ON worker.subid = subscription.oid AND worker.relid IS NULL
WHERE subscription.subname = %s AND subscription.subdbid = (SELECT oid FROM pg_database WHERE datname = %s)
"""
PUBLISHED = """
SELECT slot.active, slot.wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn)::bigint,
  sender.state, extract(epoch FROM sender.replay_lag)::float8 * 1000
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


def subscriptions(api: Api, namespace: str) -> Iterator[Manifest]:
    """The Subscriptions of a namespace, of either API group."""
    for group in GROUPS:
        yield from listed(api, group.subscription, namespace)


def source_of(external: str) -> str:
    """The Cluster that an external one is: the program names it after that, the way of TLS, and what is taken of it."""
    return re.sub("-(require|verify-full)(-[0-9a-f]{8})?$", "", external)


def measure(stack: Stack, subscription: Manifest, here: Api, everywhere: Sequence[Api]) -> Replication:
    """One subscription of a stack, whose API server is `here`; its source is in one of the clusters."""
    spec, namespace = subscription["spec"], subscription["metadata"]["namespace"]
    source = source_of(spec["externalClusterName"])
    found = Replication(stack=stack.name, copy=spec["name"], source=source)
    there = next((api for api in everywhere if _has(api, namespace, f"{source}-rw")), None)
    if there is None:
        return replace(found, problem=f"there is no {source} in the clusters that answer")
    own, name = spec["cluster"]["name"], spec["name"]

    def database(api: Api, cluster: str) -> Database:
        secret = f"{cluster}-superuser"
        return Database(api=api, namespace=namespace, service=f"{cluster}-rw", secret=secret, name=spec["dbname"])

    with ThreadPoolExecutor(2) as threads:
        subscribed = threads.submit(database(here, own).answer, SUBSCRIBED, name, spec["dbname"])
        published = threads.submit(database(there, source).answer, PUBLISHED, name)
    subscriber, no_subscriber = subscribed.result()
    publisher, no_publisher = published.result()
    return judged(
        found,
        Subscriber(*subscriber) if subscriber else None,
        Publisher(*publisher) if publisher else None,
        (no_subscriber or ("" if subscriber else f"{own} has no subscription of this name"))
        or (no_publisher or ("" if publisher else f"{source} has no slot {name} for it")),
    )


def judged(found: Replication, here: Subscriber | None, there: Publisher | None, unknown: str) -> Replication:
    """What the two sides come to; `unknown` is why one of them is None."""
    if there:
        found = replace(found, slot_active=there.active, bytes_behind=there.bytes_behind, lag_ms=there.lag_ms)
    if here:
        found = replace(found, message_seconds=here.message_seconds)
    if here is None or there is None:
        return replace(found, problem=unknown)
    if problem := _problem(found.copy, here, there):
        return replace(found, problem=problem)
    found = replace(found, running=True, replay="applied", state=there.state or "streaming")
    if here.unfinished_tables:
        return replace(found, status=PENDING, problem=f"{counted(here.unfinished_tables, 'table')} to be copied")
    if found.state != "streaming" or (there.bytes_behind or 0) > SEGMENT:
        return replace(found, status=PENDING, state="catchup", problem="catches up")
    return replace(found, status=READY)


def _problem(name: str, here: Subscriber, there: Publisher) -> str:
    """Why it does not follow; empty where it does."""
    if not here.enabled:
        return f"it is disabled: ALTER SUBSCRIPTION {name} ENABLE"
    if there.wal == "lost":
        return f"its slot {name} is lost, for it was away too long (docs/troubleshooting/replicated.md)"
    if not there.active:
        return f"it receives nothing: its slot {name} is not in use"
    if not here.works:
        return "it receives nothing: its worker does not run"
    return ""


def _has(api: Api, namespace: str, service: str) -> bool:
    # A cluster that does not answer has a row of its own.
    with suppress(*UNREACHABLE):
        return address(api, namespace, service) is not None
    return False
