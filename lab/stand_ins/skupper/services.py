"""Connectors and Listeners: their conditions, and the Service that a Listener brings along.

Owns Configured and Matched of both kinds, which Listener holds a host and port, and which hosts a Connector reaches.
Traffic is the data plane's business. Upstream: internal/kube/site/site.go:1050-1230, bindings.go and binding_status.go.
"""

from collections.abc import Callable

from lab.kube import Manifest
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.sites import Sites, SiteState

NO_SITE = "No active site in namespace"
LISTENER_LABEL = "internal.skupper.io/listener"
FIRST_PORT = 1024


def host_port(listener: Manifest) -> str:
    """What no two Listeners of a namespace may share."""
    return f"{listener['spec']['host']}/{listener['spec']['port']}"


def is_live(pod: Manifest, *, not_ready_too: bool) -> bool:
    """Whether a Connector may use a pod: Running, not terminating, and Ready unless that is waived."""
    status = pod.get("status", {})
    ready = conditions.is_true(pod, "Ready")
    running = status.get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
    return running and (ready or not_ready_too)


def allocate_ports(listeners: list[str], known: dict[str, int]) -> dict[str, int]:
    """A router port for each Listener, from 1024 up; the ports already in use stay."""
    ports = {name: port for name, port in known.items() if name in listeners}
    for name in listeners:
        if name not in ports:
            taken = set(ports.values())
            ports[name] = next(port for port in range(FIRST_PORT, 65536) if port not in taken)
    return ports


