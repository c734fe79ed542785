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

from dataclasses import dataclass

from components.edb.names import PORT
from components.edb.published_tables import JOB_NAME as TABLES_JOB
from components.edb.replication_test import JOB_NAME as EDB_TEST_JOB
from components.link.claim import JOB_NAME as CLAIM_JOB
from components.link.revocation import JOB_NAME as REVOCATION_JOB
from components.network_rules import DNS, Export, Rule, api_server, jobs, namespace, pods, policy, tcp, to_export
from components.operators.owners import JOB_NAME as OWNERS_JOB
from components.operators.waiting import JOB_NAMES as OPERATOR_JOBS
from components.postgres.backup_schedule import NAME as BACKUP_JOB
from components.postgres.monitoring import PORT as EXPORTER_PORT
from components.postgres.smoke_test import JOB_NAME as POSTGRES_TEST_JOB
from components.postgres.upkeep import JOB_NAME as UPKEEP_JOB
from components.skupper.network_observer import OBSERVER_PODS, PAGE_PORT

ROUTER, JOBS, SERVER, SERVER_TEST = "rhsi-router", "rhsi-jobs", "rhsi-postgres", "rhsi-postgres-smoke-test"
CLUSTER, CLUSTER_TABLES, CLUSTER_TEST = "rhsi-edb", "rhsi-edb-tables", "rhsi-edb-smoke-test"
OBSERVER = "rhsi-network-observer"
# Names of NetworkPolicies in the site's namespace.
NAMES = (ROUTER, JOBS, SERVER, SERVER_TEST, OBSERVER)

ROUTER_PODS = {"skupper.io/component": "router", "skupper.io/type": "site"}
# Where a router listens for each Listener: it takes the next free one (skupper:internal/kube/site/ports.go).
LISTENERS = {"protocol": "TCP", "port": 1024, "endPort": 65535}
# Where a router listens for its own site's network observer (skupper:internal/kube/site/site.go).
ROUTER_PORT = 5671
# Of a Route, such as OpenShift's login has.
LOGIN_PORT = 443
STATUS_PORT, METRICS_PORTS = 8000, (9187, 9127)


@dataclass(frozen=True, kw_only=True)
class SiteFlows:
    """What passes in the namespace of the Skupper site.

    Attributes:
        owns_router: whether Skupper's router is that of a Site of this stack; another's is its owner's business.
        accepts_links: whether other routers come here; otherwise this one goes to them.
        own_link_ports: where the router's pods listen for other routers; one of two routers links to the other there.
        link_ports: where the routers of other sites listen, as this one reaches them.
        api_server: networks of the API server, in CIDR form; none stands for anywhere.
        clients: other namespaces whose pods use imported services and the streaming database.
        server: name of the streaming database's server here, empty for none.
        stores: ports of the object stores of its backups.
        follows: whether that one reads another through the link.
        monitoring: whether somebody reads that server's metrics.
        tests: whether the smoke test runs here.
        observer: whether Skupper's network observer runs here.
        observer_login: whether people log in to it as to OpenShift, which it then asks.
        exports: what the site offers to others.
        cluster: labels of the instances of the replicated database, none without one.
        cluster_namespace: where these are.
    """

    owns_router: bool
    accepts_links: bool
    own_link_ports: tuple[int, ...]
    link_ports: tuple[int, ...]
    api_server: tuple[str, ...]
    clients: tuple[str, ...]
    server: str
    stores: tuple[int, ...]
    follows: bool
    monitoring: bool
    tests: bool
    observer: bool
    observer_login: bool
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


def site_policies(flows: SiteFlows) -> dict[str, Rule]:
    """The specs in the site's namespace, by name."""
    routers = [pods(ROUTER_PODS)]
    found = {ROUTER: _router(flows)} if flows.owns_router else {}
    found[JOBS] = policy(
        jobs(CLAIM_JOB, REVOCATION_JOB, UPKEEP_JOB, BACKUP_JOB, *OPERATOR_JOBS.values(), OWNERS_JOB),
        ingress=[],
        egress=[*DNS, *api_server(flows.api_server)],
    )
    if flows.observer:
        found[OBSERVER] = _observer(flows)
    if flows.server:
        found[SERVER] = policy(
            pods(server_pods(flows.server))["podSelector"],
            ingress=[
                {"from": [pods({}), *map(namespace, flows.clients)], "ports": tcp(PORT)},
                *([{"ports": tcp(EXPORTER_PORT)}] if flows.monitoring else []),
            ],
            egress=[
                *(DNS if flows.follows or flows.stores else []),
                *([{"to": routers, "ports": [LISTENERS]}] if flows.follows else []),
                *([{"ports": tcp(*flows.stores)}] if flows.stores else []),
            ],
        )
    if flows.tests:
        own = {"to": [pods(server_pods(flows.server))], "ports": tcp(PORT)}
        found[SERVER_TEST] = policy(
            jobs(POSTGRES_TEST_JOB), ingress=[], egress=[*DNS, {"to": routers, "ports": [LISTENERS]}, own]
        )
    return found


