"""The policies that a site makes: every flow of README's picture passes, and nothing else does."""

from functools import cache
from typing import Any

import pytest

from lab.stand_ins.cnpg import objects
from lab.stand_ins.cnpg.kinds import COMMUNITY
from lab.stand_ins.network_observer.chart import Release
from tests.unit.network_policies import End, Outside, Pod, Policy, allowed, matches
from tests.unit.recorder import PRIMARY, STANDBY, Graph, record
from tests.unit.urns import SERVICES, VERIFY_FULL

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
CLUSTER = "kubernetes:postgresql.cnpg.io/v1:Cluster"
OBSERVER = "kubernetes:observability.skupper.io/v2alpha1:NetworkObserver"
EDB = {
    "enabled": True,
    "operator": "community",
    "smokeTest": True,
    "monitoring": True,
    "backup": {"destinationPath": "s3://backups/rhsi", "endpointUrl": "https://s3.example.com:9000"},
    "publish": {"tables": ["sales.orders"]},
}
WANTED = {
    "enabled": True,
    "apiServer": ["10.0.0.0/30"],
    "clients": ["shop"],
    "operatorNamespace": "cnpg-system",
}
# What Skupper puts on its router's pods (skupper:internal/kube/site/resources/skupper-router-deployment.yaml).
ROUTER = Pod(
    "rhsi",
    {
        "app.kubernetes.io/name": "skupper-router",
        "app.kubernetes.io/part-of": "skupper",
        "application": "skupper-router",
        "skupper.io/component": "router",
        "skupper.io/type": "site",
    },
)
OPERATOR = Pod("cnpg-system", {"app.kubernetes.io/name": "cloudnative-pg"})
PROMETHEUS, SHOP, STRANGER = Pod("monitoring"), Pod("shop", {"app": "orders"}), Pod("elsewhere")
NEIGHBOUR = Pod("rhsi", {"app": "stock"}, open=True)
DNS = Pod("openshift-dns")
API_SERVER, OTHER_SITE = Outside("10.0.0.1"), Outside("203.0.113.7")
WORLD, STORE = Outside("192.0.2.1"), Outside("192.0.2.9")


@cache
def graph(role: str) -> Graph:
    server = {"enabled": True, "monitoring": True}
    changed = {
        "networkPolicies": WANTED,
        "networkObserver": {"enabled": True},
        "postgres": server,
        "edb": EDB,
        "services": SERVICES,
    }
    if role == "primary":
        return record({**PRIMARY, "revoke": 1, **changed, "edb": {**EDB, "smokeTest": False}}, stack="site-a")
    smoke = {"postgres": {**server, "smokeTest": True}}
    outputs = {**VERIFY_FULL, "edb": {**VERIFY_FULL["edb"], "tls": "require", "published": {"stock.levels": "table"}}}
    return record({**STANDBY, **changed, **smoke}, stack="site-b", primary_outputs=outputs)


def policies(role: str) -> list[Policy]:
    return [one.inputs for one in graph(role).made(POLICY)]


def pods(role: str) -> dict[str, Pod]:
    """The pods that the program's own objects make, by the name of what makes them."""
    found = {}
    for kind in ("kubernetes:batch/v1:Job", "kubernetes:apps/v1:StatefulSet"):
        for one in graph(role).made(kind):
            metadata = one.inputs["spec"]["template"]["metadata"]
            name = metadata["labels"]["app.kubernetes.io/name"]
            found[name] = Pod(one.inputs["metadata"]["namespace"], metadata["labels"])
    cluster = graph(role).one(CLUSTER).inputs
    body = {**cluster, "metadata": {**cluster["metadata"], "uid": "uid"}}
    made = objects.pod(COMMUNITY, body, 1, primary=True)["metadata"]
    found["instance"] = Pod(made["namespace"], made["labels"])
    observer = Release(graph(role).one(OBSERVER).inputs)
    found["observer"] = Pod(observer.namespace, observer.labels)
    return found


