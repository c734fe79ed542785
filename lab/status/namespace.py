"""One namespace of a stack, line by line: objects of the kinds that count, and Jobs and pods that are not done."""

from collections.abc import Iterator
from datetime import UTC, datetime

from lab.home import Home
from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import STATEFUL_SET
from lab.stand_ins.network_observer.kinds import NETWORK_OBSERVER
from lab.status import pods
from lab.status.clusters import listed
from lab.status.databases import address as database_address
from lab.status.objects import SECRETS, describe, kinds
from lab.status.observers import address
from lab.status.row import ERROR, READY, Row
from lab.status.streaming import FENCED
from lab.status.warnings import Warnings


class Namespace:
    """What is asked of it is asked of the API server then; an API server that gives no answer raises UNREACHABLE."""

    def __init__(self, api: Api, home: Home, stack: Stack, name: str) -> None:
        self._api = api
        self._home = home
        self._stack = stack
        self._name = name
        self._warnings = Warnings(api, name)

    def objects(self) -> Iterator[Row]:
        """Its objects of link and databases, kind by kind."""
        now = datetime.now(UTC)
        for kind in kinds(self._stack, self._name):
            for item in listed(self._api, kind, self._name):
                name = item["metadata"]["name"]
                state, detail = describe(kind.name, item, now)
                if kind == STATEFUL_SET and self._is_fenced(item):
                    state, detail = READY, "off: the promoted server takes the writes"
                said = [detail]
                if kind == NETWORK_OBSERVER and state == READY:
                    said.append(address(self._api, item))
                if kind in SECRETS:
                    # External Secrets says that it failed in the condition, and why in an event.
                    said += [self._warnings.about(kind.name, item)] if state == ERROR else []
                    # Both namespaces have a store of the same name.
                    said += [f"namespace {self._name}"] if self._name != self._stack.namespace else []
                yield Row(self._stack.name, kind.name, name, state, ", ".join(text for text in said if text))

    def _is_fenced(self, item: Manifest) -> bool:
        """Whether its stack keeps this server off; anybody else's zero replicas are not meant."""
        return item["spec"].get("replicas") == 0 and database_address(self._api, self._name, FENCED) is not None

    def troubles(self) -> list[Row]:
        """Its Jobs and pods that are not done or not Ready."""
        return pods.rows(self._api, self._home, self._stack, self._name, self._warnings)
