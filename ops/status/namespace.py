"""One namespace of a stack, line by line: objects of the kinds that count, and Jobs and pods that are not done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from ops.clusters import CONNECTIONS, ClusterError, Manifest
from ops.status import pods
from ops.status.advice import Advice
from ops.status.kinds import JOB, NETWORK_OBSERVER, POD, SERVICE, SITE, STATEFUL_SET, Kind, visible
from ops.status.objects import SECRETS, describe, kinds, needed
from ops.status.observers import address
from ops.status.place import Standing
from ops.status.row import ERROR, READY, UNKNOWN, Row, span
from ops.status.streaming import FENCED
from ops.status.warnings import Warnings

AUTHORITY = "skupper-site-ca"
"""The Secret with the authority of a site that accepts links (skupper:internal/kube/site)."""


class Namespace:
    """What is asked of it is asked of the API server then, which raises ClusterError where it gives no answer.

    What the login may not list is a row, where the stack needs it.
    """

    def __init__(self, standing: Standing, name: str, advice: Advice) -> None:
        self._standing = standing
        self._place = standing.place
        self._cluster = standing.cluster
        self._name = name
        self._advice = advice
        self._warnings = Warnings(standing.cluster, name)
        self._denied: list[Row] = []

    def objects(self) -> Iterator[Row]:
        """Its objects of link and databases, kind by kind."""
        now = self._standing.now()
        asked = kinds(self._place, self._name)
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for kind, items in zip(asked, threads.map(self._listed, asked), strict=True):
                for item in items:
                    yield self._row(kind, item, now)
        yield from self._refused()

    def troubles(self) -> list[Row]:
        """Its Jobs and pods that are not done or not Ready."""
        found = pods.rows(
            self._place.stack,
            self._name,
            self._listed(JOB),
            self._listed(POD),
            warnings=self._warnings,
            last_line=partial(self._advice.last_line, self._place, self._cluster, self._name),
        )
        return [*found, *self._refused()]

    def _row(self, kind: Kind, item: Manifest, now: datetime) -> Row:
        name = item["metadata"]["name"]
        state, detail = describe(kind.name, item, now, self._place, self._advice)
        if kind == STATEFUL_SET and self._is_fenced(item):
            state, detail = READY, "off: the promoted server takes the writes"
        said = [detail]
        if kind == NETWORK_OBSERVER and state == READY:
            said.append(address(self._cluster, item))
        if kind == SITE and state == READY:
            said.append(self._authority(now))
        if kind in SECRETS:
            # External Secrets says that it failed in the condition, and why in an event.
            said += [self._warnings.about(kind.name, item)] if state == ERROR else []
            # Both namespaces have a store of the same name.
            said += [f"namespace {self._name}"] if self._name != self._place.namespace else []
        created = str(item["metadata"].get("creationTimestamp") or "")
        text = ", ".join(one for one in said if one)
        return Row(self._place.stack, kind.name, name, state, text, self._name, created, kind.resource)

    def _authority(self, now: datetime) -> str:
        """How old the site's authority is, which a revocation renews; its key is in a Secret that is not read."""
        found = visible(partial(self._cluster.metadata, "v1", "secrets", self._name)) or []
        made = next((one["creationTimestamp"] for one in found if one["name"] == AUTHORITY), "")
        return f"authority {span((now - datetime.fromisoformat(made)).total_seconds())} old" if made else ""

    def _listed(self, kind: Kind) -> list[Manifest]:
        try:
            return kind.list(self._cluster, self._name)
        except ClusterError as error:
            if not error.refused:
                raise
            if needed(kind, self._place):
                right = f"this login may not see them: it needs list on {kind.resource} in namespace {self._name}"
                row = Row(self._place.stack, kind.name, "*", UNKNOWN, right, self._name, resource=kind.resource)
                self._denied.append(row)
            return []

    def _refused(self) -> list[Row]:
        # Threads have found them in any order.
        found, self._denied = sorted(self._denied, key=lambda row: row.kind), []
        return found

    def _is_fenced(self, item: Manifest) -> bool:
        """Whether its stack keeps this server off; anybody else's zero replicas are not meant."""
        return item["spec"].get("replicas") == 0 and self._has(SERVICE, FENCED)

    def _has(self, kind: Kind, name: str) -> bool:
        return visible(partial(kind.get, self._cluster, self._name, name)) is not None