LISTENER = 1027
FLOWS: dict[str, list[tuple[str, End | str, End | str, int]]] = {
    "both": [
        ("a router asks the API server", ROUTER, API_SERVER, 6443),
        ("a router asks DNS", ROUTER, DNS, 5353),
        ("a router reaches the cluster's database", ROUTER, "instance", 5432),
        ("a router reaches an exported service's pods", ROUTER, NEIGHBOUR, 81),
        ("a router reaches an exported service elsewhere", ROUTER, SHOP, 8080),
        ("a neighbour uses an imported service", NEIGHBOUR, ROUTER, LISTENER),
        ("a client of another namespace uses an imported service", SHOP, ROUTER, LISTENER),
        ("an instance reaches its peer through the link", "instance", ROUTER, LISTENER),
        ("an instance asks the API server", "instance", API_SERVER, 443),
        ("an instance asks DNS", "instance", DNS, 53),
        ("instances stream to each other", "instance", "instance", 5432),
        ("instances ask each other", "instance", "instance", 8000),
        ("the operator asks an instance", OPERATOR, "instance", 8000),
        ("the operator connects to an instance", OPERATOR, "instance", 5432),
        ("Prometheus reads an instance's metrics", PROMETHEUS, "instance", 9187),
        ("an application uses the cluster's database", SHOP, "instance", 5432),
        ("an instance archives", "instance", STORE, 9000),
        ("the check of the tables reaches its own site", "edb-published-tables", "instance", 5432),
        ("the ingress controller brings people to the observer", Pod("openshift-ingress"), "observer", 8443),
        ("the observer listens to its site's router", "observer", ROUTER, 5671),
        ("the observer's login asks the API server", "observer", API_SERVER, 6443),
        ("the observer's login asks the cluster's login, behind a Route", "observer", WORLD, 443),
        ("the observer asks DNS", "observer", DNS, 5353),
        ("the check of the tables asks the other site what it publishes", "edb-published-tables", ROUTER, LISTENER),
    ],
    "primary": [
        ("another site links", OTHER_SITE, ROUTER, 55671),
        ("the ingress controller brings a link", Pod("openshift-ingress"), ROUTER, 45671),
        ("a router reaches the primary", ROUTER, "postgres-primary", 5432),
        ("an application uses the primary", NEIGHBOUR, "postgres-primary", 5432),
        ("Prometheus reads the primary's metrics", PROMETHEUS, "postgres-primary", 9187),
        ("what changes the running primary asks the API server", "postgres-upkeep", API_SERVER, 6443),
        ("the renewal asks the API server", "renew-site-ca", API_SERVER, 6443),
    ],
    "standby": [
        ("a router links through a Route", ROUTER, OTHER_SITE, 443),
        ("a router links to a load balancer", ROUTER, OTHER_SITE, 55671),
        ("the claim asks the API server", "create-access-token-from-vault", API_SERVER, 443),
        ("the claim asks DNS", "create-access-token-from-vault", DNS, 5353),
        ("the standby follows through the link", "postgres-standby", ROUTER, LISTENER),
        ("the smoke test writes through the link", "postgres-smoke-test", ROUTER, LISTENER),
        ("the smoke test reads on the standby", "postgres-smoke-test", "postgres-standby", 5432),
        ("the replication's test reaches its own site", "edb-replication-test", "instance", 5432),
        ("the replication's test reaches the other site", "edb-replication-test", ROUTER, LISTENER),
        ("an application reads on the standby", SHOP, "postgres-standby", 5432),
        ("Prometheus reads the standby's metrics", PROMETHEUS, "postgres-standby", 9187),
        ("a router reaches the standby, once it is promoted", ROUTER, "postgres-standby", 5432),
    ],
}
REFUSED: dict[str, list[tuple[str, End | str, End | str, int]]] = {
    "both": [
        ("a stranger uses an imported service", STRANGER, ROUTER, LISTENER),
        ("a stranger uses the cluster's database", STRANGER, "instance", 5432),
        ("a stranger asks an instance what the operator does", STRANGER, "instance", 8000),
        ("a client does that", SHOP, "instance", 8000),
        ("an instance reaches the world", "instance", WORLD, 443),
        ("a router reaches another port of a neighbour", ROUTER, NEIGHBOUR, 82),
        ("a router reaches a stranger", ROUTER, STRANGER, 8080),
        ("DNS over another port", ROUTER, WORLD, 54),
        ("the check of the tables asks the API server", "edb-published-tables", API_SERVER, 443),
        ("somebody reads the observer's own Prometheus", NEIGHBOUR, "observer", 9090),
        ("somebody reads the observer without its login", NEIGHBOUR, "observer", 8080),
        ("the observer reaches the world", "observer", WORLD, 8443),
        ("the observer uses an imported service", "observer", ROUTER, LISTENER),
        ("the observer reaches a database", "observer", "instance", 5432),
    ],
    "primary": [
        ("a stranger uses the primary", STRANGER, "postgres-primary", 5432),
        ("what changes the running primary reaches the world", "postgres-upkeep", WORLD, 443),
        ("the primary reaches the world", "postgres-primary", WORLD, 443),
        ("the primary reaches a router", "postgres-primary", ROUTER, LISTENER),
        ("a router links to another site", ROUTER, OTHER_SITE, 55671),
        ("the renewal reaches the world", "renew-site-ca", WORLD, 443),
        ("somebody connects to the renewal", NEIGHBOUR, "renew-site-ca", 8080),
    ],
    "standby": [
        ("another site links here", OTHER_SITE, ROUTER, 55671),
        ("a stranger reads on the standby", STRANGER, "postgres-standby", 5432),
        ("the claim reaches the world", "create-access-token-from-vault", WORLD, 443),
        ("the claim reaches the database", "create-access-token-from-vault", "postgres-standby", 5432),
        ("the smoke test asks the API server", "postgres-smoke-test", API_SERVER, 443),
        ("the replication's test asks the API server", "edb-replication-test", API_SERVER, 443),
    ],
}
ROLES = ("primary", "standby")


