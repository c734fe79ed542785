"""How far behind the copies are: each subscription of the replicated databases, and PostgreSQL's streaming standby.

Finds the servers: the program's own by the names of their pods, CloudNativePG's by the status of their Cluster. A
server that does not answer is a figure too. What the figures mean is the business of streaming.py and logical.py.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ops.clusters import ClusterError, Manifest
from ops.status import logical, streaming
from ops.status.copies import Replication
from ops.status.kinds import CLUSTERS, CONNECTOR, SERVICE, STATEFUL_SET, SUBSCRIPTIONS, Kind, visible
from ops.status.place import Place, Standing
from ops.status.server import Server
from ops.status.streaming import FENCED, PRIMARY, STANDBY


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A stack's cluster that answers, and what has to do with copies there.

    Attributes:
        standing: the stack's place and cluster.
        subscriptions: of its replicated databases.
        clusters: the Clusters of these, by name.
        has_standby: whether it has a streaming standby.
        is_fenced: whether its primary is off, because a promoted standby takes the writes.
        takes_writes: whether its standby is meant to do so: its stack offers it to all sites then.
    """

    standing: Standing
    subscriptions: list[Manifest]
    clusters: dict[str, Manifest]
    has_standby: bool
    is_fenced: bool
    takes_writes: bool

    @property
    def place(self) -> Place:
        return self.standing.place

    def own(self, server: str) -> Server:
        """A server of the program's own, which has one pod."""
        return Server(cluster=self.standing.cluster, namespace=self.place.namespace, pod=f"{server}-0", name=server)

    def replicated(self, cluster: str, database: str) -> Server | None:
        """The primary of a Cluster, None where there is no such Cluster or it has none."""
        pod = (self.clusters.get(cluster, {}).get("status") or {}).get("currentPrimary")
        if not pod:
            return None
        return Server(
            cluster=self.standing.cluster, namespace=self.place.databases, pod=pod, name=cluster, database=database
        )


def figures(standing: Sequence[Standing]) -> list[Replication]:
    """Every copy on these clusters. Those of a cluster whose API server does not answer are not known."""
    # All at once: each that does not answer takes its whole deadline.
    with ThreadPoolExecutor(max(1, len(standing))) as threads:
        # Whoever does not answer now is not asked again: the time for that is over.
        sites = [found for found in threads.map(_site, standing) if found]
    looks = [look for site in sites for look in _looks(site, sites)]
    with ThreadPoolExecutor(max(1, len(looks))) as threads:
        return list(threads.map(lambda look: look(), looks))


def is_subscribed(standing: Standing) -> bool:
    """Whether a stack's databases subscribe to others.

    Raises:
        ClusterError: the API server does not answer.
    """
    place = standing.place
    return bool(place.databases) and any(kind.list(standing.cluster, place.databases) for kind in SUBSCRIPTIONS)


def _site(standing: Standing) -> _Site | None:
    place = standing.place

    def listed(kinds: Sequence[Kind]) -> list[Manifest]:
        if not place.databases:
            return []
        return [item for kind in kinds for item in visible(partial(kind.list, standing.cluster, place.databases)) or []]

    def exists(kind: Kind, name: str) -> bool:
        return visible(partial(kind.get, standing.cluster, place.namespace, name)) is not None

    try:
        return _Site(
            standing=standing,
            subscriptions=listed(SUBSCRIPTIONS),
            clusters={item["metadata"]["name"]: item for item in listed(CLUSTERS)},
            has_standby=exists(STATEFUL_SET, STANDBY),
            is_fenced=exists(SERVICE, FENCED),
            takes_writes=bool(place.primary) and exists(CONNECTOR, PRIMARY),
        )
    except ClusterError:
        # The cluster has a row of its own.
        return None


def _looks(site: _Site, sites: Sequence[_Site]) -> Iterator[Callable[[], Replication]]:
    """What is to be measured of the copies on one cluster."""
    stack = site.place.stack
    for item in site.subscriptions:
        spec = item["spec"]
        source = logical.source_of(spec["externalClusterName"])
        beside = [other for other in sites if other.place.environment == site.place.environment]
        sources = (other.replicated(source, spec["dbname"]) for other in beside)
        here = site.replicated(spec["cluster"]["name"], spec["dbname"])
        yield partial(logical.measure, stack, item, here, next((found for found in sources if found), None))
    if site.has_standby:
        slot, here = site.place.site.replace("-", "_"), site.own(STANDBY)
        yield partial(streaming.measure, stack, slot, here, _source(site, sites), takes_writes=site.takes_writes)


def _source(site: _Site, sites: Sequence[_Site]) -> Server | None:
    """The server that a standby follows: its primary's, or the standby that was promoted in that one's place."""
    primary = next((one for one in sites if one.place.stack == site.place.primary), None)
    if primary is None or not primary.is_fenced:
        return primary.own(PRIMARY) if primary else None
    others = (one for one in sites if one.place.primary == site.place.primary and one.takes_writes)
    promoted = next(others, None)
    return promoted.own(STANDBY) if promoted else None
