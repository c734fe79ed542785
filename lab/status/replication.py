"""How far behind the copies are: each subscription of the replicated databases, and PostgreSQL's streaming standby.

Reads the servers' own figures, as users who log in with the Secrets of the clusters. A server that does not answer is a
figure too. What the figures mean is the business of streaming.py and logical.py.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from lab.environment import Environment
from lab.home import LabError
from lab.stacks import Stack
from lab.stand_ins.controller.api import UNREACHABLE, Api
from lab.status import logical, streaming
from lab.status.clusters import api, database_namespace, unanswered
from lab.status.copies import Replication
from lab.status.databases import address

__all__ = ["Replication", "database_namespace", "figures", "is_subscribed"]


def figures(environment: Environment, stacks: Sequence[Stack]) -> list[Replication]:
    """Every copy on the stacks' clusters. Those of a cluster whose API server does not answer are not known."""
    standing = {stack.name: stack for stack in stacks if stack.context in environment.contexts}
    clients = {name: api(environment, stack) for name, stack in standing.items()}
    if not standing:
        return []
    with ThreadPoolExecutor() as threads:
        looks = [
            look for found in threads.map(lambda name: _looks(standing, clients, name), standing) for look in found
        ]
        return list(threads.map(lambda look: look(), looks))


def is_subscribed(environment: Environment, stacks: Sequence[Stack]) -> bool:
    """Whether any of the stacks' databases subscribes to another.

    Raises:
        LabError: an API server does not answer.
    """
    for stack in stacks:
        if stack.context not in environment.contexts:
            continue
        try:
            if any(logical.subscriptions(api(environment, stack), database_namespace(stack))):
                return True
        except UNREACHABLE as error:
            raise LabError(
                f"Whether the databases of {stack.name} subscribe to others is not known "
                f"({unanswered(environment, stack, error)}): run `python -m lab up` first."
            ) from error
    return False


def _looks(standing: dict[str, Stack], clients: dict[str, Api], name: str) -> list[Callable[[], Replication]]:
    """What is to be measured on one stack's cluster; nothing where that does not answer, which is a row of its own."""
    stack, here = standing[name], clients[name]
    everywhere = list(clients.values())
    found: list[Callable[[], Replication]] = []
    try:
        found += [
            partial(logical.measure, stack, item, here, everywhere)
            for item in logical.subscriptions(here, database_namespace(stack))
        ]
        primary = standing.get(stack.primary)
        if primary and address(here, stack.namespace, streaming.STANDBY):
            found.append(partial(streaming.measure, stack, here, primary, clients[primary.name]))
    except UNREACHABLE:
        return []
    return found