def cases(flows: dict[str, list[tuple[str, End | str, End | str, int]]]) -> list[Any]:
    return [
        pytest.param(role, source, target, port, id=f"{role}: {name}")
        for role in ROLES
        for name, source, target, port in [*flows["both"], *flows[role]]
    ]


def passes(role: str, source: End | str, target: End | str, port: int) -> bool:
    known = pods(role)
    begin, end = (known[one] if isinstance(one, str) else one for one in (source, target))
    return allowed(policies(role), begin, end, port)


@pytest.mark.parametrize(("role", "source", "target", "port"), cases(FLOWS))
def test_a_flow_of_the_picture_passes(role: str, source: End | str, target: End | str, port: int) -> None:
    assert passes(role, source, target, port)


@pytest.mark.parametrize(("role", "source", "target", "port"), cases(REFUSED))
def test_nothing_else_passes(role: str, source: End | str, target: End | str, port: int) -> None:
    assert not passes(role, source, target, port)


@pytest.mark.parametrize("role", ROLES)
def test_every_pod_of_the_program_is_selected_and_no_neighbour(role: str) -> None:
    for name, pod in [*pods(role).items(), ("router", ROUTER)]:
        found = [
            one
            for one in policies(role)
            if one["metadata"]["namespace"] == pod.namespace and matches(one["spec"]["podSelector"], pod.labels)
        ]
        assert len(found) == 1, name
    assert not [one for one in policies(role) if matches(one["spec"]["podSelector"], NEIGHBOUR.labels)]


@pytest.mark.parametrize("role", ROLES)
def test_policies_come_before_what_they_let_through_and_after_the_right_to_the_namespace(role: str) -> None:
    found = graph(role)
    first = {"rhsi": found.one("kubernetes:skupper.io/v2alpha1:Site"), "db": found.one(CLUSTER)}
    for policy in found.made(POLICY):
        namespace = policy.inputs["metadata"]["namespace"]
        assert found.waits_for(first[namespace], policy)
        (owner,) = [
            one
            for one in found.made("kubernetes:core/v1:ConfigMap")
            if (one.inputs["metadata"]["name"], one.inputs["metadata"]["namespace"]) == ("rhsi-owner", namespace)
        ]
        assert found.waits_for(policy, owner)


@pytest.mark.parametrize("role", ROLES)
def test_there_are_none_unless_they_are_asked_for(role: str) -> None:
    settings, stack = {"primary": (PRIMARY, "site-a"), "standby": (STANDBY, "site-b")}[role]
    assert not record(settings, stack=stack).made(POLICY)


def test_without_networks_the_api_server_is_anywhere_on_its_two_ports() -> None:
    found = record({**STANDBY, "networkPolicies": {"enabled": True}}, stack="site-b")
    made = [one.inputs for one in found.made(POLICY)]
    claim = Pod("rhsi", found.one("kubernetes:batch/v1:Job").inputs["spec"]["template"]["metadata"]["labels"])
    assert allowed(made, claim, WORLD, 6443)
    assert not allowed(made, claim, WORLD, 8443)


