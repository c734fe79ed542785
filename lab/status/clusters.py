"""The lab's API servers as a look at them needs them: asked once, with little patience.

Owns the timeouts, which together keep every look below five seconds, and what to call a server that does not answer.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.environment import Environment
from lab.home import LabError
from lab.kube import connect
from lab.stacks import Stack
from lab.stand_ins.controller.api import READ_SECONDS, UNREACHABLE, Api, describe
from lab.status.dead import look, sentence
from ops.clusters import Cluster, ClusterError
from ops.status import replication
from ops.status.place import OPERATORS, Place, Standing

TIMEOUTS = (1.0, 2.0)
"""Seconds for the connection, and for an answer: these servers are on this machine or near it."""

LOOK_SECONDS = 2.0
"""Seconds for a request of a look, connection included."""


def api(environment: Environment, stack: Stack, timeouts: tuple[float, float] = TIMEOUTS) -> Api:
    """The API server of the stack's cluster, for what a look does not do."""
    client = connect(stack.context, environment.kubeconfig, discover=False, retries=False)
    return Api(client, "lab", timeouts)


def standing(environment: Environment, stacks: Sequence[Stack], seconds: float = LOOK_SECONDS) -> list[Standing]:
    """The stacks whose clusters the lab has, each with the way to its API server.

    Raises:
        LabError: the kubeconfig or a context in it is absent.
    """
    here = [stack for stack in stacks if stack.context in environment.contexts]
    try:
        return [
            Standing(place(environment, stack), Cluster(stack.context, environment.kubeconfig, seconds=seconds))
            for stack in here
        ]
    except ClusterError as error:
        raise LabError(str(error)) from error


def place(environment: Environment, stack: Stack) -> Place:
    """Where a look goes for a stack; on a bare lab its operators are its own."""
    return Place(
        stack=stack.name,
        site=stack.site,
        primary="" if stack.is_primary else stack.primary,
        context=stack.context,
        namespace=stack.namespace,
        databases=database_namespace(stack),
        parts=frozenset({OPERATORS} if environment.bare else ()),
    )


def subscribed(environment: Environment, stacks: Sequence[Stack]) -> bool:
    """Whether any of the stacks' databases subscribes to another.

    Raises:
        LabError: an API server does not answer.
    """
    for stack in stacks:
        for one in standing(environment, [stack], READ_SECONDS):
            with answering(environment, stack):
                if replication.is_subscribed(one):
                    return True
    return False


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
    except (*UNREACHABLE, ClusterError) as error:
        why = unanswered(environment, stack.context, error)
        raise LabError(f"The cluster of {stack.name} cannot be asked ({why}): run `python -m lab up` first.") from error


def unanswered(environment: Environment, context: str, error: Exception) -> str:
    """Why an API server gave no answer: the dead processes behind it, where there are.

    Without its etcd a kube-apiserver lives and answers nothing that helps.
    """
    own = {f"{part}-{context}" for part in ("etcd", "kube-apiserver")}
    return sentence([process for process in look(environment) if process.name in own]) or _words(error)


def _words(error: Exception) -> str:
    """In the lab's words, whichever client has met the error."""
    if not isinstance(error, ClusterError):
        return describe(error)
    return describe(error.__cause__) if isinstance(error.__cause__, Exception) else str(error).rstrip(".")
