"""From Services and pods to routes and names: which pods stand behind a Service, and on which port.

Pure decisions on what the watches keep. Source: Kubernetes' EndpointSlice controller and kube-proxy; endpoints that
somebody writes by hand are not followed.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.informer import brief
from lab.stand_ins.network.names import Name
from lab.stand_ins.network.table import Address, Table, Target

HEADLESS = "None"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
API_SERVICE = ("default", "kubernetes")
"""The one Service without a selector that leads somewhere: the API server itself is behind it."""


KEPT = ("clusterIP", "selector", "ports", "publishNotReadyAddresses")
"""What routes and names need of a Service's spec."""


def keep_of_service(service: Manifest) -> Manifest:
    """What routes and names need of a Service."""
    spec = service["spec"]
    return brief(service, spec={field: spec[field] for field in KEPT if spec.get(field)})


def keep_of_pod(pod: Manifest) -> Manifest:
    """What routes and names need of a pod."""
    spec, status = pod["spec"], pod.get("status") or {}
    return brief(
        pod,
        labels=pod["metadata"].get("labels") or {},
        address=status.get("podIP", ""),
        ready=conditions.is_true(status, "Ready") and "deletionTimestamp" not in pod["metadata"],
        ended=status.get("phase") in ("Succeeded", "Failed"),
        ports={
            port["name"]: port["containerPort"]
            for container in spec.get("containers") or []
            for port in container.get("ports") or []
            if port.get("name")
        },
        hostname=spec.get("hostname", ""),
        subdomain=spec.get("subdomain", ""),
    )


def table(services: Iterable[Manifest], pods: Iterable[Manifest], api_server: Address) -> Table:
    """Where each Service's address and port leads: to the ready pods of its selector, or to all if it says so.

    Established connections stay while the pod does, ready or not, as they do in a node's connection tracking.
    """
    living = [pod for pod in pods if pod["address"] and not pod["ended"]]
    routes: dict[Address, list[Target]] = {}
    for service in services:
        spec = service["spec"]
        if not _is_served(spec.get("clusterIP", "")):
            continue
        for port in spec.get("ports") or []:
            behind = (
                Target(Address(pod["address"], number), needs=(pod["metadata"]["uid"],))
                for pod in _selected(service, living)
                if _is_reached(service, pod) and (number := _number(port, pod))
            )
            is_api = (service["metadata"]["namespace"], service["metadata"]["name"]) == API_SERVICE
            routes[Address(spec["clusterIP"], port["port"])] = [Target(api_server)] if is_api else list(behind)
    return Table(routes, frozenset(pod["metadata"]["uid"] for pod in living))


def _is_reached(service: Manifest, pod: Manifest) -> bool:
    return bool(pod["ready"] or service["spec"].get("publishNotReadyAddresses"))


def names(services: Iterable[Manifest], pods: Iterable[Manifest]) -> Iterator[Name]:
    """What a cluster's DNS would know."""
    living = [pod for pod in pods if pod["address"] and not pod["ended"]]
    for service in services:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        address = service["spec"].get("clusterIP", "")
        if address == HEADLESS:
            reached = [pod for pod in _selected(service, living) if _is_reached(service, pod)]
            yield from (Name(namespace, name, pod["address"]) for pod in reached)
        elif address:
            yield Name(namespace, name, address)
    for pod in living:
        if pod["hostname"] and pod["subdomain"]:
            name = f"{pod['hostname']}.{pod['subdomain']}"
            yield Name(pod["metadata"]["namespace"], name, pod["address"])


def _selected(service: Manifest, pods: Iterable[Manifest]) -> Iterator[Manifest]:
    selector = service["spec"].get("selector")
    namespace = service["metadata"]["namespace"]
    for pod in pods if selector else ():
        if pod["metadata"]["namespace"] == namespace and selector.items() <= pod["labels"].items():
            yield pod


def _number(port: Manifest, pod: Manifest) -> int:
    """The pod's port; 0 where it has none of that name."""
    wanted: Any = port.get("targetPort", port["port"])
    return wanted if isinstance(wanted, int) else pod["ports"].get(wanted, 0)


def _is_served(address: str) -> bool:
    """Whether this machine can listen on the address: in a cluster of somebody else it cannot."""
    return address not in ("", HEADLESS) and ipaddress.ip_address(address) in LOOPBACK