@pytest.mark.parametrize(
    ("host", "target", "passing"),
    [
        ("orders.shop.svc.cluster.local", SHOP, True),
        ("orders.shop.svc", STRANGER, False),
        ("orders.shop", SHOP, True),
        ("stock", NEIGHBOUR, True),
        ("192.0.2.1", WORLD, True),
        ("192.0.2.2", WORLD, False),
        ("orders.example.com", WORLD, True),
    ],
)
def test_a_router_reaches_what_a_connector_names(host: str, target: End, passing: bool) -> None:
    services = {"exports": {"orders": {"host": host, "port": 8080}}}
    found = record({**STANDBY, "networkPolicies": {"enabled": True}, "services": services}, stack="site-b")
    assert allowed([one.inputs for one in found.made(POLICY)], ROUTER, target, 8080) is passing


def made_by(settings: dict[str, Any]) -> list[Policy]:
    changed = {**settings, "networkPolicies": {"enabled": True, "apiServer": ["10.0.0.0/30"]}}
    found = record(changed, stack="site-a" if settings["role"] == "primary" else "site-b")
    return [one.inputs for one in found.made(POLICY)]


@pytest.mark.parametrize("settings", [PRIMARY, STANDBY], ids=ROLES)
def test_the_router_of_somebody_elses_site_keeps_the_flows_of_its_owner(settings: dict[str, Any]) -> None:
    own = {**settings, "cluster": {**settings["cluster"], "createNamespace": False}}
    found = made_by({**own, "skupper": {"existingSite": "hub"}})
    assert not [one for one in found if matches(one["spec"]["podSelector"], ROUTER.labels)]
    assert {one["metadata"]["name"] for one in found} == {one["metadata"]["name"] for one in made_by(own)} - {
        "rhsi-router"
    }


def test_links_come_in_at_the_ports_of_the_router_access_and_at_no_other() -> None:
    access = {"linkAccess": "none", "routerAccess": {"ports": {"interRouter": 7001, "edge": 7002}}, "ha": True}
    found = made_by({**PRIMARY, "skupper": access})
    assert all(allowed(found, OTHER_SITE, ROUTER, port) for port in (7001, 7002))
    assert not any(allowed(found, OTHER_SITE, ROUTER, port) for port in (55671, 45671))
    # One of two routers links to the other one there.
    assert allowed(found, ROUTER, ROUTER, 7001)
    assert not allowed(found, ROUTER, ROUTER, 55671)


def test_a_way_in_that_names_no_ports_has_its_own_which_every_standby_reaches() -> None:
    found = made_by({**PRIMARY, "skupper": {"linkAccess": "none", "routerAccess": {"accessType": "loadbalancer"}}})
    assert all(allowed(found, OTHER_SITE, ROUTER, port) for port in (55672, 45672))
    assert not any(allowed(found, OTHER_SITE, ROUTER, port) for port in (55671, 45671))
    standby = record({**STANDBY, "networkPolicies": {"enabled": True}}, stack="site-b")
    made = [one.inputs for one in standby.made(POLICY)]
    assert all(allowed(made, ROUTER, OTHER_SITE, port) for port in (443, 55671, 55672))


def test_a_standby_reaches_the_ports_that_its_setting_names() -> None:
    found = record({**STANDBY, "networkPolicies": {"enabled": True, "linkPorts": [7001]}}, stack="site-b")
    made = [one.inputs for one in found.made(POLICY)]
    assert allowed(made, ROUTER, OTHER_SITE, 7001)
    assert not allowed(made, ROUTER, OTHER_SITE, 55671)


def test_an_observer_with_a_login_of_its_own_asks_no_other() -> None:
    cluster = {**PRIMARY["cluster"], "platform": "kubernetes"}
    found = made_by({**PRIMARY, "cluster": cluster, "networkObserver": {"enabled": True}})
    observer = Pod(
        "rhsi", {"app.kubernetes.io/name": "network-observer", "app.kubernetes.io/instance": "network-observer"}
    )
    assert allowed(found, SHOP, observer, 8443)
    assert allowed(found, observer, API_SERVER, 443)
    assert not allowed(found, observer, WORLD, 443)
    assert "rhsi-network-observer" not in {one["metadata"]["name"] for one in made_by(PRIMARY)}
