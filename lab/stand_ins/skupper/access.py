"""RouterAccess and SecuredAccess: how a site is reached from outside, and the lab's load balancer.

A RouterAccess asks for one SecuredAccess per router group; a SecuredAccess owns a Service and a server Certificate and
finds out its endpoints. Of upstream's access types (securedaccess/config.go) `loadbalancer`, `local` and, where there
is a cluster host, `nodeport` work. `route` is accepted and stays unresolved, as without OpenShift's Route API; others
are unsupported, as they are upstream where nobody has enabled them. Does not own Site.status.
"""

import re

from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.certificates import Certificates
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.sites import Sites, default_issuer, enabled_access_types, groups

GRANT_SERVER = "skupper-grant-server"


def load_balancer_host(namespace: str, name: str, context: str) -> str:
    """The name under which the lab's load balancer exposes a Service.

    Unlike the addresses of real load balancers nothing ever dials it: the simulated network finds a site by it, so it
    must differ between clusters. Context names such as `default/api-x:6443/admin` are reduced to a DNS label.
    """
    return f"{name}.{namespace}.{_label(context)}.internal"


def node_host(context: str, cluster_host: str) -> str:
    """Where the nodes of a cluster are reached; as of load balancers, nothing ever dials it."""
    return f"{_label(context)}.{cluster_host}"


