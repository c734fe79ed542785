"""The chart: what a NetworkObserver's values come to, as skupper's charts/network-observer renders them.

Pure functions. Owns the names and the defaults; where the lab differs, the package's docstring says so.
"""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.kube import Manifest
from lab.stand_ins.pods.containers import interpreter

CHART = "network-observer"
IMAGE = "quay.io/skupper/network-observer:v2"
PART_OF = "skupper-network-observer"
PAGE = Path(__file__).with_name("page.py")
HTTPS = 8443
METRICS = 9000
ROUTES = "route.openshift.io/v1"

DEFAULTS: dict[str, Any] = {
    "nameOverride": "",
    "fullnameOverride": "",
    "router": {"certificate": {"create": True, "nameOverride": ""}},
    "tls": {"secretName": "", "openshiftIssued": False, "skupperIssued": True},
    "auth": {
        "strategy": "basic",
        "basic": {"create": True, "secretName": ""},
        "openshift": {"serviceAccount": {"create": True, "nameOverride": ""}},
    },
    "service": {"type": "ClusterIP", "port": 443},
    "route": {"enabled": False, "host": ""},
}
"""Of the chart's values.yaml what the lab acts upon."""


class ChartError(Exception):
    """What Helm would say of values that give no release."""


class Release:
    """One NetworkObserver: its values and all names that follow from them."""

    def __init__(self, observer: Manifest) -> None:
        self.name: str = observer["metadata"]["name"]
        self.namespace: str = observer["metadata"]["namespace"]
        self.values = merged(DEFAULTS, observer.get("spec") or {})
        chart = self.values["nameOverride"] or CHART
        usual = self.name if chart in self.name else f"{self.name}-{chart}"
        self.fullname = str(self.values["fullnameOverride"] or usual)[:63].rstrip("-")
        self.selector = {"app.kubernetes.io/name": chart, "app.kubernetes.io/instance": self.name}
        self.labels = {**self.selector, "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/part-of": PART_OF}

    @property
    def strategy(self) -> str:
        """Who may see the page: none, basic or openshift."""
        return str(self.values["auth"]["strategy"])

    @property
    def login_secret(self) -> str:
        """The Secret with the file htpasswd, of strategy basic."""
        return self.values["auth"]["basic"]["secretName"] or f"{self.fullname}-auth"

    @property
    def makes_login(self) -> bool:
        """Whether that Secret is made where it is missing."""
        return self.strategy == "basic" and bool(self.values["auth"]["basic"]["create"])

    @property
    def tls_secret(self) -> str:
        """The Secret with the page's certificate."""
        return self.values["tls"]["secretName"] or f"{self.fullname}-tls"

    def manifests(self, routes: str = "") -> list[Manifest]:
        """The release, without what its hooks make.

        Args:
            routes: the domain of the cluster's Routes; empty where it has none.

        Raises:
            ChartError: it needs a Route, and the cluster has none.
        """
        if self.values["route"]["enabled"] and not routes:
            raise ChartError(
                "failed to install release: unable to build kubernetes objects from release manifest: resource mapping "
                f'not found for name: "{self.fullname}" namespace: "" from "": no matches for kind "Route" in version '
                f'"{ROUTES}"\nensure CRDs are installed first'
            )
        page = self._object("v1", "ConfigMap", f"{self.fullname}-page", data={PAGE.name: PAGE.read_text()})
        route = [self._route(routes)] if self.values["route"]["enabled"] else []
        return [*self._certificates(), *self._account(), page, *self._services(), *route, self._deployment()]

    def _object(self, api_version: str, kind: str, name: str, **fields: Any) -> Manifest:
        metadata = {"name": name, "namespace": self.namespace, "labels": self.labels}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}

    def _certificates(self) -> Iterator[Manifest]:
        own = self.values["router"]["certificate"]
        if own["create"]:
            host = "skupper-router-local"
            spec: Manifest = {"ca": "skupper-local-ca", "hosts": [host], "client": True, "subject": host}
            name = own["nameOverride"] or f"{self.fullname}-client"
            yield self._object("skupper.io/v2alpha1", "Certificate", name, spec=spec)
        issued = self.values["tls"]["skupperIssued"] or self.values["tls"]["openshiftIssued"]
        if issued and not self.values["tls"]["secretName"]:
            spec = {"ca": "skupper-local-ca", "hosts": [self.fullname], "server": True, "subject": self.fullname}
            yield self._object("skupper.io/v2alpha1", "Certificate", self.tls_secret, spec=spec)

    def _account(self) -> Iterator[Manifest]:
        """The page's account; in the place of the router's management connection it may read the Site."""
        name, rbac = self.fullname, "rbac.authorization.k8s.io"
        yield self._object("v1", "ServiceAccount", name)
        rule = {"apiGroups": ["skupper.io"], "resources": ["sites"], "verbs": ["list"]}
        yield self._object(f"{rbac}/v1", "Role", name, rules=[rule])
        yield self._object(
            f"{rbac}/v1",
            "RoleBinding",
            name,
            roleRef={"apiGroup": rbac, "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": self.namespace}],
        )

    def _services(self) -> Iterator[Manifest]:
        service = self.values["service"]
        https = {"name": "https", "port": service["port"], "targetPort": "https", "protocol": "TCP"}
        spec = {"type": service["type"], "ports": [https], "selector": self.selector}
        yield self._object("v1", "Service", self.fullname, spec=spec)
        metrics = {"name": "metrics", "port": METRICS, "targetPort": "metrics", "protocol": "TCP"}
        spec = {"type": "ClusterIP", "ports": [metrics], "selector": self.selector}
        yield self._object("v1", "Service", f"{self.fullname}-metrics", spec=spec)

    def _route(self, domain: str) -> Manifest:
        """The Route, with the host that OpenShift's API server gives one that names none."""
        spec = {
            "host": self.values["route"]["host"] or f"{self.fullname}-{self.namespace}.{domain}",
            "tls": {"termination": "reencrypt", "insecureEdgeTerminationPolicy": "Redirect"},
            "port": {"targetPort": "https"},
            "to": {"kind": "Service", "name": self.fullname, "weight": 100},
        }
        return self._object(ROUTES, "Route", self.fullname, spec=spec)

    def _deployment(self) -> Manifest:
        mounts = [
            {"name": "tls", "mountPath": "/etc/certificates", "readOnly": True},
            {"name": "router", "mountPath": "/etc/messaging", "readOnly": True},
            {"name": "page", "mountPath": "/etc/page", "readOnly": True},
        ]
        client = self.values["router"]["certificate"]["nameOverride"] or f"{self.fullname}-client"
        volumes = [
            {"name": "tls", "secret": {"secretName": self.tls_secret}},
            {"name": "router", "secret": {"secretName": client}},
            {"name": "page", "configMap": {"name": f"{self.fullname}-page"}},
        ]
        if self.strategy == "basic":
            mounts.append({"name": "users", "mountPath": "/etc/httpusers", "readOnly": True})
            volumes.append({"name": "users", "secret": {"secretName": self.login_secret}})
        container: Manifest = {
            "name": CHART,
            "image": IMAGE,
            "command": [interpreter.command(), "-I", f"/etc/page/{PAGE.name}"],
            "args": [
                "--address=$(POD_IP)",
                f"--port={HTTPS}",
                f"--namespace={self.namespace}",
                f"--auth={self.strategy}",
            ],
            "env": [
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                # Where it stands, this Python would find another one's library.
                {"name": "LD_LIBRARY_PATH", "value": f"{interpreter.FOLDER}/lib"},
            ],
            "ports": [{"name": "https", "containerPort": HTTPS}, {"name": "metrics", "containerPort": METRICS}],
            "readinessProbe": {"tcpSocket": {"port": HTTPS}, "periodSeconds": 1},
            "securityContext": {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": mounts,
        }
        pods = {
            "serviceAccountName": self.fullname,
            "containers": [container],
            "volumes": volumes,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        }
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": self.selector},
            "template": {"metadata": {"labels": self.labels}, "spec": pods},
        }
        return self._object("apps/v1", "Deployment", self.fullname, spec=spec)


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a chart: maps are merged, and null takes a default away, which here counts as the default."""
    found = copy.deepcopy(dict(defaults))
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        elif value is not None:
            found[key] = value
    return found
