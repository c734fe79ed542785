"""What a rule of a NetworkPolicy is made of: who is at the other end, and at which port.

Owns the form of rules (networking.k8s.io/v1). Which flows there are is in network_policies.py.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

# 5353 is that of OpenShift's DNS pods.
DNS = [{"ports": [{"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")]}]
API_PORTS = (443, 6443)


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a Connector leads to: a `host`, or the pods of a `selector`, as Skupper writes both, and the port."""

    host: str
    selector: str
    port: int


def pods(labels: dict[str, str]) -> Rule:
    """Pods of the policy's own namespace; no labels, all of them."""
    return {"podSelector": {"matchLabels": dict(labels)} if labels else {}}


def namespace(name: str) -> Rule:
    """All pods of another namespace; its name is a label that Kubernetes itself keeps."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def jobs(*names: str) -> Rule:
    """The selector of the pods of this program's Jobs of these names."""
    return {
        "matchLabels": {"app.kubernetes.io/part-of": "rhsi"},
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": list(names)}],
    }


def tcp(*ports: int) -> list[Rule]:
    """These ports, as a rule has them."""
    return [{"protocol": "TCP", "port": port} for port in ports]


def api_server(networks: Iterable[str]) -> list[Rule]:
    """The way to the API server, which is no pod: it has addresses, and these two ports wherever it runs."""
    to = [{"ipBlock": {"cidr": network}} for network in networks]
    return [{**({"to": to} if to else {}), "ports": tcp(*API_PORTS)}]


def to_export(export: Export) -> list[Rule]:
    """The way from the router to what a Connector leads to.

    Behind a Service's name are pods with ports of their own, so that a namespace is let through with all of them; to a
    host outside, its port from anywhere in the cluster.
    """
    if export.selector:
        labels = dict(part.split("=", 1) for part in export.selector.split(","))
        return [{"to": [pods(labels)], "ports": tcp(export.port)}]
    try:
        network = ipaddress.ip_network(export.host)
    except ValueError:
        pass
    else:
        return [{"to": [{"ipBlock": {"cidr": str(network)}}], "ports": tcp(export.port)}]
    parts = export.host.split(".")
    if len(parts) == 1:
        return [{"to": [pods({})]}]
    inside: list[Rule] = [{"to": [namespace(parts[1])]}]
    outside: list[Rule] = [{"ports": tcp(export.port)}]
    if "svc" in parts[2:3]:
        return inside
    # `orders.shop` may be a Service or a host of the world; the search path decides.
    return [*inside, *outside] if len(parts) == 2 else outside


def policy(selector: Rule, *, ingress: list[Rule], egress: list[Rule]) -> Rule:
    """A policy's spec, for both directions; what it allows none of is absent, as the API server leaves it out."""
    rules = {"ingress": ingress, "egress": egress}
    return {
        "podSelector": selector,
        "policyTypes": ["Ingress", "Egress"],
        **{direction: allowed for direction, allowed in rules.items() if allowed},
    }
