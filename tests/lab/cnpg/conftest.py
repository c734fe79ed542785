"""Two sites with a Cluster each: still to be created, running, or replicating both ways; and one that is alone.

The two sides are of different API groups, EDB's and the community's, and reach one another directly, without a link.
"""

import secrets
from collections.abc import Callable, Iterator

import pytest

from lab.stand_ins.cnpg import pki
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB, MANAGER
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import NAMESPACE
from tests.lab.cnpg.clusters import Pair
from tests.lab.databases import ClusterSite
from tests.lab.lab import Lab


@pytest.fixture(scope="module")
def make(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Pair]]:
    """Makes two sites in namespaces of their own, not yet created; the namespaces go at the end."""
    apis = [Api(lab.connect(context), MANAGER) for context in lab.contexts]
    made: list[tuple[Api, str]] = []
    authority = pki.create_authority("shared", "test")

    def pair() -> Pair:
        name = f"db-{secrets.token_hex(4)}"
        for api in apis:
            api.apply(NAMESPACE, None, {"metadata": {"name": name}})
            made.append((api, name))
        folder = tmp_path_factory.mktemp("site")
        a = ClusterSite("site_a", EDB, apis[0], name, authority, folder, ("site_a_data", "site_b_data"))
        b = ClusterSite("site_b", COMMUNITY, apis[1], name, authority, folder, ("site_b_data", "site_a_data"))
        return a, b

    yield pair
    for api, name in made:
        api.delete(NAMESPACE, "", name)


@pytest.fixture(scope="module")
def running(make: Callable[[], Pair]) -> Pair:
    """Two healthy Clusters that know where the other is."""
    a, b = make()
    a.create(b)
    b.create(a)
    for site in (a, b):
        site.wait_until_ready()
    a.meet(b)
    b.meet(a)
    return a, b


@pytest.fixture(scope="module")
def replicating(running: Pair) -> Pair:
    """Two Clusters that replicate both ways."""
    for site in running:
        site.publish()
        site.wait_until_applied(site.group.publication, "pub")
    for site, peer in (running, running[::-1]):
        site.subscribe(peer)
        site.wait_until_applied(site.group.subscription, "sub")
        site.wait_until_copied()
    return running


@pytest.fixture
def alone(make: Callable[[], Pair]) -> ClusterSite:
    """A Cluster of the community's group that waits to be applied."""
    return make()[1]
