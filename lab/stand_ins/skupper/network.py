"""The simulated network: which links are up, and what every site therefore knows of the others.

Stands in for the routers and the status that they collect. Owns no status of any object: `Topology` is plain data,
computed from what all controllers see. A link is up when its endpoint leads to a Ready site and both ends accept the
other's certificate; re-keying a site's CA therefore cuts its links, at once, as routers do when they connect anew.

The data plane needs nothing else than this: `Network` calls its listeners with every new Topology, which holds for each
site its listeners, its connectors with their targets, and which other sites it reaches.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.certificates import chains_to
from lab.kube import Manifest

# Router events come in bursts (a Site writes its status several times while it starts); one look is enough for each.
SETTLE_SECONDS = 0.05
log = logging.getLogger("skupper.network")

PublicTls = tuple[bytes, bytes]
"""Certificate and CA bundle, PEM."""


@dataclass(frozen=True)
class Endpoint:
    """Where a site accepts links."""

    host: str
    port: str
    credentials: PublicTls | None
    """What the router presents and whom it trusts; None while the Secret is missing."""
    local: bool = False
    """Whether the name means something within its own cluster only."""


@dataclass(frozen=True)
class LinkEnd:
    """A configured Link, seen from the site that owns it."""

    name: str
    host: str
    port: str
    credentials: PublicTls | None
    last_peer: str = ""
    """UID of the site that the link led to when it was last up."""


@dataclass(frozen=True)
class Listening:
    """A configured Listener."""

    name: str
    routing_key: str
    host: str
    port: int


@dataclass(frozen=True)
class Connecting:
    """A configured Connector and the hosts it reaches at present."""

    name: str
    routing_key: str
    hosts: tuple[str, ...]
    port: int


@dataclass(frozen=True)
class SiteView:
    """An active Site with everything that its router would have been told."""

    uid: str
    name: str
    namespace: str
    context: str
    ready: bool
    endpoints: tuple[Endpoint, ...] = ()
    links: tuple[LinkEnd, ...] = ()
    listeners: tuple[Listening, ...] = ()
    connectors: tuple[Connecting, ...] = ()


@dataclass(frozen=True)
class Topology:
    """All sites and the links that are up: per site UID, the Link's name and the UID of the site at its other end."""

    sites: dict[str, SiteView]
    up: dict[str, dict[str, str]]

    def reached_from(self, uid: str) -> list[SiteView]:
        """The site itself and all that it reaches over links that are up, in either direction, ordered by UID."""
        neighbours: dict[str, set[str]] = {site: set() for site in self.sites}
        for site, links in self.up.items():
            for peer in links.values():
                neighbours[site].add(peer)
                neighbours[peer].add(site)
        found, todo = {uid}, [uid]
        while todo:
            new = neighbours.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return [self.sites[site] for site in sorted(found) if site in self.sites]

    def records_for(self, uid: str) -> list[Manifest]:
        """`Site.status.network` of a site (internal/network/network.go:184-262)."""
        return [self._record(site) for site in self.reached_from(uid)]

    def _record(self, site: SiteView) -> Manifest:
        record: Manifest = {
            "id": site.uid,
            "name": site.name,
            "namespace": site.namespace,
            "platform": "kubernetes",
            "version": "lab",
        }
        links = [self._link_record(site, link) for link in site.links]
        if known := [link for link in links if link]:
            record["links"] = known
        services: dict[str, Manifest] = {}
        for connector in site.connectors:
            for host in connector.hosts:
                service = services.setdefault(connector.routing_key, {"routingKey": connector.routing_key})
                service.setdefault("connectors", []).append(host)
        for listener in site.listeners:
            service = services.setdefault(listener.routing_key, {"routingKey": listener.routing_key})
            service.setdefault("listeners", []).append(f"listener/{listener.name}")
        if services:
            record["services"] = [services[key] for key in sorted(services)]
        return record

    def _link_record(self, site: SiteView, link: LinkEnd) -> Manifest | None:
        peer = self.up.get(site.uid, {}).get(link.name)
        if peer:
            name = self.sites[peer].name
            return {"name": link.name, "remoteSiteId": peer, "remoteSiteName": name, "operational": True}
        if link.last_peer:
            # Down, with the peer kept. A link that was never up has no peer, hence no record.
            known = self.sites.get(link.last_peer)
            return {"name": link.name, "remoteSiteId": link.last_peer, "remoteSiteName": known.name if known else ""}
        return None


def compute(sites: Iterable[SiteView], before: Topology | None = None) -> Topology:
    """Decide which links are up.

    Args:
        sites: the active sites of all clusters.
        before: the last result. A link that was up and whose Secret has gone stays up, because a running router has
            read it long ago.
    """
    by_uid = {site.uid: site for site in sites}
    up: dict[str, dict[str, str]] = {}
    for site in by_uid.values():
        was_up = before.up.get(site.uid, {}) if before else {}
        for link in site.links:
            peer = _peer(site, link, by_uid.values(), was_up.get(link.name))
            if peer:
                up.setdefault(site.uid, {})[link.name] = peer
    return Topology(by_uid, up)


def _peer(site: SiteView, link: LinkEnd, sites: Iterable[SiteView], was: str | None) -> str | None:
    for remote in sites:
        if remote.uid == site.uid or not remote.ready:
            continue
        for endpoint in remote.endpoints:
            if (endpoint.host, endpoint.port) != (link.host, link.port):
                continue
            if endpoint.local and remote.context != site.context:
                continue
            if _accept(link.credentials, endpoint.credentials, known=was == remote.uid):
                return remote.uid
    return None


def _accept(client: PublicTls | None, server: PublicTls | None, *, known: bool) -> bool:
    """Mutual TLS: each certificate chains to the other's bundle."""
    if client is None or server is None:
        return known
    return chains_to(client[0], server[1]) and chains_to(server[0], client[1])


class Network:
    """Recomputes the Topology after changes, in a thread of its own, and tells everybody who asked.

    `look` returns the sites of one cluster; it is called from the network's thread.
    """

    def __init__(self) -> None:
        self.topology = Topology({}, {})
        self._looks: dict[str, Callable[[], list[SiteView]]] = {}
        self._listeners: list[Callable[[Topology], None]] = []
        self._changed = threading.Event()
        self._stopped = threading.Event()

    def add_cluster(self, context: str, look: Callable[[], list[SiteView]]) -> None:
        """Take the sites of a cluster into account, in the place of those that were told of it before.

        The sites of a controller that has stopped stay, as its routers would.
        """
        self._looks[context] = look

    def subscribe(self, listener: Callable[[Topology], None]) -> None:
        """Call `listener` with every Topology that is computed; it must not block."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Something that matters may have changed; returns at once."""
        self._changed.set()

    def start(self) -> None:
        """Begin to work."""
        threading.Thread(target=self._run, name="network", daemon=True).start()

    def stop(self) -> None:
        """End the work."""
        self._stopped.set()
        self._changed.set()

    def _run(self) -> None:
        while self._changed.wait() and not self._stopped.is_set():
            self._stopped.wait(SETTLE_SECONDS)
            self._changed.clear()
            self.topology = compute((site for look in list(self._looks.values()) for site in look()), self.topology)
            for listener in self._listeners:
                listener(self.topology)
