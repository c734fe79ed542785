"""The routers' data plane: TCP from each Listener's Service to the Connectors that its site reaches.

Owns which ways there are and what a connection lives on; bytes are the business of the routers' process (../router).
As upstream (skupper-router: src/adaptors, src/router_core/forwarder.c, python/skupper_router_internal/router):
- A connection goes to the Connector with the fewest connections, each link on the way counted as one more.
- It is reset when a link of its way goes, its Listener, or its Connector, and when the Connector's pod is not ready any
  more. A link that is added changes nothing for it.
- New connections take the link that came up last. Losing one of several links between two sites makes the neighbour
  unknown until its next HELLO, a second later, although another link is up.
- A Listener without any Connector in reach is not listened on. Upstream goes on accepting for a second, and closes.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from lab.stand_ins.network.table import Address, Table, Target
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.skupper.network import Connecting, SiteView, Topology

HELLO_SECONDS = 1.0


class ServiceAddresses(Protocol):
    """The Services of one cluster."""

    def service_address(self, namespace: str, name: str) -> str | None:
        """The ClusterIP of a Service; None where there is none."""


class Way(NamedTuple):
    """From one site to another: the links in between; none within a site."""

    site: SiteView
    links: tuple[str, ...] = ()


Pair = frozenset[str]
"""The UIDs of two neighbours."""

Links = Mapping[Pair, Sequence[str]]
"""The links that are up, by the sites that they join; the one that came up last comes last."""


def links_between(topology: Topology, before: Links, lost: Callable[[Pair], None]) -> Links:
    """The links of a network; `lost` is told of each pair that has lost one and kept another."""
    up: dict[Pair, set[str]] = {}
    for site, peers in topology.up.items():
        for name, peer in peers.items():
            up.setdefault(frozenset((site, peer)), set()).add(f"{site}/link/{name}")
    found: dict[Pair, list[str]] = {}
    for pair, links in up.items():
        known = before.get(pair, ())
        kept = [link for link in known if link in links]
        found[pair] = kept + sorted(links.difference(kept))
        if len(kept) < len(known):
            lost(pair)
    return found


def ends(site: SiteView, connector: Connecting) -> list[str]:
    """What a connection to each host of a Connector lives on."""
    return [f"{site.uid}/connector/{connector.name}/{host}" for host in connector.hosts]


def ways(topology: Topology, start: SiteView, links: Links) -> Iterator[Way]:
    """The shortest way to every site in reach, nearest first, the site itself before all others."""
    seen, todo = {start.uid}, [Way(start)]
    while todo:
        way = todo.pop(0)
        yield way
        for pair, between in links.items():
            if way.site.uid in pair:
                (peer,) = pair - {way.site.uid}
                if peer not in seen and peer in topology.sites:
                    seen.add(peer)
                    todo.append(Way(topology.sites[peer], (*way.links, between[-1])))


def target_host(host: str, namespace: str, services: ServiceAddresses) -> str:
    """Where a Connector's host is: a Service's address if it is a Service's name in its cluster, else the host."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name, _, rest = host.removesuffix(".cluster.local").removesuffix(".svc").partition(".")
        return services.service_address(rest or namespace, name) or host
    return host


class DataPlane:
    """Makes the routers' table of every Topology.

    Args:
        clusters: by context: where the Services are found that Listeners are reached at and Connectors lead to.
        changed: asks for a new Topology; called when a neighbour's HELLO is due.
        serve: takes the table.
    """

    def __init__(
        self, clusters: Mapping[str, ServiceAddresses], changed: Callable[[], None], serve: Callable[[Table], None]
    ) -> None:
        self._clusters = clusters
        self._changed = changed
        self._serve = serve
        self._links: Links = {}
        self._unknown_until: dict[Pair, float] = {}

    def follow(self, topology: Topology) -> None:
        """Have this network served."""
        self._links = links_between(topology, self._links, self._lost)
        now = time.monotonic()
        known = {pair: links for pair, links in self._links.items() if self._unknown_until.get(pair, 0.0) <= now}
        routes: dict[Address, list[Target]] = {}
        present = {link for links in self._links.values() for link in links}
        for site in topology.sites.values():
            present.update(*(ends(site, connector) for connector in site.connectors))
            reached = list(ways(topology, site, known))
            for listener in site.listeners:
                address = self._clusters[site.context].service_address(site.namespace, listener.host)
                if address:
                    present.add(front := f"{site.uid}/listener/{listener.name}")
                    routes[Address(address, listener.port)] = self._targets(listener.routing_key, front, reached)
        self._serve(Table(routes, frozenset(present)))

    def _targets(self, routing_key: str, front: str, reached: list[Way]) -> list[Target]:
        return [
            Target(
                Address(target_host(host, way.site.namespace, self._clusters[way.site.context]), connector.port),
                needs=(front, end, *way.links),
                cost=len(way.links),
                source=address_of(way.site.uid),
            )
            for way in reached
            for connector in way.site.connectors
            if connector.routing_key == routing_key
            for host, end in zip(connector.hosts, ends(way.site, connector), strict=True)
        ]

    def _lost(self, pair: Pair) -> None:
        """One of several links between two neighbours has gone: they know each other again after a HELLO."""
        self._unknown_until[pair] = time.monotonic() + HELLO_SECONDS
        hello = threading.Timer(HELLO_SECONDS, self._changed)
        hello.daemon = True
        hello.start()
