"""The API servers as a look at them needs them: asked once, with little patience.

Owns the timeouts, which together keep every look below five seconds, and what to call a server that does not answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.dynamic.exceptions import NotFoundError

from lab.environment import Environment
from lab.home import LabError
from lab.kube import Manifest, connect
from lab.stacks import Stack
from lab.stand_ins.controller.api import CONNECT_SECONDS, READ_SECONDS, UNREACHABLE, Api, Kind, describe
from lab.status.dead import look, sentence

TIMEOUTS = (1.0, 2.0)
"""Seconds for the connection, and for an answer: these servers are on this machine or near it."""

PATIENT = (CONNECT_SECONDS, READ_SECONDS)
"""For a command that goes on with the answer, and not without."""


def api(environment: Environment, stack: Stack, timeouts: tuple[float, float] = TIMEOUTS) -> Api:
    """The API server of the stack's cluster."""
    client = connect(stack.context, environment.kubeconfig, discover=False, retries=False)
    return Api(client, "lab", timeouts)


def listed(client: Api, kind: Kind, namespace: str) -> list[Manifest]:
    """The objects of a kind; none where the cluster does not have the kind."""
    try:
        return client.list(kind, namespace)
    except NotFoundError:
        return []


def namespaces(stack: Stack) -> list[str]:
    """Those that are the stack's own: that of its Skupper site, and that of its replicated databases."""
    return list(dict.fromkeys([stack.namespace, database_namespace(stack)]))


def database_namespace(stack: Stack) -> str:
    """Where the stack's replicated databases are."""
    return str(stack.section("edb").get("namespace", "db"))


@contextmanager
def answering(environment: Environment, stack: Stack) -> Iterator[None]:
    """For commands that need the answer of a stack's API server, whichever client asks.

    Raises:
        LabError: it gave none.
    """
    try:
        yield
    except UNREACHABLE as error:
        why = unanswered(environment, stack, error)
        raise LabError(f"The cluster of {stack.name} cannot be asked ({why}): run `python -m lab up` first.") from error


def unanswered(environment: Environment, stack: Stack, error: Exception) -> str:
    """Why an API server gave no answer (`error` is one of UNREACHABLE): the dead processes behind it, where there are.

    Without its etcd a kube-apiserver lives and answers nothing that helps.
    """
    own = {f"{part}-{stack.context}" for part in ("etcd", "kube-apiserver")}
    return sentence([process for process in look(environment) if process.name in own]) or describe(error)
