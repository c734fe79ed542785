"""`rhsi:skupper` and the options of services: what is accepted, what is refused, and what becomes of it."""

from typing import Any

import pytest

from components.link import claim
from components.settings.names import is_reserved
from components.skupper.found_site import site_problem
from components.skupper.router_access import ROUTER_ACCESS_NAME
from tests.unit import recorder
from tests.unit.recorder import FOUND_SITE, PRIMARY, STANDBY, Graph, record, settings_of
from tests.unit.test_settings import mistakes_in

SITE = "kubernetes:skupper.io/v2alpha1:Site"
ACCESS = "kubernetes:skupper.io/v2alpha1:RouterAccess"
GRANT = "kubernetes:skupper.io/v2alpha1:AccessGrant"
CONNECTOR = "kubernetes:skupper.io/v2alpha1:Connector"
LISTENER = "kubernetes:skupper.io/v2alpha1:Listener"
JOB = "kubernetes:batch/v1:Job"
NODE_PORT = {"linkAccess": "none", "routerAccess": {"accessType": "nodeport"}}
PODS = {"selector": "app=x", "port": 80}
HOST = {"host": "x.example.com", "port": 443}


def primary(skupper: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**PRIMARY, "skupper": skupper, **changes}


def standby(skupper: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**STANDBY, "skupper": skupper, **changes}


def left_alone(values: dict[str, Any]) -> dict[str, Any]:
    """With a namespace that is not this stack's."""
    return {**values, "cluster": {**values["cluster"], "createNamespace": False}}


def memory(graph: Graph) -> dict[str, Any]:
    (past,) = [one for one in graph.of_type("pulumi:index:Stash") if one.name == "past"]
    remembered: dict[str, Any] = past.inputs["input"]
    return remembered


@pytest.mark.parametrize(
    ("values", "stack"), [(primary({"siteName": "hub"}), "site-a"), (standby({"siteName": "hub"}), "site-b")]
)
def test_a_site_has_the_name_that_it_is_given_and_the_stack_remembers_it(values: dict[str, Any], stack: str) -> None:
    graph = record(values, stack=stack)
    assert graph.one(SITE).inputs["metadata"]["name"] == "hub"
    assert graph.exports["skupper_site"] == "hub"
    assert memory(graph)["skupper.siteName"] == "hub"
    assert "skupper.siteName" not in memory(record({**values, "skupper": {}}, stack=stack)), "as before"


@pytest.mark.parametrize(
    ("access", "spec"),
    [
        ("default", {"linkAccess": "default"}),
        ("route", {"linkAccess": "route"}),
        ("loadbalancer", {"linkAccess": "loadbalancer"}),
        ("nodeport", {"linkAccess": "nodeport"}),
    ],
)
def test_a_primary_is_opened_by_the_way_in_that_it_names(access: str, spec: dict[str, str]) -> None:
    assert record(primary({"linkAccess": access}), stack="site-a").one(SITE).inputs["spec"] == spec


def test_a_router_access_takes_the_place_of_link_access_and_grants_wait_for_it() -> None:
    own = {
        "accessType": "ingress",
        "bindHost": "127.0.0.1",
        "ports": {"edge": 45673},
        "settings": {"ingressClassName": "x"},
    }
    graph = record(primary({"linkAccess": "none", "routerAccess": own}), stack="site-a")
    access = graph.one(ACCESS)
    assert graph.one(SITE).inputs["spec"] == {}
    assert access.inputs["metadata"]["name"] == ROUTER_ACCESS_NAME
    assert access.inputs["spec"] == {
        "roles": [{"name": "inter-router", "port": 55672}, {"name": "edge", "port": 45673}],
        "tlsCredentials": "skupper-site-server",
        "generateTlsCredentials": True,
        "issuer": "skupper-site-ca",
        "accessType": "ingress",
        "bindHost": own["bindHost"],
        "settings": {"ingressClassName": "x"},
    }
    assert graph.waits_for(access, graph.one(SITE))
    assert graph.waits_for(graph.one(GRANT), access), "a grant before there is an address burns its redemption"


