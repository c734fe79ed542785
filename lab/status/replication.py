"""How far behind the copies are: each subscription of the replicated databases, and PostgreSQL's streaming standby.

Reads the servers' own figures, as users who log in with the Secrets of the clusters. A server that does not answer is a
figure too. What the figures mean is the business of streaming.py and logical.py.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from lab.environment import Environment
from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller.api import UNREACHABLE, Api
from lab.status import logical, streaming
from lab.status.clusters import PATIENT, answering, api, database_namespace
from lab.status.copies import Replication
from lab.status.databases import address

__all__ = ["Replication", "database_namespace", "figures", "is_subscribed"]


@dataclass(frozen=True)
class _Cluster:
    """A stack's cluster that answers, and what copies are there."""

    stack: Stack
    api: Api
    subscriptions: list[Manifest]
    has_standby: bool


def figures(environment: Environment, stacks: Sequence[Stack]) -> list[Replication]:
    """Every copy on the stacks' clusters. Those of a cluster whose API server does not answer are not known."""
    standing = [stack for stack in stacks if stack.context in environment.contexts]
    with ThreadPoolExecutor() as threads:
        # Whoever does not answer now is not asked again: the time for that is over.
        answered = [found for found in threads.map(partial(_cluster, environment), standing) if found]
        looks = [look for cluster in answered for look in _looks(cluster, answered)]
        return list(threads.map(lambda look: look(), looks))


def is_subscribed(environment: Environment, stacks: Sequence[Stack]) -> bool:
    """Whether any of the stacks' databases subscribes to another.

    Raises:
        LabError: an API server does not answer.
    """
    for stack in stacks:
        if stack.context in environment.contexts:
            with answering(environment, stack):
                if any(logical.subscriptions(api(environment, stack, PATIENT), database_namespace(stack))):
                    return True
    return False


def _cluster(environment: Environment, stack: Stack) -> _Cluster | None:
    client = api(environment, stack)
    try:
        return _Cluster(
            stack,
            client,
            list(logical.subscriptions(client, database_namespace(stack))),
            address(client, stack.namespace, streaming.STANDBY) is not None,
        )
    except UNREACHABLE:
        return None


def _looks(cluster: _Cluster, answered: Sequence[_Cluster]) -> list[Callable[[], Replication]]:
    """What is to be measured of the copies on one cluster."""
    stack, here = cluster.stack, cluster.api
    everywhere = [other.api for other in answered]
    found: list[Callable[[], Replication]] = [
        partial(logical.measure, stack, item, here, everywhere) for item in cluster.subscriptions
    ]
    if cluster.has_standby:
        primary = next(((other.stack, other.api) for other in answered if other.stack.name == stack.primary), None)
        found.append(partial(streaming.measure, stack, here, primary))
    return found
