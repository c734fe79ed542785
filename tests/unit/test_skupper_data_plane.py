"""Which ways there are through the network, and what lives on them."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.stand_ins.network.table import Address, Table, Target
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.skupper import data_plane
from lab.stand_ins.skupper.data_plane import DataPlane, Links, links_between, target_host, ways
from lab.stand_ins.skupper.network import Connecting, Listening, SiteView, Topology

A, B, C = (SiteView(name, name, "rhsi", f"context-{name}", ready=True) for name in "abc")
ONE = {"b": {"link-1": "a"}}
BOTH = {"b": {"link-1": "a", "link-2": "a"}}
TWO = {"b": {"link-2": "a"}}

FRONT = Address("127.64.0.1", 5432)
DATABASE = Connecting("db", "key", ("127.128.0.1",), 5433)
LISTENING = Listening("db", "key", "db", 5432)


class Cluster:
    """The Services of a cluster, by namespace and name."""

    def __init__(self, **addresses: str) -> None:
        self._addresses = addresses

    def service_address(self, namespace: str, name: str) -> str | None:
        return self._addresses.get(f"{namespace}_{name}")


class Plane(DataPlane):
    """A data plane whose latest table can be read."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.table = Table({})
        clusters = {f"context-{site}": Cluster() for site in "ac"} | {"context-b": Cluster(rhsi_db="127.64.0.1")}
        super().__init__(clusters, changed, self._keep)

    def _keep(self, table: Table) -> None:
        self.table = table

    def links_taken(self) -> list[str]:
        """The links that a new connection from site b would take."""
        return [need for target in self.table.routes[FRONT] for need in target.needs if "/link/" in need]


def topology(up: dict[str, dict[str, str]], *, at_a: tuple[Connecting, ...] = (DATABASE,)) -> Topology:
    sites = (replace(A, connectors=at_a), replace(B, listeners=(LISTENING,)), C)
    return Topology({site.uid: site for site in sites}, up)


def reached(up: dict[str, dict[str, str]], start: SiteView, before: Links | None = None) -> dict[str, tuple[str, ...]]:
    network = topology(up)
    links = links_between(network, before or {}, lambda _: None)
    return {way.site.uid: way.links for way in ways(network, start, links)}


def test_a_site_reaches_itself_without_any_link() -> None:
    assert reached({}, A) == {"a": ()}


def test_a_link_is_used_in_both_directions() -> None:
    assert reached(ONE, A) == {"a": (), "b": ("b/link/link-1",)}
    assert reached(ONE, B) == {"b": (), "a": ("b/link/link-1",)}


def test_the_way_over_several_sites_names_every_link() -> None:
    assert reached({"b": {"to-a": "a"}, "c": {"to-b": "b"}}, C)["a"] == ("c/link/to-b", "b/link/to-a")


def test_of_parallel_links_the_one_that_came_up_last_is_taken_whatever_its_name() -> None:
    before = {frozenset("ab"): ["b/link/link-9"]}
    assert reached({"b": {"link-9": "a", "link-10": "a"}}, B, before)["a"] == ("b/link/link-10",)


def test_a_listener_leads_over_the_link_to_the_connector_with_its_routing_key() -> None:
    plane = Plane()
    other = replace(DATABASE, name="other", routing_key="other")
    plane.follow(topology(ONE, at_a=(DATABASE, other)))
    needs = ("b/listener/db", "a/connector/db/127.128.0.1", "b/link/link-1")
    target = Target(Address("127.128.0.1", 5433), needs, cost=1, source=address_of("a"))
    assert plane.table.routes == {FRONT: [target]}
    assert plane.table.present.issuperset(needs)
    plane.follow(topology({}))
    assert plane.table.routes == {FRONT: []}
    assert not plane.table.present.issuperset(needs)


def test_what_the_first_link_carries_lives_on_beside_a_second_one_and_ends_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_plane, "HELLO_SECONDS", 0.1)
    plane = Plane()
    plane.follow(topology(ONE))
    assert plane.links_taken() == ["b/link/link-1"]
    plane.follow(topology(BOTH))
    assert plane.links_taken() == ["b/link/link-2"]
    assert "b/link/link-1" in plane.table.present
    plane.follow(topology(TWO))
    assert "b/link/link-1" not in plane.table.present
    assert "b/link/link-2" in plane.table.present


def test_a_neighbour_that_lost_one_of_two_links_is_unknown_until_its_next_hello(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_plane, "HELLO_SECONDS", 0.2)
    plane = Plane(changed=lambda: plane.follow(topology(TWO)))
    plane.follow(topology(BOTH))
    plane.follow(topology(TWO))
    assert plane.links_taken() == []
    deadline = time.monotonic() + 10
    while not plane.links_taken() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert plane.links_taken() == ["b/link/link-2"]


def test_a_connector_leads_to_a_service_of_its_own_cluster() -> None:
    cluster = Cluster(db_edb="127.64.0.5", rhsi_pg="127.64.0.6")
    for name in ("edb.db.svc.cluster.local", "edb.db.svc", "edb.db"):
        assert target_host(name, "rhsi", cluster) == "127.64.0.5"
    assert target_host("pg", "rhsi", cluster) == "127.64.0.6"
    for name in ("127.128.0.1", "db.example.com"):
        assert target_host(name, "rhsi", cluster) == name
