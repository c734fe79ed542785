"""NetworkPolicies for namespaces in which nothing passes that none allows: exactly what this program's pods need.

Owns which flows there are, for the pods that the program makes, for Skupper's router in the site's namespace and for
the instances of a database cluster. Selects no other pod, for a policy that selects one denies it everything else. Does
not own what happens in other namespaces: External Secrets on its way to Vault, and Skupper's controller on its way to
the grant server, run in namespaces of their own.

What no policy can say is left wide and can be narrowed by settings: addresses of the API server, of other sites, and of
hosts outside. Nodes always reach their own pods, so probes need no rule. Ports are those of pods: a Service's own port
is gone when a policy looks. Source of ports and labels: skupper:internal/kube/site and
cloudnative-pg:docs/src/networking.md.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.edb.names import PORT
from components.edb.published_tables import JOB_NAME as TABLES_JOB
from components.edb.replication_test import JOB_NAME as EDB_TEST_JOB
from components.link.claim import JOB_NAME as CLAIM_JOB
from components.link.revocation import JOB_NAME as REVOCATION_JOB
from components.operators.waiting import JOB_NAMES as OPERATOR_JOBS
from components.postgres.backup_schedule import NAME as BACKUP_JOB
from components.postgres.monitoring import PORT as EXPORTER_PORT
from components.postgres.smoke_test import JOB_NAME as POSTGRES_TEST_JOB
from components.postgres.upkeep import JOB_NAME as UPKEEP_JOB

ROUTER, JOBS, SERVER, SERVER_TEST = "rhsi-router", "rhsi-jobs", "rhsi-postgres", "rhsi-postgres-smoke-test"
CLUSTER, CLUSTER_TABLES, CLUSTER_TEST = "rhsi-edb", "rhsi-edb-tables", "rhsi-edb-smoke-test"
# Names of NetworkPolicies in the site's namespace.
NAMES = (ROUTER, JOBS, SERVER, SERVER_TEST)

ROUTER_PODS = {"skupper.io/component": "router", "skupper.io/type": "site"}
# Where routers accept each other, edge routers among them.
LINK_PORTS = (55671, 45671)
# Where a router listens for each Listener: it takes the next free one (skupper:internal/kube/site/ports.go).
LISTENERS = {"protocol": "TCP", "port": 1024, "endPort": 65535}
# 5353 is that of OpenShift's DNS pods.
DNS = [{"ports": [{"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")]}]
API_PORTS = (443, 6443)
STATUS_PORT, METRICS_PORTS = 8000, (9187, 9127)

Rule = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a Connector leads to: a `host`, or the pods of a `selector`, as Skupper writes both, and the port."""

    host: str
    selector: str
    port: int


@dataclass(frozen=True, kw_only=True)
class SiteFlows:
    """What passes in the namespace of the Skupper site.

    Attributes:
        accepts_links: whether other routers come here; otherwise this one goes to them.
        link_ports: where they listen, as this one reaches them.
        api_server: networks of the API server, in CIDR form; none stands for anywhere.
        clients: other namespaces whose pods use imported services and the streaming database.
        server: name of the streaming database's server here, empty for none.
        stores: ports of the object stores of its backups.
        follows: whether that one reads another through the link.
        monitoring: whether somebody reads that server's metrics.
        tests: whether the smoke test runs here.
        exports: what the site offers to others.
        cluster: labels of the instances of the replicated database, none without one.
        cluster_namespace: where these are.
    """

    accepts_links: bool
    link_ports: tuple[int, ...]
    api_server: tuple[str, ...]
    clients: tuple[str, ...]
    server: str
    stores: tuple[int, ...]
    follows: bool
    monitoring: bool
    tests: bool
    exports: tuple[Export, ...]
    cluster: dict[str, str]
    cluster_namespace: str


@dataclass(frozen=True, kw_only=True)
class ClusterFlows:
    """What passes in the namespace of a database cluster.

    Attributes:
        cluster: labels of its instances, of PgBouncer's pods too.
        skupper_namespace: where the routers are.
        operator_namespace: where the operator is, empty for any namespace.
        api_server: as above; each instance asks it.
        clients: other namespaces whose pods use the database.
        monitoring: whether somebody reads metrics.
        stores: ports of object stores that backups go to and come from.
        own_tables: whether people's own tables replicate, which a Job looks at.
        tests: whether the smoke test runs here.
    """

    cluster: dict[str, str]
    skupper_namespace: str
    operator_namespace: str
    api_server: tuple[str, ...]
    clients: tuple[str, ...]
    monitoring: bool
    stores: tuple[int, ...]
    own_tables: bool
    tests: bool


