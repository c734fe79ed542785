"""The stand-in of the network observer's operator: the chart, the conditions, and the page of its pod."""

import base64
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.kinds import DEFINITION, DEPLOYMENT, POD, REPLICA_SET, SECRET, SERVICE
from lab.stand_ins.network_observer import crds, operator, page
from lab.stand_ins.network_observer.chart import Release
from lab.stand_ins.network_observer.kinds import CERTIFICATE, NETWORK_OBSERVER, ROUTE
from lab.stand_ins.network_observer.operator import FINALIZER, Observers
from tests.unit.fake_cluster import FakeCluster


def observer(name: str = "network-observer", **spec: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "rhsi", "uid": "u"}, "spec": spec}


class World:
    """A cluster with the operator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = FakeCluster()
        monkeypatch.setattr(operator, "WatchedCluster", lambda *_: self.cluster)
        self._observers = Observers("site-a")

    def settle(self) -> None:
        self.cluster.settle(lambda key: self._observers._handlers[key.handler](key.name))

    def observe(self, name: str = "network-observer", **spec: Any) -> Manifest:
        self.cluster.api.apply(NETWORK_OBSERVER, "rhsi", observer(name, **spec))
        self.settle()
        return self.status(name)

    def status(self, name: str = "network-observer") -> Manifest:
        found = self.cluster.api.get(NETWORK_OBSERVER, "rhsi", name)
        assert found
        status: Manifest = found["status"]
        return status


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize(
    ("name", "fullname"),
    [
        ("network-observer", "network-observer"),
        ("my-network-observer-2", "my-network-observer-2"),
        ("net", "net-network-observer"),
    ],
)
def test_names_follow_from_the_release_unless_it_has_the_charts_name(name: str, fullname: str) -> None:
    release = Release(observer(name))
    assert release.fullname == fullname
    assert release.login_secret == f"{fullname}-auth"
    assert release.tls_secret == f"{fullname}-tls"


def test_an_observer_is_deployed_with_its_service_certificates_login_and_pod(world: World) -> None:
    status = world.observe()
    assert conditions.is_true(status, "Initialized")
    deployed = conditions.find(status, "Deployed")
    assert (deployed["status"], deployed["reason"]) == ("True", "InstallSuccessful")
    assert status["deployedRelease"]["name"] == "network-observer"
    api = world.cluster.api
    service = api.get(SERVICE, "rhsi", "network-observer")
    assert service
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}]
    certificates = {one["metadata"]["name"]: one["spec"] for one in api.list(CERTIFICATE, "rhsi")}
    assert certificates.keys() == {"network-observer-client", "network-observer-tls"}
    assert {spec["ca"] for spec in certificates.values()} == {"skupper-local-ca"}
    login = api.get(SECRET, "rhsi", "network-observer-auth")
    assert login
    assert base64.b64decode(login["data"]["htpasswd"]).startswith(b"skupper:{PLAIN}")
    (pod,) = api.list(POD, "rhsi")
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"


def test_its_deployment_is_available_with_its_pod(world: World) -> None:
    world.observe()
    (pod,) = world.cluster.api.list(POD, "rhsi")
    world.cluster.store(
        POD, {**pod, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    )
    world.settle()
    deployment = world.cluster.api.get(DEPLOYMENT, "rhsi", "network-observer")
    assert deployment
    assert conditions.is_true(deployment["status"], "Available")


def test_a_pod_that_is_gone_or_has_ended_is_followed_by_another(world: World) -> None:
    world.observe()
    (first,) = world.cluster.api.list(POD, "rhsi")
    world.cluster.api.delete(POD, "rhsi", first["metadata"]["name"])
    world.settle()
    (second,) = world.cluster.api.list(POD, "rhsi")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    world.cluster.store(POD, {**second, "status": {"phase": "Failed"}})
    world.settle()
    (third,) = world.cluster.api.list(POD, "rhsi")
    assert third["metadata"]["uid"] != second["metadata"]["uid"]


def test_a_change_is_an_upgrade_with_a_new_pod_and_the_old_login(world: World) -> None:
    world.observe()
    login = world.cluster.api.get(SECRET, "rhsi", "network-observer-auth")
    status = world.observe(auth={"strategy": "none"})
    assert conditions.find(status, "Deployed")["reason"] == "UpgradeSuccessful"
    assert len(world.cluster.api.list(REPLICA_SET, "rhsi")) == 1
    (pod,) = world.cluster.api.list(POD, "rhsi")
    assert "--auth=none" in pod["spec"]["containers"][0]["args"]
    assert world.cluster.api.get(SECRET, "rhsi", "network-observer-auth") == login


def test_a_route_fails_the_release_where_there_are_no_routes_and_can_be_taken_back(world: World) -> None:
    status = world.observe(route={"enabled": True})
    failed = conditions.find(status, "ReleaseFailed")
    assert (failed["status"], failed["reason"]) == ("True", "InstallError")
    assert 'no matches for kind "Route" in version "route.openshift.io/v1"' in failed["message"]
    assert not conditions.find(status, "Deployed")
    status = world.observe(route={"enabled": False})
    assert conditions.is_true(status, "Deployed")
    assert not conditions.find(status, "ReleaseFailed")


def test_on_a_cluster_with_routes_a_release_has_one_with_a_host_and_a_certificate(world: World) -> None:
    (routes,) = crds.routes()
    world.cluster.api.create(DEFINITION, None, routes)
    status = world.observe(
        route={"enabled": True}, auth={"strategy": "openshift"}, tls={"openshiftIssued": True, "skupperIssued": False}
    )
    assert conditions.is_true(status, "Deployed")
    route = world.cluster.api.get(ROUTE, "rhsi", "network-observer")
    assert route
    assert route["spec"]["host"] == route["status"]["ingress"][0]["host"] == "network-observer-rhsi.apps.site-a.lab"
    assert world.cluster.api.get(CERTIFICATE, "rhsi", "network-observer-tls")
    assert not world.cluster.api.list(SECRET, "rhsi"), "people log in as to the cluster"


def test_an_observer_goes_with_everything_but_its_login(world: World) -> None:
    world.observe()
    found = world.cluster.api.get(NETWORK_OBSERVER, "rhsi", "network-observer")
    assert found
    assert found["metadata"]["finalizers"] == [FINALIZER]
    world.cluster.store(NETWORK_OBSERVER, {**found, "metadata": {**found["metadata"], "deletionTimestamp": "now"}})
    world.settle()
    found = world.cluster.api.get(NETWORK_OBSERVER, "rhsi", "network-observer")
    assert found
    assert not found["metadata"]["finalizers"]
    for kind in (DEPLOYMENT, REPLICA_SET, POD, SERVICE, CERTIFICATE):
        assert not world.cluster.api.list(kind, "rhsi")
    assert world.cluster.api.get(SECRET, "rhsi", "network-observer-auth")


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "enters"),
    [
        (basic("skupper:right"), True),
        (basic("skupper:wrong"), False),
        (basic("nobody:right"), False),
        (basic("hashed:right"), False),
        ("Bearer right", False),
        ("Basic ???", False),
        ("", False),
    ],
)
def test_the_page_opens_for_its_users_only(header: str, *, enters: bool) -> None:
    known = page.users("skupper:{PLAIN}right\nhashed:$2y$05$abc\n\n")
    assert page.may_enter(header, known) is enters


def test_the_page_shows_sites_and_links_as_text() -> None:
    records: list[dict[str, object]] = [
        {"name": "<site-a>", "namespace": "rhsi", "links": [{"remoteSiteName": "site-b"}]},
        {"name": "site-b", "namespace": "rhsi"},
    ]
    text = page.page(records)
    assert "<td>&lt;site-a&gt;</td><td>rhsi</td><td>site-b</td>" in text
    assert "<td>site-b</td><td>rhsi</td><td></td>" in text
