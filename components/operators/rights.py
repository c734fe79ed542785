"""Rights of a Job of this folder outside its own namespace: a role, and the binding to the Job's account."""

from dataclasses import dataclass
from typing import Any

from components.component import Component, once
from components.custom_resource import Kind, KubernetesObject


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What an account of the site's namespace may do elsewhere.

    Attributes:
        kinds: of the role and of its binding.
        metadata: of both.
        rules: the role's.
        account: whose they are.
        site_namespace: where that is.
    """

    kinds: tuple[Kind, Kind]
    metadata: dict[str, str]
    rules: list[dict[str, Any]]
    account: str
    site_namespace: str


def bound(component: Component, name: str, rights: Rights) -> KubernetesObject:
    """Register both as children of a component, and return the binding, after which they hold."""
    role_kind, binding_kind = rights.kinds
    role = KubernetesObject(
        f"{name}-role", role_kind, metadata=rights.metadata, rules=rights.rules, opts=component.child()
    )
    return KubernetesObject(
        f"{name}-binding",
        binding_kind,
        metadata=rights.metadata,
        roleRef={
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role_kind.kind,
            # As in script_job.py: a preview without the right to bind everything would look the role up.
            "name": once(role, rights.metadata["name"]),
        },
        subjects=[{"kind": "ServiceAccount", "name": rights.account, "namespace": rights.site_namespace}],
        opts=component.child(depends_on=[role]),
    )
