"""The routers' data plane: TCP from each Listener's Service to the Connectors that its site reaches.

Owns which way a connection takes and which connections a change of the network ends; bytes are the forwarder's.
A connection goes to the nearest site that has a Connector with the Listener's routing key, over the links between. When
a link of its way goes, it is reset. As upstream, losing one of two parallel links makes the neighbour unknown until its
next HELLO, a second later (skupper-router: python/skupper_router_internal/router/hello.py, node.py), and a Listener
without any Connector is not listened on.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lab.network.forwarding import Address, Forwarder, Target
from lab.skupper.network import Connecting, SiteView, Topology

HELLO_SECONDS = 1.0

ServiceAddress = Callable[[str, str, str], str | None]
"""Context, namespace and name of a Service -> its ClusterIP."""


class Way(NamedTuple):
    """From one site to another: the links in between as (UID of the owning site, name); none within a site."""

    site: SiteView
    links: tuple[tuple[str, str], ...] = ()


Pair = frozenset[str]
"""The UIDs of two neighbours."""


def links_between(topology: Topology) -> dict[Pair, list[tuple[str, str]]]:
    """The links that are up, by the sites that they join; the one that came last comes last."""
    found: dict[Pair, list[tuple[str, str]]] = {}
    for site, links in topology.up.items():
        for name, peer in links.items():
            found.setdefault(frozenset((site, peer)), []).append((site, name))
    return found


def ways(topology: Topology, start: SiteView, links: dict[Pair, list[tuple[str, str]]]) -> Iterator[Way]:
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


def target_address(connector: Connecting, host: str, site: SiteView, service_address: ServiceAddress) -> Address:
    """Where a Connector leads: a Service's address if the host is a Service's name in its cluster, else the host."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name, _, rest = host.removesuffix(".cluster.local").removesuffix(".svc").partition(".")
        return Address(service_address(site.context, rest or site.namespace, name) or host, connector.port)
    return Address(host, connector.port)


class DataPlane:
    """Serves every Listener of all sites. `changed` asks for a new Topology when a neighbour's HELLO is due."""

    def __init__(self, service_address: ServiceAddress, changed: Callable[[], None]) -> None:
        self._service_address = service_address
        self._changed = changed
        self._forwarder = Forwarder()
        self._links: dict[Pair, list[tuple[str, str]]] = {}
        self._unknown_until: dict[Pair, float] = {}

    def start(self) -> None:
        """Begin to forward."""
        self._forwarder.start()

    def stop(self) -> None:
        """End all connections."""
        self._forwarder.stop()

    def follow(self, topology: Topology) -> None:
        """Serve this network."""
        links = self._known(links_between(topology))
        routes: dict[Address, list[Target]] = {}
        for site in topology.sites.values():
            reached = list(ways(topology, site, links))
            for listener in site.listeners:
                address = self._service_address(site.context, site.namespace, listener.host)
                if address:
                    routes[Address(address, listener.port)] = self._nearest(listener.routing_key, reached)
        self._forwarder.serve(routes)

    def _nearest(self, routing_key: str, reached: list[Way]) -> list[Target]:
        for way in reached:
            targets = [
                Target(target_address(connector, host, way.site, self._service_address), way.links)
                for connector in way.site.connectors
                if connector.routing_key == routing_key
                for host in connector.hosts
            ]
            if targets:
                return targets
        return []

    def _known(self, links: dict[Pair, list[tuple[str, str]]]) -> dict[Pair, list[tuple[str, str]]]:
        """The links to neighbours that are known: not those that have just lost one of several links."""
        now = time.monotonic()
        for pair, before in self._links.items():
            if pair in links and not set(before) <= set(links[pair]):
                self._unknown_until[pair] = now + HELLO_SECONDS
                hello = threading.Timer(HELLO_SECONDS, self._changed)
                hello.daemon = True
                hello.start()
        self._links = links
        return {pair: between for pair, between in links.items() if self._unknown_until.get(pair, 0.0) <= now}
