"""Which way a connection takes through the network."""

from dataclasses import replace

from lab.network.forwarding import Address
from lab.skupper.data_plane import links_between, target_address, ways
from lab.skupper.network import Connecting, SiteView, Topology

SITES = {name: SiteView(name, name, "rhsi", f"context-{name}", ready=True) for name in ("a", "b", "c")}
CONNECTOR = Connecting("db", "key", (), 5432)


def reached(up: dict[str, dict[str, str]], start: str) -> dict[str, tuple[tuple[str, str], ...]]:
    topology = Topology(SITES, up)
    return {way.site.uid: way.links for way in ways(topology, SITES[start], links_between(topology))}


def test_a_site_reaches_itself_without_any_link() -> None:
    assert reached({}, "a") == {"a": ()}


def test_a_link_is_used_in_both_directions() -> None:
    up = {"b": {"to-a": "a"}}
    assert reached(up, "a") == {"a": (), "b": (("b", "to-a"),)}
    assert reached(up, "b") == {"b": (), "a": (("b", "to-a"),)}


def test_the_way_over_several_sites_names_every_link() -> None:
    up = {"b": {"to-a": "a"}, "c": {"to-b": "b"}}
    assert reached(up, "c")["a"] == (("c", "to-b"), ("b", "to-a"))


def test_of_parallel_links_the_newest_is_taken() -> None:
    assert reached({"b": {"link-1": "a", "link-2": "a"}}, "b")["a"] == (("b", "link-2"),)


def test_a_connector_leads_to_a_service_of_its_own_cluster() -> None:
    known = {("context-a", "db", "edb-rw"): "127.64.0.5", ("context-a", "rhsi", "pg"): "127.64.0.6"}

    def address(host: str) -> Address:
        connector = replace(CONNECTOR, hosts=(host,))
        return target_address(connector, host, SITES["a"], lambda *service: known.get(service))

    assert address("edb-rw.db.svc.cluster.local") == address("edb-rw.db.svc") == address("edb-rw.db")
    assert address("edb-rw.db") == Address("127.64.0.5", 5432)
    assert address("pg") == Address("127.64.0.6", 5432)
    assert address("127.128.0.1") == Address("127.128.0.1", 5432)
    assert address("db.example.com") == Address("db.example.com", 5432)