class Services:
    """The handler of Connectors and Listeners in one cluster."""

    def __init__(self, cluster: Cluster, sites: Sites, network_changed: Callable[[], None]) -> None:
        self._cluster = cluster
        self._sites = sites
        self._network_changed = network_changed

    def check_connector(self, key: str) -> None:
        """Handle the event of a Connector. One with a selector says nothing before a pod of it was seen."""
        namespace, name = api.split_key(key)
        connector, state = self._cluster.get(api.CONNECTOR, namespace, name), self._sites.state(namespace)
        if state is None or not state.initialised:
            if connector:
                self._configure(api.CONNECTOR, connector, NO_SITE)
            return
        if connector is None:
            state.targets.pop(name, None)
            self._network_changed()
            return
        spec = connector["spec"]
        problems = [self._cluster.tls_secret_missing(namespace, spec.get("tlsCredentials", ""))]
        if not spec.get("host") and not spec.get("selector"):
            problems.append("Connector must define a non-empty spec.host or spec.selector")
        problem = "\n".join(text for text in problems if text)
        if spec.get("host"):
            state.targets[name] = [] if problem else [spec["host"]]
            self._configure(api.CONNECTOR, connector, problem)
        elif problem:
            self._configure(api.CONNECTOR, connector, problem)
        else:
            self._select(connector, state)
        self._network_changed()

    def _select(self, connector: Manifest, state: SiteState) -> None:
        namespace, name = api.split_key(api.key_of(connector))
        spec = connector["spec"]
        pods = self._cluster.api.list(api.POD, namespace, label_selector=spec["selector"])
        live = [pod for pod in pods if is_live(pod, not_ready_too=spec.get("includeNotReadyPods", False))]
        state.targets[name] = [pod["status"]["podIP"] for pod in live if pod["status"].get("podIP")]
        if pods or conditions.find(connector, "Configured"):
            self._configure(api.CONNECTOR, connector, None if live else "No matches for selector")

    def check_pod(self, key: str) -> None:
        """A pod came, changed or went: Connectors with a selector look again."""
        namespace, _ = api.split_key(key)
        if self._sites.state(namespace) is None:
            return
        for connector in self._cluster.items(api.CONNECTOR, namespace):
            if connector["spec"].get("selector"):
                self._cluster.queue.add(Key(api.CONNECTOR.name, api.key_of(connector)))

    def check_secret(self, key: str) -> None:
        """A Secret came or went: what names it as its TLS credentials is looked at again."""
        namespace, name = api.split_key(key)
        for kind in (api.CONNECTOR, api.LISTENER):
            for found in self._cluster.items(kind, namespace):
                if found["spec"].get("tlsCredentials") == name:
                    self._cluster.queue.add(Key(kind.name, api.key_of(found)))

    def check_listener(self, key: str) -> None:
        """Handle the event of a Listener."""
        namespace, name = api.split_key(key)
        listener, state = self._cluster.get(api.LISTENER, namespace, name), self._sites.state(namespace)
        if state is None or not state.initialised:
            if listener:
                self._configure(api.LISTENER, listener, NO_SITE)
            return
        if listener is None:
            if state.leaders.pop(name, None):
                self._expose_all(namespace, state)
            self._network_changed()
            return
        problem = self._conflict(listener, state)
        if problem is None:
            if state.leaders.get(name) != host_port(listener):
                state.leaders[name] = host_port(listener)
                self._expose_all(namespace, state)
            problem = self._cluster.tls_secret_missing(namespace, listener["spec"].get("tlsCredentials", ""))
        self._configure(api.LISTENER, listener, problem)
        self._network_changed()

    def _conflict(self, listener: Manifest, state: SiteState) -> str | None:
        namespace, name = api.split_key(api.key_of(listener))
        host, port = listener["spec"]["host"], listener["spec"]["port"]
        service = self._cluster.get(api.SERVICE, namespace, host)
        if service and LISTENER_LABEL not in service["labels"]:
            return f"Service {host} already exists in namespace"
        for leader, held in state.leaders.items():
            if leader != name and held == host_port(listener):
                return f"Listener {leader} with host {host} and port {port} already exists in namespace"
        return None

    def check_service(self, key: str) -> None:
        """A Service came, changed or went: a Listener's Service is put right, or removed when nobody needs it."""
        namespace, name = api.split_key(key)
        state = self._sites.state(namespace)
        if state is None or not state.initialised:
            return
        service = self._cluster.get(api.SERVICE, namespace, name)
        exposed = any(held.partition("/")[0] == name for held in state.leaders.values())
        if service is None and exposed:
            self._expose_all(namespace, state)
        elif service and LISTENER_LABEL in service["labels"] and not exposed and not self._pending(namespace, name):
            self._cluster.api.delete(api.SERVICE, namespace, name)

    def _pending(self, namespace: str, host: str) -> bool:
        """Whether a Listener asks for the host, but has not had its turn yet (after a start)."""
        return any(listener["spec"]["host"] == host for listener in self._cluster.items(api.LISTENER, namespace))

    def _expose_all(self, namespace: str, state: SiteState) -> None:
        """Make one Service for each host, with one port for each Listener."""
        services = [
            service for service in self._cluster.items(api.SERVICE, namespace) if LISTENER_LABEL in service["labels"]
        ]
        known = {name: port["targetPort"] for service in services for name, port in service["ports"].items()}
        ports = allocate_ports(sorted(state.leaders), known)
        by_host: dict[str, list[str]] = {}
        for name, held in sorted(state.leaders.items()):
            by_host.setdefault(held.partition("/")[0], []).append(name)
        for host, names in by_host.items():
            self._expose(namespace, host, names, state, ports)
        for service in services:
            host = service["metadata"]["name"]
            if host not in by_host and not self._pending(namespace, host):
                self._cluster.api.delete(api.SERVICE, namespace, host)

    def _expose(self, namespace: str, host: str, names: list[str], state: SiteState, ports: dict[str, int]) -> None:
        site = self._sites.active(namespace)
        if site is None:
            return
        metadata = {
            "name": host,
            "labels": {LISTENER_LABEL: names[0]},
            "annotations": {"internal.skupper.io/controlled": "true"},
            "ownerReferences": [api.owned_by(api.SITE, site)],
        }
        spec = {
            "selector": {"application": "skupper-router", "skupper.io/component": "router"},
            "ports": [
                {
                    "name": name,
                    "port": int(state.leaders[name].partition("/")[2]),
                    "targetPort": ports[name],
                    "protocol": "TCP",
                }
                for name in names
            ],
        }
        self._cluster.api.apply(api.SERVICE, namespace, {"metadata": metadata, "spec": spec})

    def _configure(self, kind: api.Kind, manifest: Manifest, problem: str | None) -> None:
        if conditions.update(manifest, "Configured", conditions.error_or_ready(problem)):
            self._cluster.update_status(kind, manifest)

    def network_updated(self, namespace: str, network: list[Manifest]) -> None:
        """Match Listeners and Connectors of the whole network by routing key."""
        services = [service for site in network for service in site.get("services", [])]
        for kind, field, counterpart, text in (
            (api.CONNECTOR, "hasMatchingListener", "listeners", "No matching listeners"),
            (api.LISTENER, "hasMatchingConnector", "connectors", "No matching connectors"),
        ):
            keys = {service["routingKey"] for service in services if service.get(counterpart)}
            for manifest in self._cluster.items(kind, namespace):
                matched = manifest["spec"]["routingKey"] in keys
                changed = conditions.set_or_omit(manifest.setdefault("status", {}), field, matched)
                state = conditions.READY if matched else conditions.pending(text)
                if conditions.update(manifest, "Matched", state) or changed:
                    self._cluster.update_status(kind, manifest)
