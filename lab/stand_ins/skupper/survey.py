"""What one cluster contributes to the network: its active sites as the network wants to see them.

Owns the reading of objects into SiteView. Decides nothing about links. Called from the network's thread, reads caches
only.
"""

from lab.kube import Manifest
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.network import Connecting, Endpoint, LinkEnd, Listening, SiteView
from lab.stand_ins.skupper.services import host_port
from lab.stand_ins.skupper.sites import Sites, SiteState


def survey(cluster: Cluster, sites: Sites) -> list[SiteView]:
    """All active, initialised sites of a cluster."""
    views = []
    for namespace in sites.namespaces():
        site, state = sites.active(namespace), sites.state(namespace)
        if site and state and state.initialised:
            views.append(_view(cluster, site, state))
    return views


def _view(cluster: Cluster, site: Manifest, state: SiteState) -> SiteView:
    namespace = site["metadata"]["namespace"]
    return SiteView(
        uid=site["metadata"]["uid"],
        name=site["metadata"]["name"],
        namespace=namespace,
        context=cluster.context,
        ready=conditions.is_true(site, "Ready"),
        endpoints=tuple(_endpoints(cluster, namespace)),
        links=tuple(_links(cluster, site, state)),
        listeners=tuple(
            Listening(found["metadata"]["name"], spec["routingKey"], spec["host"], spec["port"])
            for found in cluster.items(api.LISTENER, namespace)
            if (spec := found["spec"])
            and state.leaders.get(found["metadata"]["name"]) == host_port(found)
            and _has_credentials(cluster, found)
        ),
        connectors=tuple(
            Connecting(name, found["spec"]["routingKey"], tuple(hosts), found["spec"]["port"])
            for found in cluster.items(api.CONNECTOR, namespace)
            if (hosts := state.targets.get(name := found["metadata"]["name"])) and _has_credentials(cluster, found)
        ),
    )


def _has_credentials(cluster: Cluster, service: Manifest) -> bool:
    """Whether a Listener or Connector is in the router's configuration (internal/site/bindings.go, ToBridgeConfig)."""
    name = service["spec"].get("tlsCredentials", "")
    return cluster.tls_secret_missing(service["metadata"]["namespace"], name) is None


def _endpoints(cluster: Cluster, namespace: str) -> list[Endpoint]:
    found = []
    for access in cluster.items(api.ROUTER_ACCESS, namespace):
        credentials = cluster.public_tls(namespace, access["spec"]["tlsCredentials"])
        local = access["spec"].get("accessType") == "local"
        found += [
            Endpoint(endpoint["host"], endpoint["port"], credentials, local)
            for endpoint in access.get("status", {}).get("endpoints", [])
        ]
    return found


def _links(cluster: Cluster, site: Manifest, state: SiteState) -> list[LinkEnd]:
    """The Links in the router's configuration: seen twice, configured, with an endpoint for this router's role."""
    namespace = site["metadata"]["namespace"]
    role = "edge" if site.get("spec", {}).get("edge") else "inter-router"
    found = []
    for link in cluster.items(api.LINK, namespace):
        spec, name = link["spec"], link["metadata"]["name"]
        endpoint = next((end for end in spec["endpoints"] if end.get("name") == role), None)
        if link["metadata"].get("annotations", {}).get(api.CUT) == "true":
            endpoint = {}
        if endpoint is not None and name in dict(state.links) and conditions.is_true(link, "Configured"):
            credentials = cluster.public_tls(namespace, spec.get("tlsCredentials", ""))
            last = link.get("status", {}).get("remoteSiteId", "")
            found.append(LinkEnd(name, endpoint.get("host", ""), endpoint.get("port", ""), credentials, last))
    return found
