"""The last warning about an object, as `kubectl describe` shows it: where a condition says that, an event says why."""

import re

from ops.clusters import Cluster, ClusterError, Manifest
from ops.status.kinds import EVENT

# The frame that Vault's client puts around the one line that counts.
_FRAME = re.compile(r"Error making API request\. URL: \S+ \S+ Code: (\d+)\. Errors: \* ")


class Warnings:
    """The warnings of a namespace, asked for only once one is needed; none where the login may not see them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._events: list[Manifest] | None = None

    def about(self, kind: str, item: Manifest, since: str = "") -> str:
        """The last one about this very object, in one line; empty where there is none, or none any more.

        Args:
            kind: of the object.
            item: the object; what was said of an earlier one of its name does not count.
            since: a time as the API writes it; what was said before that does not count.
        """
        if self._events is None:
            found = [one for one in self._listed() if one.get("type") == "Warning"]
            self._events = sorted(found, key=_time)
        wanted = (kind, item["metadata"]["name"], item["metadata"].get("uid"))
        for event in reversed(self._events):
            about = event["involvedObject"]
            if (about.get("kind"), about.get("name"), about.get("uid")) == wanted and _time(event) >= since:
                return _FRAME.sub(r"\1 ", " ".join(str(event.get("message") or "").split()))
        return ""

    def _listed(self) -> list[Manifest]:
        try:
            return EVENT.list(self._cluster, self._namespace, fieldSelector="type=Warning")
        except ClusterError as error:
            if error.refused:
                return []
            raise


def _time(event: Manifest) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