def cluster_policies(flows: ClusterFlows) -> dict[str, Rule]:
    """The specs in the namespace of the database cluster, by name."""
    routers = [{**namespace(flows.skupper_namespace), **pods(ROUTER_PODS)}]
    operator = namespace(flows.operator_namespace) if flows.operator_namespace else {"namespaceSelector": {}}
    instances = pods(flows.cluster)
    users = [pods({}), *routers, *map(namespace, flows.clients)]
    both_sites = [*DNS, {"to": [instances], "ports": tcp(PORT)}, {"to": routers, "ports": [LISTENERS]}]
    found = {
        CLUSTER: policy(
            instances["podSelector"],
            ingress=[
                {"from": users, "ports": tcp(PORT)},
                {"from": [operator], "ports": tcp(PORT, STATUS_PORT)},
                {"from": [instances], "ports": tcp(PORT, STATUS_PORT)},
                *([{"ports": tcp(*METRICS_PORTS)}] if flows.monitoring else []),
            ],
            egress=[
                *DNS,
                *api_server(flows.api_server),
                {"to": [instances], "ports": tcp(PORT, STATUS_PORT)},
                {"to": routers, "ports": [LISTENERS]},
                *([{"ports": tcp(*flows.stores)}] if flows.stores else []),
            ],
        )
    }
    if flows.own_tables:
        found[CLUSTER_TABLES] = policy(jobs(TABLES_JOB), ingress=[], egress=both_sites)
    if flows.tests:
        found[CLUSTER_TEST] = policy(jobs(EDB_TEST_JOB), ingress=[], egress=both_sites)
    return found


def server_pods(server: str) -> dict[str, str]:
    """Labels by which the streaming database's Service finds its pod."""
    return {"app.kubernetes.io/name": server}


def _router(flows: SiteFlows) -> Rule:
    routers, links = [pods(ROUTER_PODS)], tcp(*flows.own_link_ports)
    users = [pods({}), *map(namespace, dict.fromkeys([*flows.clients, *_given(flows.cluster_namespace)]))]
    return policy(
        pods(ROUTER_PODS)["podSelector"],
        ingress=[{"from": users, "ports": [LISTENERS]}, *([{"ports": links}] if flows.accepts_links else [])],
        egress=[
            *DNS,
            *api_server(flows.api_server),
            {"to": routers, "ports": links},
            *([] if flows.accepts_links else [{"ports": tcp(*flows.link_ports)}]),
            *([{"to": [pods(server_pods(flows.server))], "ports": tcp(PORT)}] if flows.server else []),
            *(rule for one in flows.exports for rule in to_export(one)),
            *([_to_cluster(flows)] if flows.cluster else []),
        ],
    )


def _observer(flows: SiteFlows) -> Rule:
    """The network observer's pod, and that of the Job which makes its login: Helm gives both the same labels.

    Its page is for whoever can log in. On OpenShift it sends people to the cluster's login, whose Route it then asks
    who they are: an address of the ingress controller, which no policy can name.
    """
    return policy(
        pods(OBSERVER_PODS)["podSelector"],
        ingress=[{"ports": tcp(PAGE_PORT)}],
        egress=[
            *DNS,
            *api_server(flows.api_server),
            *([{"ports": tcp(LOGIN_PORT)}] if flows.observer_login else []),
            {"to": [pods(ROUTER_PODS)], "ports": tcp(ROUTER_PORT)},
        ],
    )


def _to_cluster(flows: SiteFlows) -> Rule:
    return {"to": [{**namespace(flows.cluster_namespace), **pods(flows.cluster)}], "ports": tcp(PORT)}


def _given(name: str) -> list[str]:
    return [name] if name else []
