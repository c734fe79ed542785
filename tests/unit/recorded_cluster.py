"""A cluster as `ops.status` reads it, in memory: objects as an API server gave them, rights that the login lacks."""

from typing import cast

from ops.clusters import ClockReading, Cluster, ClusterError, Manifest
from ops.status import kinds


class RecordedCluster:
    """The reading verbs. What a kind in `denied` is asked for is refused; with `serves` off there are no operators."""

    clock: ClockReading | None = None

    def __init__(
        self, denied: tuple[str, ...] = (), *, dead: bool = False, serves: bool = True, **lists: list[Manifest]
    ) -> None:
        self.serves = serves
        self.denied = denied
        self.dead = dead
        self.lists = lists

    def served(self, api_version: str) -> dict[str, str]:
        known = (kind for kind in (kinds.SITE, kinds.LINK, kinds.STATEFUL_SET, *kinds.CLUSTERS))
        return {kind.name: kind.plural for kind in known if self.serves and kind.api_version == api_version}

    def get(self, path: str, **_query: str) -> Manifest | None:
        if self.dead:
            raise ClusterError(f"Context site-b does not answer: no route, at {path}.")
        return {"kind": "APIVersions"}

    def objects(self, api_version: str, plural: str, namespace: str = "", **_query: str) -> list[Manifest]:
        self.get(plural)
        if plural in self.denied:
            raise ClusterError(f"Context site-b refuses GET {plural}: forbidden.", refused=True)
        groups = {one.get("apiVersion", api_version): one for one in self.lists.get(plural, [])}
        items = self.lists.get(plural, []) if api_version in groups else []
        return [one for one in items if namespace in {"", one["metadata"].get("namespace", "rhsi")}]

    def metadata(self, api_version: str, plural: str, namespace: str = "") -> list[Manifest]:
        return [one["metadata"] for one in self.objects(api_version, plural, namespace)]

    def object(self, api_version: str, plural: str, name: str, namespace: str = "") -> Manifest | None:
        items = self.objects(api_version, plural, namespace)
        return next((one for one in items if one["metadata"]["name"] == name), None)

    @property
    def cluster(self) -> Cluster:
        """As the code under test takes it."""
        return cast("Cluster", self)
