"""What a forwarder is told: the addresses that it serves, where each of them leads, and what connections live on.

Plain data that also goes from one process to another, as a line of JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Address(NamedTuple):
    """Where somebody listens."""

    host: str
    port: int


class Target(NamedTuple):
    """Where a connection may lead."""

    address: Address
    needs: tuple[str, ...] = ()
    """What a connection to it lives on: when one of them is not `present` any more, it is reset."""
    cost: int = 0
    """How many connections more than this one another target has to carry before this one is preferred."""
    source: str = ""
    """The address that it comes from; empty for the client's own."""


class Table(NamedTuple):
    """Everything at once, so that what is not in it is served no more."""

    routes: Mapping[Address, Sequence[Target]]
    present: frozenset[str] = frozenset()
    """What is there, of all that targets need. A target may lose its route, and so get no new connections, and yet
    keep those that it has: what they need is still there."""

    def encode(self) -> bytes:
        """One line, with its end."""
        return json.dumps([list(self.routes.items()), sorted(self.present)]).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Table":
        """The table of a line."""
        routes, present = json.loads(line)
        served = {Address(*front): [_target(*target) for target in targets] for front, targets in routes}
        return cls(served, frozenset(present))


def _target(address: list[str], needs: list[str], cost: int, source: str) -> Target:
    host, port = address
    return Target(Address(host, int(port)), tuple(needs), cost, source)