def _label(context: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")[-63:].strip("-") or "cluster"


def access_type(access: Manifest) -> str:
    """The type asked for, or the default on a cluster without OpenShift's Route API."""
    return access["spec"].get("accessType") or "loadbalancer"


def endpoints_of(access: Manifest, service: Manifest | None, nodes: str = "") -> list[Manifest]:
    """The endpoints of a SecuredAccess, given its Service and where the cluster's nodes are."""
    ports = access["spec"]["ports"]
    if access_type(access) == "nodeport":
        known = service["spec"]["ports"] if service else []
        return [
            {"name": port["name"], "host": nodes, "port": str(port["nodePort"])}
            for port in known
            if port.get("nodePort")
        ]
    hosts: list[str] = []
    if access_type(access) == "local":
        hosts = [f"{access['metadata']['name']}.{access['metadata']['namespace']}"]
    elif access_type(access) == "loadbalancer" and service:
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        # An IP address is preferred to a host name, as upstream does.
        hosts = [host for entry in ingress if (host := entry.get("ip") or entry.get("hostname"))]
    return [{"name": port["name"], "host": host, "port": str(port["port"])} for host in hosts for port in ports]


class Access:
    """The handler of RouterAccesses, SecuredAccesses and their Services in one cluster."""

    def __init__(self, cluster: Cluster, certificates: Certificates, sites: Sites) -> None:
        self._cluster = cluster
        self._certificates = certificates
        self._sites = sites

    def check_router_access(self, key: str) -> None:
        """Ask for the SecuredAccesses, collect their endpoints, and pass them on to the Site."""
        namespace, name = api.split_key(key)
        state, site = self._sites.state(namespace), self._sites.active(namespace)
        if state is None or site is None or not state.initialised:
            return
        access = self._cluster.get(api.ROUTER_ACCESS, namespace, name)
        if access:
            self._reconcile(access, site)
        self._sites.resolve(namespace)

    def _reconcile(self, access: Manifest, site: Manifest) -> None:
        namespace, name = api.split_key(api.key_of(access))
        problems = [self._cluster.tls_secret_missing(namespace, access["spec"]["tlsCredentials"])]
        endpoints: list[Manifest] = []
        for number, group in enumerate(groups(site), start=1):
            secured = name if number == 1 else f"{name}-{number}"
            try:
                found = self._secure(access, secured, group, default_issuer(site))
            except ApiException as error:
                problems.append(api.error_text(error))
                continue
            endpoints += [{**endpoint, "group": group} for endpoint in found.get("status", {}).get("endpoints", [])]
        problem = "\n".join(text for text in problems if text)
        changed = conditions.set_or_omit(access.setdefault("status", {}), "endpoints", endpoints)
        resolved = conditions.READY if endpoints else conditions.pending()
        changed = conditions.update(access, "Configured", conditions.error_or_ready(problem)) or changed
        if conditions.update(access, "Resolved", resolved) or changed:
            self._cluster.update_status(api.ROUTER_ACCESS, access)

    def _secure(self, access: Manifest, name: str, group: str, issuer: str) -> Manifest:
        spec = access["spec"]
        metadata = {
            "name": name,
            "annotations": {
                "internal.skupper.io/controlled": "true",
                "internal.skupper.io/routeraccess": access["metadata"]["name"],
            },
            "ownerReferences": [api.owned_by(api.ROUTER_ACCESS, access)],
        }
        wanted: Manifest = {
            "selector": {"skupper.io/component": "router", "skupper.io/group": group},
            "ports": [
                {"name": role["name"], "port": role["port"], "targetPort": role["port"], "protocol": "TCP"}
                for role in spec["roles"]
            ],
            "certificate": spec["tlsCredentials"],
        }
        if spec.get("generateTlsCredentials"):
            wanted["issuer"] = spec.get("issuer") or issuer
        wanted |= {field: spec[field] for field in ("accessType", "settings") if spec.get(field)}
        return self._cluster.apply(
            api.SECURED_ACCESS, access["metadata"]["namespace"], {"metadata": metadata, "spec": wanted}
        )

    def check_secured_access(self, key: str) -> None:
        """Make the Service and the Certificate, and say where the Service is reached."""
        namespace, name = api.split_key(key)
        access = self._cluster.get(api.SECURED_ACCESS, namespace, name)
        if access is None:
            return
        problem = None
        try:
            service = None if access_type(access) == "route" else self._service(access)
            if access_type(access) not in enabled_access_types(self._cluster.options):
                problem = "unsupported access type"
            endpoints = endpoints_of(
                access, service, node_host(self._cluster.context, self._cluster.options.cluster_host)
            )
            changed = conditions.set_or_omit(access.setdefault("status", {}), "endpoints", endpoints)
            self._certificate(access, endpoints)
        except ApiException as error:
            problem, changed, endpoints = api.error_text(error), False, []
        resolved = conditions.READY if endpoints else conditions.pending()
        changed = conditions.update(access, "Resolved", resolved) or changed
        if conditions.update(access, "Configured", conditions.error_or_ready(problem)) or changed:
            self._cluster.update_status(api.SECURED_ACCESS, access)
        owner = access["metadata"].get("annotations", {}).get("internal.skupper.io/routeraccess")
        if owner:
            self._cluster.queue.add(Key(api.ROUTER_ACCESS.name, f"{namespace}/{owner}"))

    def _service(self, access: Manifest) -> Manifest:
        namespace, name = api.split_key(api.key_of(access))
        metadata = {
            "name": name,
            "labels": {"internal.skupper.io/secured-access": "true"},
            "annotations": {"internal.skupper.io/controlled": "true"},
            "ownerReferences": [api.owned_by(api.SECURED_ACCESS, access)],
        }
        balanced = access_type(access) == "loadbalancer"
        kinds = {"loadbalancer": "LoadBalancer", "nodeport": "NodePort"}
        spec: Manifest = {
            "type": kinds.get(access_type(access), "ClusterIP"),
            "ports": [
                {"protocol": "TCP", **port, "targetPort": port.get("targetPort", port["port"])}
                for port in access["spec"]["ports"]
            ],
        }
        if access["spec"]["selector"]:
            spec["selector"] = access["spec"]["selector"]
        service = self._cluster.api.apply(api.SERVICE, namespace, {"metadata": metadata, "spec": spec})
        if balanced and not service.get("status", {}).get("loadBalancer", {}).get("ingress"):
            service = self._balance(namespace, name)
        return service

    def _balance(self, namespace: str, name: str) -> Manifest:
        """Stand in for the cloud's load balancer: the grant server's address is real, a router's is a name."""
        host = self._cluster.options.grant_server_host
        if (namespace, name) != (self._cluster.options.namespace, GRANT_SERVER):
            host = load_balancer_host(namespace, name, self._cluster.context)
        ingress = {"ip" if re.fullmatch(r"[0-9.]+|.*:.*", host) else "hostname": host}
        status = {"metadata": {"name": name}, "status": {"loadBalancer": {"ingress": [ingress]}}}
        return self._cluster.api.apply(api.SERVICE, namespace, status, "status")

    def _certificate(self, access: Manifest, endpoints: list[Manifest]) -> None:
        namespace, name = api.split_key(api.key_of(access))
        issuer = access["spec"].get("issuer")
        if not issuer:
            return
        hosts = list(dict.fromkeys([*(endpoint["host"] for endpoint in endpoints), name, f"{name}.{namespace}"]))
        spec = {"ca": issuer, "subject": name, "hosts": hosts, "server": True}
        owner = api.owned_by(api.SECURED_ACCESS, access)
        self._certificates.ensure(namespace, access["spec"].get("certificate") or name, spec, owner)

    def check_service(self, key: str) -> None:
        """A Service that changed or went: look at its SecuredAccess again."""
        if self._cluster.get(api.SECURED_ACCESS, *api.split_key(key)):
            self._cluster.queue.add(Key(api.SECURED_ACCESS.name, key))