def test_of_two_routers_behind_a_router_access_both_are_awaited_there() -> None:
    graph = record(primary({**NODE_PORT, "ha": True}), stack="site-a")
    waits = {
        one.token: one.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
        for one in (graph.one(ACCESS), graph.one(SITE))
    }
    assert "skupper-router-2" in waits[ACCESS]
    assert "skupper-router-2" not in waits[SITE], "without linkAccess it has no addresses of its own"


def test_a_standby_may_have_two_routers_and_is_not_asked_for_ways_in() -> None:
    site = record(standby({"ha": True}), stack="site-b").one(SITE)
    assert site.inputs["spec"] == {"ha": True}
    assert "endpoints" not in site.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]


@pytest.mark.parametrize(("values", "stack"), [(PRIMARY, "site-a"), (STANDBY, "site-b")])
def test_an_existing_site_is_read_and_never_written(values: dict[str, Any], stack: str) -> None:
    graph = record(left_alone({**values, "skupper": {"existingSite": "hub"}}), stack=stack)
    assert {one.read_id for one in graph.of_type(SITE)} == {"rhsi/hub"}
    assert graph.exports["skupper_site"] == "hub"
    assert memory(graph)["skupper.existingSite"] == "uid-of-the-site"
    made = [
        one for one in graph.resources.values() if one.token.startswith(("kubernetes:", "vault:")) and not one.read_id
    ]
    site = graph.one(SITE)
    assert made
    assert all(graph.waits_for(one, site) for one in made), "nothing is touched before the Site was looked at"


