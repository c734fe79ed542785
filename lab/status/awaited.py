"""What a silent command waits for, in one short sentence: the most telling thing that a stack's cluster says right now.

Asks little, and gives up within three seconds: whoever waits shall not wait for the reason.
"""

import time
from itertools import chain

from lab.environment import Environment
from lab.stacks import Stack
from lab.status.advice import LabAdvice
from lab.status.clusters import standing, unanswered
from lab.status.dead import look, sentence
from ops.clusters import ClusterError
from ops.status.namespace import Namespace
from ops.status.place import Standing
from ops.status.row import ERROR

LONGEST = 200
_REQUEST_SECONDS = 1.0
_PATIENCE = 1.5
"""Seconds after which no further object is looked at; the request that is under way then has its own second."""


def awaited(environment: Environment, stack: Stack) -> str:
    """What the stack's not-ready objects or pods say; empty where nothing is known. Never raises for a dead server."""
    if dead := sentence(look(environment)):
        return dead
    for one in standing(environment, [stack], _REQUEST_SECONDS):
        try:
            return _said(one, LabAdvice(environment))[:LONGEST]
        except ClusterError as error:
            return f"{stack.name}: {unanswered(environment, stack.context, error)}"
    return ""


def _said(found: Standing, advice: LabAdvice) -> str:
    """Failed before unfinished, Jobs before pods before other objects."""
    until = time.monotonic() + _PATIENCE
    spaces = [Namespace(found, name, advice) for name in found.place.namespaces]
    rows = [row for space in spaces for row in space.troubles() if row.detail]
    rows.sort(key=lambda row: row.status != ERROR)
    for row in chain(rows, *(space.objects() for space in spaces)):
        if not row.ready:
            return f"{row.kind} {row.name}: {row.detail or row.status}"
        if time.monotonic() > until:
            break
    return ""
