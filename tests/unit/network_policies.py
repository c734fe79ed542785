"""A small judge of NetworkPolicies: whether what the program makes lets a connection through.

Owns the rules of networking.k8s.io/v1 as far as the program uses them: a pod that a policy selects for a direction
takes part only in what some policy allows there, and both ends must allow it
(https://kubernetes.io/docs/concepts/services-networking/network-policies/). An address that is no pod's is outside.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod, by what policies see of it; `open` where its owner allows it everything."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    open: bool = False


@dataclass(frozen=True)
class Outside:
    """An address that is no pod's: the API server, another site, the world."""

    address: str


End = Pod | Outside


def allowed(policies: Iterable[Policy], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection passes, with default deny in every namespace that has one of the policies."""
    policies = list(policies)
    denying = {policy["metadata"]["namespace"] for policy in policies}
    return all(
        not isinstance(own, Pod)
        or own.open
        or own.namespace not in denying
        or any(_is_selected(policy, own) and _passes(policy, direction, other, port, protocol) for policy in policies)
        for direction, own, other in (("egress", source, target), ("ingress", target, source))
    )


def _is_selected(policy: Policy, pod: Pod) -> bool:
    return policy["metadata"]["namespace"] == pod.namespace and matches(policy["spec"]["podSelector"], pod.labels)


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector finds these labels; the empty one finds all."""
    unknown = selector.keys() - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def _passes(policy: Policy, direction: str, other: End, port: int, protocol: str) -> bool:
    peers, home = {"ingress": "from", "egress": "to"}[direction], policy["metadata"]["namespace"]
    return any(
        (peers not in rule or any(_is_peer(peer, other, home) for peer in rule[peers]))
        and ("ports" not in rule or any(_is_port(one, port, protocol) for one in rule["ports"]))
        for rule in policy["spec"].get(direction, [])
    )


def _is_peer(peer: Mapping[str, Any], other: End, home: str) -> bool:
    if "ipBlock" in peer:
        inside = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return isinstance(other, Outside) and ipaddress.ip_address(other.address) in inside
    if isinstance(other, Outside):
        return False
    if "namespaceSelector" in peer:
        # The label that Kubernetes itself keeps on every Namespace.
        here = matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        here = other.namespace == home
    return here and matches(peer.get("podSelector", {}), other.labels)


def _is_port(one: Mapping[str, Any], port: int, protocol: str) -> bool:
    return bool(one["protocol"] == protocol and one["port"] <= port <= one.get("endPort", one["port"]))