@pytest.mark.parametrize(
    "spoilt", [{"status": {"status": "Pending", "message": "Not Running"}}, {"spec": {"edge": True}}]
)
def test_an_existing_site_that_cannot_be_used_ends_the_run(
    spoilt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FOUND_SITE", {**FOUND_SITE, **spoilt})
    with pytest.raises(Exception, match=r"rhsi:skupper\.existingSite names the Site rhsi/hub, which is "):
        record(left_alone(primary({"existingSite": "hub"})), stack="site-a")


OBSERVER = "kubernetes:observability.skupper.io/v2alpha1:NetworkObserver"
SHARED = {
    "services": {"exports": {"orders": PODS}, "imports": {"stock": {"port": 80}}},
    "networkObserver": {"enabled": True},
    "postgres": {"enabled": True},
    "edb": {"enabled": True, "operator": "community"},
}


def shared(graph: Graph) -> dict[str, Any]:
    found = [one for kind in (CONNECTOR, LISTENER, OBSERVER) for one in graph.of_type(kind)]
    assert {"orders", "stock", "postgres-primary", "pg-site-a", "pg-site-b", "network-observer"} == {
        one.inputs["metadata"]["name"] for one in found
    }
    return {one.urn: one for one in found}


@pytest.mark.parametrize(("values", "stack"), [(PRIMARY, "site-a"), (STANDBY, "site-b")])
def test_beside_somebody_elses_site_his_connectors_listeners_and_observer_are_not_taken_over(
    values: dict[str, Any], stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    existing = left_alone({**values, **SHARED, "skupper": {"existingSite": "hub"}})
    made, own = shared(record(existing, stack=stack)), shared(record({**values, **SHARED}, stack=stack))
    kept = {"rhsi/owner": f"acme/rhsi/{stack}", "pulumi.com/patchForce": "true"}
    for one in made.values():
        assert "::kubernetes-creating::" in one.provider, one.name
        assert one.inputs["metadata"]["annotations"].items() >= kept.items()
    for one in own.values():
        assert "::kubernetes::" in one.provider, one.name
        assert not kept.keys() & one.inputs["metadata"].get("annotations", {}).keys(), "as it was"
    assert made.keys() == own.keys()
    monkeypatch.setenv("RHSI_TAKE_OVER", "rhsi")
    for one in shared(record(existing, stack=stack)).values():
        assert "::kubernetes::" in one.provider, "what a killed run has left"


READY = {"status": "Ready", "endpoints": [{"host": "x"}]}


@pytest.mark.parametrize(
    ("spec", "status", "accepts_links", "ha", "said"),
    [
        ({"linkAccess": "default"}, READY, True, False, None),
        ({}, {"status": "Ready"}, False, False, None),
        ({"ha": True}, READY, True, True, None),
        ({"edge": True}, {"status": "Ready"}, False, False, None),
        ({"edge": True}, READY, True, False, "is an edge site, to which nobody can link"),
        ({"ha": True}, READY, True, False, "has two routers: set rhsi:skupper.ha to true"),
        ({}, READY, True, True, "has one router: set rhsi:skupper.ha to false"),
        ({}, {"status": "Error", "message": "why"}, True, False, "is not Ready: why"),
        (None, None, False, False, "is not Ready: it has no status yet"),
        ({}, {"status": "Ready"}, True, False, "has no address for links: have its owner set linkAccess"),
    ],
)
def test_what_is_wrong_with_a_site_that_exists(
    spec: Any, status: Any, *, accepts_links: bool, ha: bool, said: str | None
) -> None:
    found = site_problem(spec, status, accepts_links=accepts_links, ha=ha)
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")


def test_the_cost_of_a_link_is_a_field_of_its_token_and_the_usual_one_changes_no_claim() -> None:
    def script(skupper: dict[str, Any]) -> str:
        (container,) = (
            record(standby(skupper), stack="site-b").one(JOB).inputs["spec"]["template"]["spec"]["containers"]
        )
        return str(container["command"][2])

    assert script({}) == script({"linkCost": 1}) == claim.SCRIPT
    dear = script({"linkCost": 20})
    assert dear.count("\n  linkCost: 20\n{{end}}") == 1
    assert dear.replace("  linkCost: 20\n", "") == claim.SCRIPT


def test_the_options_of_services_are_those_of_connector_and_listener_and_absent_where_they_are_off() -> None:
    services: dict[str, Any] = {
        "exports": {
            "pods": {**PODS, "includeNotReadyPods": True},
            "host": {**HOST, "tlsCredentials": "server-ca", "useClientCert": True, "verifyHostname": True},
            "plain": PODS,
        },
        "imports": {"safe": {"port": 443, "tlsCredentials": "web-tls", "observer": "http2"}, "plain": {"port": 80}},
    }
    graph = record({**PRIMARY, "services": services}, stack="site-a")
    connectors = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in graph.of_type(CONNECTOR)}
    listeners = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in graph.of_type(LISTENER)}
    key = {"routingKey": "site-a/{}"}["routingKey"].format
    assert connectors["pods"] == {"routingKey": key("pods"), **PODS, "includeNotReadyPods": True}
    assert connectors["host"] == {"routingKey": key("host"), **services["exports"]["host"]}
    assert connectors["plain"] == {"routingKey": key("plain"), **PODS}
    safe = {"tlsCredentials": "web-tls", "observer": "http2"}
    assert listeners["safe"] == {"routingKey": key("safe"), "host": "safe", "port": 443, **safe}
    assert listeners["plain"] == {"routingKey": key("plain"), "host": "plain", "port": 80}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (primary({"siteName": "Hub"}), 'rhsi:skupper.siteName is "Hub": Kubernetes takes'),
        (primary({"linkAccess": "ingress"}), "rhsi:skupper.linkAccess is \"ingress\": it must be 'default', 'route'"),
        (primary({"linkAccess": "none"}), "no standby could link; choose another one, or add a routerAccess"),
        (primary({"routerAccess": {"accessType": "route"}}), "set rhsi:skupper.linkAccess to none, or remove it"),
        (
            primary({"linkAccess": "none", "routerAccess": {"ports": {"edge": 55672}}}),
            "rhsi:skupper.routerAccess.ports.edge is 55672: each role needs a port of its own",
        ),
        *(
            (
                primary({"linkAccess": "none", "routerAccess": {"ports": {"interRouter": port}}}),
                f"rhsi:skupper.routerAccess.ports.interRouter is {port}: the router listens there for something else",
            )
            for port in (5671, 5672, 9000, 9090, 9191)
        ),
        *(
            (
                primary({"linkAccess": "none", "routerAccess": {"ports": {key: port}}}),
                f"rhsi:skupper.routerAccess.ports.{key} is {port}: the router listens there for linkAccess, also when",
            )
            for key in ("interRouter", "edge")
            for port in (55671, 45671)
        ),
        (
            primary({"linkAccess": "none", "routerAccess": {"ports": {"edge": 443}}}),
            "rhsi:skupper.routerAccess.ports.edge is 443: it must be a whole number of 1024 or more",
        ),
        (
            primary({"linkAccess": "none", "routerAccess": {"bindHost": "a b"}}),
            'rhsi:skupper.routerAccess.bindHost is "a b": it is no host name',
        ),
        (
            {**primary({"linkAccess": "route"}), "cluster": {"context": "site-a", "platform": "kubernetes"}},
            'rhsi:skupper.linkAccess is "route": only OpenShift has Routes',
        ),
        (primary({"linkCost": 5}), "rhsi:skupper.linkCost is 5: the standby makes the links"),
        (standby({"linkCost": 0}), "rhsi:skupper.linkCost is 0: it must be a whole number of 1 or more"),
        (standby({"linkAccess": "default"}), "standbys link to the primary's site, nobody to theirs"),
        (
            standby({"routerAccess": {"accessType": "nodeport"}}),
            "standbys link to the primary's site, nobody to theirs",
        ),
        (primary({"existingSite": "hub"}), "set rhsi:cluster.createNamespace to false"),
        (
            left_alone(primary({"existingSite": "hub", "siteName": "other", "linkAccess": "route"})),
            'rhsi:skupper.siteName is "other": the Site of rhsi:skupper.existingSite stays as its owner made it',
        ),
        (left_alone(primary({"existingSite": "hub"}, revoke=1)), "rhsi:revoke is 1: a revocation renews the Site's CA"),
    ],
)
def test_what_skupper_would_refuse_is_refused_here(values: dict[str, Any], said: str) -> None:
    assert said in mistakes_in(values, stack="site-a" if values["role"] == "primary" else "site-b")


