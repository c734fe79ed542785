"""One Skupper controller: the work loop of a cluster, and who handles which event.

Owns start, stop, resync, and the grant server's life in this cluster. Does not own the rules of any kind: they are in
the handlers.
"""

import ssl
import threading
from collections.abc import Callable

from lab.home import LabError
from lab.kube import Manifest
from lab.stand_ins.controller import definitions
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api, conditions, crds
from lab.stand_ins.skupper.access import GRANT_SERVER, Access
from lab.stand_ins.skupper.certificates import Certificates, tls_data
from lab.stand_ins.skupper.cluster import Cluster, Options
from lab.stand_ins.skupper.grant_server import GrantServer
from lab.stand_ins.skupper.grants import Grants
from lab.stand_ins.skupper.issuing import Issuer
from lab.stand_ins.skupper.links import Links
from lab.stand_ins.skupper.network import Network, Topology
from lab.stand_ins.skupper.services import Services
from lab.stand_ins.skupper.sites import Sites
from lab.stand_ins.skupper.survey import survey
from lab.stand_ins.skupper.tokens import Tokens

# As upstream's event processor (watchers.go); the next resync brings a key back that failed so often.
ATTEMPTS = 5
GRACE = 1.0
NETWORK = "Network"


class Controller:
    """The controller of one kubeconfig context.

    Raises:
        LabError: the context cannot be read, or the grant server cannot listen.
    """

    def __init__(self, context: str, options: Options, network: Network) -> None:
        self.context = context
        self._ready = threading.Event()
        self._network = network
        self._cluster = cluster = Cluster(context, options)
        self._certificates = Certificates(cluster)
        self._sites = Sites(cluster, self._certificates, network.changed)
        self._access = Access(cluster, self._certificates, self._sites)
        self._links = Links(cluster, self._sites, network.changed)
        self._services = Services(cluster, self._sites, network.changed)
        self._tokens = Tokens(cluster, self._sites)
        self._grants = Grants(cluster, Issuer(cluster, self._sites).issue)
        self._server: GrantServer | None = None
        self._serving = False
        self._stopped = threading.Event()
        self._worker = Worker(cluster.queue, self._handle, cluster.log, attempts=ATTEMPTS)
        self._handlers: dict[str, Callable[[str], None]] = {
            api.SITE.name: self._sites.check,
            api.GRANT.name: self._grants.check,
            api.TOKEN.name: self._tokens.check,
            api.LINK.name: self._links.check,
            api.CONNECTOR.name: self._services.check_connector,
            api.LISTENER.name: self._services.check_listener,
            api.ROUTER_ACCESS.name: self._access.check_router_access,
            api.SECURED_ACCESS.name: self._check_secured_access,
            api.CERTIFICATE.name: self._certificates.check,
            api.SECRET.name: self._check_secret,
            api.SERVICE.name: self._check_service,
            api.POD.name: self._services.check_pod,
            api.CONFIG_MAP.name: lambda _: cluster.resync(),
            "RouterPod": self._sites.router_pod,
            NETWORK: self._network_updated,
        }

    def start(self) -> None:
        """Install the CRDs, fill the caches, make the grant server, and begin to work.

        Raises:
            LabError: the caches are not filled within a minute, or the grant server cannot listen.
            kubernetes.client.exceptions.ApiException: the API server refuses what the controller starts with.
        """
        cluster = self._cluster
        if cluster.options.define:
            definitions.install(cluster.api, crds.definitions())
            cluster.api.apply(api.NAMESPACE, None, {"metadata": {"name": cluster.options.namespace}})
        self._start_grant_server()
        cluster.start()
        # Before the work begins every grant is looked at, with URL and CA unknown: upstream blanks both for a moment
        # (grants/enabled.go:49-73), and readers must be able to stand that.
        for grant in cluster.items(api.GRANT):
            self._worker.attempt(Key(api.GRANT.name, api.key_of(grant)))
        for site in sorted(cluster.items(api.SITE), key=lambda site: str(site["metadata"]["creationTimestamp"])):
            cluster.queue.add(Key(api.SITE.name, api.key_of(site)))
        self._network.add_cluster(self.context, lambda: survey(cluster, self._sites))
        self._network.subscribe(self._topology_changed)
        self._worker.start()
        threading.Thread(target=self._resync, name=f"resync-{cluster.context}", daemon=True).start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether grants can be redeemed, and what there was at the start is known, within so many seconds (each)."""
        return self._ready.wait(timeout) and self._cluster.queue.wait_until_idle(timeout)

    def stop(self) -> None:
        """Begin nothing more; the event at hand gets a moment to end: it may be waiting for a dead server."""
        self._stopped.set()
        self._cluster.stop()
        if self._server:
            if self._serving:
                self._server.shutdown()
            self._server.server_close()
        self._worker.join(GRACE)

    def service_address(self, namespace: str, name: str) -> str | None:
        """The ClusterIP of a Service; None where there is none."""
        service = self._cluster.get(api.SERVICE, namespace, name)
        return str(service["address"]) if service and service["address"] not in ("", "None") else None

    def _start_grant_server(self) -> None:
        """Listen, at the port of last time where it is free: URLs that were handed out then stay good."""
        cluster, namespace = self._cluster, self._cluster.options.namespace
        known = cluster.api.get(api.SECURED_ACCESS, namespace, GRANT_SERVER)
        host = cluster.options.grant_server_host
        try:
            self._server = GrantServer(host, known["spec"]["ports"][0]["port"] if known else 0, self._grants.redeem)
        except LabError:
            if not known:
                raise
            self._server = GrantServer(host, 0, self._grants.redeem)
            cluster.log.warning("the grant server's port is taken: unredeemed tokens point to the old one")
        authority = {"ca": "", "subject": "SkupperGrantServerCA", "signing": True}
        metadata = {"name": f"{GRANT_SERVER}-ca"}
        cluster.api.apply(api.CERTIFICATE, namespace, {"metadata": metadata, "spec": authority})
        spec = {
            "selector": {},
            "ports": [{"name": "https", "port": self._server.port}],
            "issuer": f"{GRANT_SERVER}-ca",
            "certificate": GRANT_SERVER,
        }
        cluster.api.apply(api.SECURED_ACCESS, namespace, {"metadata": {"name": GRANT_SERVER}, "spec": spec})

    def _check_secured_access(self, key: str) -> None:
        self._access.check_secured_access(key)
        namespace, name = api.split_key(key)
        if (namespace, name) != (self._cluster.options.namespace, GRANT_SERVER):
            return
        access = self._cluster.get(api.SECURED_ACCESS, namespace, name)
        endpoints = (access or {}).get("status", {}).get("endpoints", [])
        if endpoints and self._server and endpoints[0]["port"] == str(self._server.port):
            self._grants.serve_at(base_url=f"https://{endpoints[0]['host']}:{endpoints[0]['port']}")
            if not self._serving:
                self._serving = True
                self._server.start()
            self._check_ready()

    def _check_secret(self, key: str) -> None:
        namespace, name = api.split_key(key)
        present = self._cluster.get(api.SECRET, namespace, name)
        if present and self._cluster.get(api.CERTIFICATE, namespace, name):
            self._cluster.queue.add(Key(api.CERTIFICATE.name, key))
        if present:
            self._links.check_secret(key)
            for access in self._cluster.items(api.ROUTER_ACCESS, namespace):
                if access["spec"]["tlsCredentials"] == name:
                    self._cluster.queue.add(Key(api.ROUTER_ACCESS.name, api.key_of(access)))
        if present and name == GRANT_SERVER:
            self._use_certificate(namespace)
        self._services.check_secret(key)
        self._network.changed()

    def _use_certificate(self, namespace: str) -> None:
        """A Secret of that name in any namespace is taken, the last event wins (grants/enabled.go:23)."""
        secret = self._cluster.api.get(api.SECRET, namespace, GRANT_SERVER)
        if secret is None or self._server is None:
            return
        try:
            credentials = tls_data(secret)
            self._server.use(credentials)
        except (KeyError, ValueError, ssl.SSLError):
            self._cluster.log.warning("secret %s/%s holds no certificate for the grant server", namespace, GRANT_SERVER)
            return
        self._grants.serve_at(ca=credentials.ca.decode())
        self._check_ready()

    def _check_ready(self) -> None:
        if self._serving and self._grants.server.base_url and self._grants.server.ca and not self._ready.is_set():
            self._cluster.log.info("watching; grant server at %s", self._grants.server.base_url)
            self._ready.set()

    def _check_service(self, key: str) -> None:
        self._access.check_service(key)
        self._services.check_service(key)
        # Listeners and Connectors may lead to it.
        self._network.changed()

    def _topology_changed(self, _: Topology) -> None:
        for namespace in self._sites.namespaces():
            self._cluster.queue.add(Key(NETWORK, namespace))

    def _network_updated(self, namespace: str) -> None:
        site = self._sites.active(namespace)
        network = self._network.topology.records_for(site["metadata"]["uid"]) if site else []
        if site is None or not network:
            return
        status: Manifest = site.setdefault("status", {})
        changed = conditions.set_or_omit(status, "network", network)
        if conditions.set_or_omit(status, "sitesInNetwork", len(network)) or changed:
            self._cluster.update_status(api.SITE, site)
        own = next((record for record in network if record["id"] == site["metadata"]["uid"]), {})
        self._links.network_updated(namespace, own.get("links", []))
        self._services.network_updated(namespace, network)

    def _resync(self) -> None:
        while not self._stopped.wait(self._cluster.options.resync):
            self._cluster.resync()
            self._network.changed()

    def _handle(self, key: Key) -> None:
        if self._cluster.is_controlled(api.split_key(key.name)[0]):
            self._handlers[key.handler](key.name)
