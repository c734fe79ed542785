"""What a silent command waits for, in one short sentence: the most telling thing that a stack's cluster says right now.

Asks little, and gives up within three seconds: whoever waits shall not wait for the reason.
"""

import time
from itertools import chain

from lab.environment import Environment
from lab.home import Home
from lab.stacks import Stack
from lab.stand_ins.controller.api import UNREACHABLE, Api
from lab.status.clusters import api, namespaces, unanswered
from lab.status.dead import look, sentence
from lab.status.namespace import Namespace
from lab.status.row import ERROR

LONGEST = 200
_TIMEOUTS = (0.5, 1.0)
_PATIENCE = 1.5
"""Seconds after which no further object is looked at; the request that is under way then has its own second."""


def awaited(environment: Environment, stack: Stack) -> str:
    """What the stack's not-ready objects or pods say; empty where nothing is known. Never raises for a dead server."""
    if dead := sentence(look(environment)):
        return dead
    if stack.context not in environment.contexts:
        return ""
    client = api(environment, stack, _TIMEOUTS)
    try:
        return _said(client, environment, stack)[:LONGEST]
    except UNREACHABLE as error:
        return f"{stack.name}: {unanswered(environment, stack, error)}"


def _said(client: Api, environment: Environment, stack: Stack) -> str:
    """Failed before unfinished, Jobs before pods before other objects."""
    until = time.monotonic() + _PATIENCE
    spaces = [Namespace(client, Home(environment.root), stack, name) for name in namespaces(stack)]
    found = [row for space in spaces for row in space.troubles() if row.detail]
    found.sort(key=lambda row: row.status != ERROR)
    for row in chain(found, *(space.objects() for space in spaces)):
        if not row.ready:
            return f"{row.kind} {row.name}: {row.detail or row.status}"
        if time.monotonic() > until:
            break
    return ""
