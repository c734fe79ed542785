"""What a silent command waits for, in one short sentence: the most telling thing that a stack's cluster says right now.

Asks little, and gives up within three seconds: whoever waits shall not wait for the reason.
"""

from lab.environment import Environment
from lab.home import Home
from lab.stacks import Stack
from lab.stand_ins.controller.api import UNREACHABLE, Api
from lab.status import pods
from lab.status.clusters import api, listed, namespaces, unanswered
from lab.status.dead import dead_processes
from lab.status.objects import describe, kinds, present
from lab.status.row import ERROR, READY

LONGEST = 200
_TIMEOUTS = (0.5, 1.0)


def awaited(environment: Environment, stack: Stack) -> str:
    """What the stack's not-ready objects or pods say; empty where nothing is known. Never raises for a dead server."""
    if dead := dead_processes(environment):
        return f"{' and '.join(dead)} {'are' if len(dead) > 1 else 'is'} dead"
    if stack.context not in environment.contexts:
        return ""
    client = api(environment, stack, _TIMEOUTS)
    try:
        return _said(client, environment, stack)[:LONGEST]
    except UNREACHABLE as error:
        return f"{stack.name}: {unanswered(environment, stack, error)}"


def _said(client: Api, environment: Environment, stack: Stack) -> str:
    """Failed before unfinished, Jobs before pods before other objects."""
    found = [
        one
        for namespace in namespaces(stack)
        for one in pods.troubles(client, Home(environment.root), stack, namespace)
        if one.why
    ]
    found.sort(key=lambda one: one.status != ERROR)
    if found:
        return f"{found[0].kind} {found[0].name}: {found[0].why}"
    now = present()
    for namespace in namespaces(stack):
        for kind in kinds(stack, namespace):
            for item in listed(client, kind, namespace):
                state, detail = describe(kind.name, item, now)
                if state != READY:
                    return f"{kind.name} {item['metadata']['name']}: {detail or state}"
    return ""
