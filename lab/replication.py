"""How far behind the copies are: each subscription of the replicated databases, and PostgreSQL's streaming standby.

Reads the servers' own figures, as a user who logs in with their Secrets; writes nothing and shows no password. A server
that does not answer is a figure too.
"""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from kubernetes.dynamic.exceptions import NotFoundError

from lab.environment import Environment
from lab.kube import Manifest, connect
from lab.stacks import Stack
from lab.stand_ins.cnpg.kinds import GROUPS
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET, SERVICE

PRIMARY, STANDBY, APPLICATION = "postgres-primary", "postgres-standby", "postgres-application"
SECONDS = 5
SLOT = """
SELECT slot.active, pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn)::bigint,
  extract(epoch FROM walsender.replay_lag) * 1000
FROM pg_replication_slots AS slot LEFT JOIN pg_stat_replication AS walsender ON walsender.pid = slot.active_pid
WHERE slot.slot_name = %s
"""


# The application asks the standby how far it is and whether it replays, then the primary whether its slot is in use.
REPLAYED = """
SELECT pg_last_wal_replay_lsn(),
  CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'not paused' ELSE false END
"""
STREAMED = """
SELECT active AND %s, pg_wal_lsn_diff(pg_current_wal_lsn(), %s)::bigint, NULL FROM pg_replication_slots
WHERE slot_name = %s
"""


class MissingError(Exception):
    """There is no Secret to log in with."""


@dataclass(frozen=True)
class Replication:
    """One copy.

    Attributes:
        stack: whose cluster holds the copy.
        copy: name of the subscription or of the standby.
        source: where it comes from.
        running: whether the copy is connected to its source, and a standby replays what it receives.
        bytes_behind: WAL that the copy has not confirmed; None where a server did not answer.
        lag_ms: of the last change, as the source measured it; None where nothing has changed for a while.
        problem: why there is no figure, or empty.
    """

    stack: str
    copy: str
    source: str
    running: bool = False
    bytes_behind: int | None = None
    lag_ms: float | None = None
    problem: str = ""

    @property
    def detail(self) -> str:
        """For people."""
        if self.problem:
            return f"from {self.source}: {self.problem}"
        lag = "" if self.lag_ms is None else f", {self.lag_ms:.1f} ms for the last change"
        return f"from {self.source}: {self.bytes_behind} bytes behind{lag}"


def figures(environment: Environment, stacks: Sequence[Stack]) -> list[Replication]:
    """Every copy on the stacks' clusters."""
    standing = {stack.name: stack for stack in stacks if stack.context in environment.contexts}
    clients = {stack.context: _api(stack) for stack in standing.values()}
    found = []
    for stack in standing.values():
        subscriptions = _subscriptions(clients[stack.context], stack)
        found += [_subscribed(stack, item, list(clients.values())) for item in subscriptions]
        primary, standby = standing.get(stack.primary), clients[stack.context]
        if primary and _address(standby, stack.namespace, STANDBY):
            found.append(_streamed(stack, primary, standby, clients[primary.context]))
    return found


def is_subscribed(environment: Environment, stacks: Sequence[Stack]) -> bool:
    """Whether any of the stacks' databases subscribes to another."""
    standing = [stack for stack in stacks if stack.context in environment.contexts]
    return any(item for stack in standing for item in _subscriptions(_api(stack), stack))


def database_namespace(stack: Stack) -> str:
    """Where the stack's replicated databases are."""
    return str(stack.section("edb").get("namespace", "db"))


def _api(stack: Stack) -> Api:
    return Api(connect(stack.context, discover=False), "lab")


def _subscriptions(client: Api, stack: Stack) -> Iterator[Manifest]:
    for group in GROUPS:
        # The cluster may not have the kind.
        with suppress(NotFoundError):
            yield from client.list(group.subscription, database_namespace(stack))


def _subscribed(stack: Stack, subscription: Manifest, clients: Sequence[Api]) -> Replication:
    spec, namespace = subscription["spec"], subscription["metadata"]["namespace"]
    # The program names an external cluster after the Cluster and the way of TLS.
    source = re.sub("-(require|verify-full)$", "", spec["externalClusterName"])
    found = Replication(stack.name, spec["name"], source)
    there = next((client for client in clients if _address(client, namespace, f"{source}-rw")), None)
    if there is None:
        return replace(found, problem="no such database on the lab")

    def measure() -> Any:
        login = _login(there, namespace, f"{source}-superuser")
        login |= {"host": _address(there, namespace, f"{source}-rw"), "dbname": spec["dbname"]}
        return _ask(login, SLOT, spec["name"]) or (False, None, None)

    return _measured(found, measure)


def _streamed(stack: Stack, primary: Stack, here: Api, there: Api) -> Replication:
    found = Replication(stack.name, STANDBY, PRIMARY)

    def ask(client: Api, namespace: str, name: str, query: str, *arguments: object) -> Any:
        login = _login(client, namespace, APPLICATION) | {"host": _address(client, namespace, name), "dbname": "app"}
        return _ask(login, query, *arguments)

    def measure() -> Any:
        position, replays = ask(here, stack.namespace, STANDBY, REPLAYED)
        slot = stack.site.replace("-", "_")
        found = ask(there, primary.namespace, PRIMARY, STREAMED, replays, position, slot)
        return found or (False, None, None)

    return _measured(found, measure)


def _measured(found: Replication, measure: Callable[[], Any]) -> Replication:
    try:
        running, behind, lag = measure()
    except (psycopg.Error, MissingError) as error:
        return replace(found, problem=f"no figures ({type(error).__name__})")
    if behind is None:
        return replace(found, problem="its source knows nothing of it")
    return replace(found, running=running, bytes_behind=int(behind), lag_ms=None if lag is None else float(lag))


def _ask(login: dict[str, Any], query: str, *arguments: object) -> Any:
    with psycopg.connect(**login, connect_timeout=SECONDS) as connection:
        return connection.execute(query, arguments or None).fetchone()


def _login(client: Api, namespace: str, secret: str) -> dict[str, Any]:
    found = client.get(SECRET, namespace, secret)
    if found is None:
        raise MissingError(secret)
    user, password = (base64.b64decode(found["data"][field]).decode() for field in ("username", "password"))
    return {"user": user, "password": password}


def _address(client: Api, namespace: str, service: str) -> str | None:
    found = client.get(SERVICE, namespace, service)
    return str(found["spec"]["clusterIP"]) if found else None