def site_policies(flows: SiteFlows) -> dict[str, dict[str, Any]]:
    """The specs in the site's namespace, by name."""
    routers = [pods(ROUTER_PODS)]
    users = [pods({}), *map(namespace, dict.fromkeys([*flows.clients, *_given(flows.cluster_namespace)]))]
    found = {
        ROUTER: _spec(
            pods(ROUTER_PODS)["podSelector"],
            ingress=[
                {"from": users, "ports": [LISTENERS]},
                *([{"ports": _tcp(*LINK_PORTS)}] if flows.accepts_links else []),
            ],
            egress=[
                *DNS,
                *api_server(flows.api_server),
                {"to": routers, "ports": _tcp(*LINK_PORTS)},
                *([] if flows.accepts_links else [{"ports": _tcp(*flows.link_ports)}]),
                *([{"to": [pods(server_pods(flows.server))], "ports": _tcp(PORT)}] if flows.server else []),
                *(rule for one in flows.exports for rule in to_export(one)),
                *([_to_cluster(flows)] if flows.cluster else []),
            ],
        ),
        JOBS: _spec(
            _jobs(CLAIM_JOB, REVOCATION_JOB, UPKEEP_JOB, BACKUP_JOB, *OPERATOR_JOBS.values()),
            ingress=[],
            egress=[*DNS, *api_server(flows.api_server)],
        ),
    }
    if flows.server:
        found[SERVER] = _spec(
            pods(server_pods(flows.server))["podSelector"],
            ingress=[
                {"from": [pods({}), *map(namespace, flows.clients)], "ports": _tcp(PORT)},
                *([{"ports": _tcp(EXPORTER_PORT)}] if flows.monitoring else []),
            ],
            egress=[
                *(DNS if flows.follows or flows.stores else []),
                *([{"to": routers, "ports": [LISTENERS]}] if flows.follows else []),
                *([{"ports": _tcp(*flows.stores)}] if flows.stores else []),
            ],
        )
    if flows.tests:
        own = {"to": [pods(server_pods(flows.server))], "ports": _tcp(PORT)}
        found[SERVER_TEST] = _spec(
            _jobs(POSTGRES_TEST_JOB), ingress=[], egress=[*DNS, {"to": routers, "ports": [LISTENERS]}, own]
        )
    return found


def cluster_policies(flows: ClusterFlows) -> dict[str, dict[str, Any]]:
    """The specs in the namespace of the database cluster, by name."""
    routers = [{**namespace(flows.skupper_namespace), **pods(ROUTER_PODS)}]
    operator = namespace(flows.operator_namespace) if flows.operator_namespace else {"namespaceSelector": {}}
    instances = pods(flows.cluster)
    users = [pods({}), *routers, *map(namespace, flows.clients)]
    both_sites = [*DNS, {"to": [instances], "ports": _tcp(PORT)}, {"to": routers, "ports": [LISTENERS]}]
    found = {
        CLUSTER: _spec(
            instances["podSelector"],
            ingress=[
                {"from": users, "ports": _tcp(PORT)},
                {"from": [operator], "ports": _tcp(PORT, STATUS_PORT)},
                {"from": [instances], "ports": _tcp(PORT, STATUS_PORT)},
                *([{"ports": _tcp(*METRICS_PORTS)}] if flows.monitoring else []),
            ],
            egress=[
                *DNS,
                *api_server(flows.api_server),
                {"to": [instances], "ports": _tcp(PORT, STATUS_PORT)},
                {"to": routers, "ports": [LISTENERS]},
                *([{"ports": _tcp(*flows.stores)}] if flows.stores else []),
            ],
        )
    }
    if flows.own_tables:
        found[CLUSTER_TABLES] = _spec(_jobs(TABLES_JOB), ingress=[], egress=both_sites)
    if flows.tests:
        found[CLUSTER_TEST] = _spec(_jobs(EDB_TEST_JOB), ingress=[], egress=both_sites)
    return found


def pods(labels: dict[str, str]) -> Rule:
    """Pods of the policy's own namespace; no labels, all of them."""
    return {"podSelector": {"matchLabels": dict(labels)} if labels else {}}


def namespace(name: str) -> Rule:
    """All pods of another namespace; its name is a label that Kubernetes itself keeps."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def server_pods(server: str) -> dict[str, str]:
    """Labels by which the streaming database's Service finds its pod."""
    return {"app.kubernetes.io/name": server}


def api_server(networks: Iterable[str]) -> list[Rule]:
    """The way to the API server, which is no pod: it has addresses, and these two ports wherever it runs."""
    to = [{"ipBlock": {"cidr": network}} for network in networks]
    return [{**({"to": to} if to else {}), "ports": _tcp(*API_PORTS)}]


def to_export(export: Export) -> list[Rule]:
    """The way from the router to what a Connector leads to.

    Behind a Service's name are pods with ports of their own, so that a namespace is let through with all of them; to a
    host outside, its port from anywhere in the cluster.
    """
    if export.selector:
        labels = dict(part.split("=", 1) for part in export.selector.split(","))
        return [{"to": [pods(labels)], "ports": _tcp(export.port)}]
    try:
        network = ipaddress.ip_network(export.host)
    except ValueError:
        pass
    else:
        return [{"to": [{"ipBlock": {"cidr": str(network)}}], "ports": _tcp(export.port)}]
    parts = export.host.split(".")
    if len(parts) == 1:
        return [{"to": [pods({})]}]
    inside: list[Rule] = [{"to": [namespace(parts[1])]}]
    outside: list[Rule] = [{"ports": _tcp(export.port)}]
    if "svc" in parts[2:3]:
        return inside
    # `orders.shop` may be a Service or a host of the world; the search path decides.
    return [*inside, *outside] if len(parts) == 2 else outside


def _to_cluster(flows: SiteFlows) -> Rule:
    return {"to": [{**namespace(flows.cluster_namespace), **pods(flows.cluster)}], "ports": _tcp(PORT)}


def _jobs(*names: str) -> Rule:
    """The pods of this program's Jobs of these names."""
    return {
        "matchLabels": {"app.kubernetes.io/part-of": "rhsi"},
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": list(names)}],
    }


def _tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _given(name: str) -> list[str]:
    return [name] if name else []


def _spec(selector: Rule, *, ingress: list[Rule], egress: list[Rule]) -> dict[str, Any]:
    """A policy for both directions; what it allows none of is absent, as the API server leaves it out."""
    rules = {"ingress": ingress, "egress": egress}
    return {
        "podSelector": selector,
        "policyTypes": ["Ingress", "Egress"],
        **{direction: allowed for direction, allowed in rules.items() if allowed},
    }
