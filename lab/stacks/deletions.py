"""What a run would delete that nobody wants to lose by a slip of the pen: databases, other lasting data, whole sites.

Judges the plan of a preview (`pulumi preview --json`); runs nothing and asks nobody. What may go without a question is
what a rotation or another change of settings replaces all the time.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lab.stacks.state import Resource

LASTING = {
    "kubernetes:core/v1:Namespace": "with everything in it",
    "kubernetes:core/v1:PersistentVolumeClaim": "with its data",
    "kubernetes:apps/v1:StatefulSet": "a database's server",
    "kubernetes:postgresql.cnpg.io/v1:Cluster": "a database with its data",
    "kubernetes:postgresql.k8s.enterprisedb.io/v1:Cluster": "a database with its data",
    "vault:index/mount:Mount": "with every secret in it",
}
"""Types of what holds data, and what goes with it."""

WAYS_IN = {
    "kubernetes:skupper.io/v2alpha1:AccessGrant": "a standby's way to the primary",
    "kubernetes:skupper.io/v2alpha1:Site": "the link with it",
    "kubernetes:external-secrets.io/v1:SecretStore": "a standby's way to Vault",
    "vault:index/authBackend:AuthBackend": "a standby's way to Vault",
    "vault:kubernetes/authBackendRole:AuthBackendRole": "a standby's way to Vault",
    "vault:index/policy:Policy": "a standby's way to Vault",
}
"""Types without which a standby that runs is cut off; a rotation replaces them, and only their end is a loss."""

REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})


def losses(plan: Mapping[str, Any]) -> list[str]:
    """What the plan of a preview would delete or empty, one line each; empty where nobody needs to be asked."""
    deleted, replaced = set(), set()
    for step in plan.get("steps") or []:
        resource = _resource(step)
        if step["op"] == "delete":
            deleted.add(resource)
        elif step["op"] in REPLACING:
            replaced.add(resource)
    found = [(resource, LASTING | WAYS_IN, "deleted") for resource in deleted - replaced]
    found += [(resource, LASTING, "replaced by an empty one") for resource in replaced]
    return sorted(
        f"{resource} would be {what} ({types[resource.type]})"
        for resource, types, what in found
        if resource.type in types
    )


def lasting(resources: Iterable[Resource]) -> list[str]:
    """Of resources that go, those that hold data, one line each."""
    return sorted(f"{resource} ({LASTING[resource.type]})" for resource in resources if resource.type in LASTING)


def _resource(step: Mapping[str, Any]) -> Resource:
    present = step.get("oldState") or step.get("newState") or {}
    return Resource(str(step["urn"]), str(present.get("type", "")), bool(present.get("protect")))