def test_a_router_access_of_defaults_is_one() -> None:
    spec = record(primary({"linkAccess": "none", "routerAccess": {}}), stack="site-a").one(ACCESS).inputs["spec"]
    assert "accessType" not in spec, "the controller's default"
    ports = {role["port"] for role in spec["roles"]}
    assert not ports & {55671, 45671}, "Skupper's own way in stays when linkAccess goes, in the same pod"


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ({**HOST, "includeNotReadyPods": True}, "only pods of a selector are ready or not"),
        ({**HOST, "useClientCert": True}, "without tlsCredentials the router speaks no TLS to the server"),
        ({**HOST, "verifyHostname": True}, "without tlsCredentials the router speaks no TLS to the server"),
        (
            {**PODS, "tlsCredentials": "x", "verifyHostname": True},
            "which no certificate names; give the service a host",
        ),
        ({**PODS, "tlsCredentials": "X"}, "it is the name of an object"),
    ],
)
def test_options_of_a_service_that_contradict_one_another_are_refused(export: dict[str, Any], said: str) -> None:
    assert said in mistakes_in({**PRIMARY, "services": {"exports": {"x": export}}}, stack="site-a")


def test_an_observer_of_another_protocol_is_refused() -> None:
    text = mistakes_in({**PRIMARY, "services": {"imports": {"x": {"port": 1, "observer": "grpc"}}}}, stack="site-a")
    assert "it must be 'auto', 'none', 'http1' or 'http2'" in text


def test_what_skupper_makes_of_a_router_access_is_no_name_for_a_service() -> None:
    assert is_reserved(ROUTER_ACCESS_NAME, [])
    assert is_reserved(f"{ROUTER_ACCESS_NAME}-2", [])


@pytest.mark.parametrize("key", ["siteName", "existingSite"])
def test_a_service_cannot_have_the_name_of_the_site(key: str) -> None:
    values = left_alone(primary({key: "hub"}, services={"imports": {"hub": {"port": 80}}}))
    assert "rhsi:services.imports.hub is" in mistakes_in(values, stack="site-a")


def test_a_site_of_another_name_is_no_stranger_to_its_settings() -> None:
    found = settings_of(standby({"siteName": "edge-b"}), stack="site-b")
    assert found.site_name == "edge-b"
    assert settings_of(STANDBY, stack="site-b").site_name == "rhsi-standby"
    assert settings_of(PRIMARY, stack="site-a").site_name == "rhsi-primary"
