"""A cluster as `ops.status` reads it, in memory: objects as an API server gave them, rights that the login lacks."""

from typing import cast

from ops.clusters import Cluster, ClusterError, Manifest


class RecordedCluster:
    """The reading verbs. What a kind in `denied` is asked for is refused; one without objects is not served."""

    def __init__(self, denied: tuple[str, ...] = (), *, dead: bool = False, **lists: list[Manifest]) -> None:
        self.denied = denied
        self.dead = dead
        self.lists = lists

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
