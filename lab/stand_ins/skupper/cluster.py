"""One cluster as its controller sees it: the API, the watched caches and the work queue.

Owns which kinds are watched and how little of foreign kinds is kept. Does not own what is done about any event.
"""

import base64
import logging
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.informer import brief
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api
from lab.stand_ins.skupper.api import Kind


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be set for all controllers of the process."""

    namespace: str = "skupper"
    """The controller's own namespace."""
    define: bool = True
    """Whether the controller makes its CRDs and its namespace, which OLM does where it installs the operator."""
    grant_server_host: str = "127.0.0.1"
    cluster_host: str = ""
    """Where the nodes of all clusters are (SKUPPER_CLUSTER_HOST), each cluster's by its context before it; with it the
    access type `nodeport` is enabled, as an administrator has to."""
    resync: float = 30.0
    """Seconds after which everything is looked at again, as upstream."""
    require_explicit_control: bool = False
    """Leave namespaces alone that no ConfigMap `skupper` gives to this controller."""
    link_configured_delay: float = 1.0
    """Seconds until a new Link's second event. Upstream waits for the resync; the lab need not."""


def keep_of_secret(secret: Manifest) -> Manifest:
    """The public half of TLS Secrets, which the network judges; of others whether they are credentials. Never a key."""
    data = secret.get("data") or {}
    public = {name: data[name] for name in ("tls.crt", "ca.crt") if data.get(name)}
    tls = secret.get("type") == "kubernetes.io/tls"
    return brief(secret, data=public if tls else {}, credentials=is_tls_credentials(secret))


def is_tls_credentials(secret: Manifest) -> bool:
    """Whether upstream takes a Secret for TLS credentials (internal/kube/secrets/context.go, IsTlsCredentialSecret)."""
    data = secret.get("data") or {}
    if secret.get("type") == "kubernetes.io/tls":
        return bool(data)
    return secret.get("type", "Opaque") in ("Opaque", "") and bool(data.get("ca.crt"))


def keep_of_service(service: Manifest) -> Manifest:
    """Whose the Service is, its address and its ports."""
    return brief(
        service,
        address=service["spec"].get("clusterIP", ""),
        labels=service["metadata"].get("labels") or {},
        ports={port.get("name", ""): port for port in service["spec"].get("ports", [])},
    )


class Cluster(WatchedCluster):
    """The connection to one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, options: Options) -> None:
        super().__init__(context, api.MANAGER, logging.getLogger(f"skupper.{context}"))
        self.options = options
        self._met: set[str] = set()
        for kind in api.SKUPPER_KINDS:
            self.watch(kind)
        self.watch(api.SECRET, keep_of_secret)
        self.watch(api.SERVICE, keep_of_service)
        self.watch(api.POD, brief)
        self.watch(
            api.CONFIG_MAP,
            lambda found: brief(found, data=found.get("data") or {}),
            field_selector="metadata.name=skupper",
        )

    def resync(self) -> None:
        """Queue every object of Skupper's kinds, as if each had just changed."""
        for kind in api.SKUPPER_KINDS:
            for key in self.known(kind):
                self.queue.add(Key(kind.name, key))

    def apply(self, kind: Kind, namespace: str, body: Manifest) -> Manifest:
        """Server-side apply; the cache follows at once where the kind is watched whole."""
        written = self.api.apply(kind, namespace, body)
        return self.observed(kind, written) if kind in api.SKUPPER_KINDS else written

    def tls_secret_missing(self, namespace: str, name: str) -> str | None:
        """The sentence that upstream reports for credentials that are named but absent, or no TLS credentials."""
        if not name or (self.get(api.SECRET, namespace, name) or {}).get("credentials"):
            return None
        return f'TLS credentials secret "{name}" not found'

    def public_tls(self, namespace: str, name: str) -> tuple[bytes, bytes] | None:
        """Certificate and CA bundle of a TLS Secret, PEM; None where the Secret or one of them is missing."""
        secret = self.get(api.SECRET, namespace, name)
        data = secret["data"] if secret else {}
        if not data.get("tls.crt") or not data.get("ca.crt"):
            return None
        return base64.b64decode(data["tls.crt"]), base64.b64decode(data["ca.crt"])

    def is_controlled(self, namespace: str) -> bool:
        """Whether the namespace is this controller's.

        A ConfigMap `skupper` may give it to another one (upstream internal/kube/controller/namespaces.go). Called by
        the worker only.
        """
        if namespace not in self._met:
            # Two watches keep no order between them: the assignment may be older than the first object, and yet later.
            found = self.api.get(api.CONFIG_MAP, namespace, "skupper")
            if found:
                self.observed(api.CONFIG_MAP, found)
            self._met.add(namespace)
        found = self.get(api.CONFIG_MAP, namespace, "skupper")
        controller = (found or {}).get("data", {}).get("controller", "")
        if controller and "/" not in controller:
            controller = f"{namespace}/{controller}"
        if not controller:
            return namespace == self.options.namespace or not self.options.require_explicit_control
        return bool(controller == f"{self.options.namespace}/skupper-controller")
