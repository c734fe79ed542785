"""Requests and limits of containers: what Jobs get, and what a ResourceQuota wants of everybody.

A quota on a resource refuses each pod of which one container, an init container too, leaves it out
(https://kubernetes.io/docs/concepts/policy/resource-quotas/). Owns numbers and how they meet, as Kubernetes quantities.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGTPE]i|[kMGTPE]|m)?", re.ASCII)
_UNITS = {"": Decimal(1), "m": Decimal("0.001")}
_UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}


@dataclass(frozen=True, kw_only=True)
class ContainerResources:
    """What a container asks for and may not exceed, as quantities by resource."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]

    def manifest(self) -> dict[str, dict[str, str]]:
        """As a container has it; what is empty is absent."""
        both = {"requests": dict(self.requests), "limits": dict(self.limits)}
        return {name: values for name, values in both.items() if values}


NONE = ContainerResources(requests={}, limits={})
# Complete: a ResourceQuota refuses a pod that leaves out what it counts.
JOB = ContainerResources(
    requests={"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "32Mi"},
    limits={"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
)
DATABASE = ContainerResources(
    requests={"cpu": "100m", "memory": "256Mi"},
    limits={"cpu": "1", "memory": "1Gi"},
)
EXPORTER = ContainerResources(
    requests={"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
    limits={"cpu": "200m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
)
BACKUP = ContainerResources(
    requests={"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
    limits={"cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Gi"},
)
POOLER = ContainerResources(
    requests={"cpu": "50m", "memory": "64Mi"},
    limits={"cpu": "500m", "memory": "128Mi"},
)


def amount(quantity: str) -> Decimal | None:
    """A quantity as a number; None where it is none, or one with an exponent."""
    found = _QUANTITY.fullmatch(quantity)
    return Decimal(found[1]) * _UNITS[found[2] or ""] if found else None


def overlaid(default: ContainerResources, own: ContainerResources) -> ContainerResources:
    """The defaults with one's own in their places, resource by resource."""
    return ContainerResources(requests={**default.requests, **own.requests}, limits={**default.limits, **own.limits})


def completed(own: ContainerResources, default: ContainerResources) -> ContainerResources:
    """One's own, and for each resource of the defaults what is missing; never a request above its limit."""
    requests, limits = dict(own.requests), dict(own.limits)
    for resource in default.limits:
        if resource not in limits:
            limits[resource] = _larger(requests.get(resource, "0"), default.limits[resource])
        if resource not in requests:
            requests[resource] = _smaller(limits[resource], default.requests[resource])
    return ContainerResources(requests=requests, limits=limits)


def exceeding(resources: ContainerResources) -> list[str]:
    """The resources of which more is requested than allowed, which the API server refuses."""
    return [
        resource
        for resource, limit in resources.limits.items()
        if (amount(resources.requests.get(resource, "0")) or 0) > (amount(limit) or 0)
    ]


def _larger(one: str, other: str) -> str:
    return one if (amount(one) or 0) > (amount(other) or 0) else other


def _smaller(one: str, other: str) -> str:
    return one if (amount(one) or 0) < (amount(other) or 0) else other
