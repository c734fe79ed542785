"""The service account that reads Vault in a namespace, and what tells Vault that it may.

Owns the account's name. Which auth method lets it in is up to kubernetes_auth.py and jwt_auth.py.
"""

from dataclasses import dataclass

import pulumi

from components.component import Component, once
from components.custom_resource import CLUSTER_ROLE_BINDING, SERVICE_ACCOUNT, KubernetesObject

# The account of every namespace that reads Vault.
READER_ACCOUNT = "rhsi-vault-reader"


@dataclass(frozen=True, kw_only=True)
class ReaderAccountArgs:
    """A service account that may log in to Vault, in a namespace of its own.

    `reviewed` says whether the API server is asked about its tokens, for which it needs a right of its own.
    """

    namespace: str
    service_account: str
    reviewed: bool


def reviewer_secret(service_account: str) -> str:
    """Secret with the long-lived token of an account."""
    return f"{service_account}-token"


def delegator_binding_name(service_account: str, namespace: str) -> str:
    """Cluster-scoped, so it carries the namespace: several standbys may share a cluster."""
    return f"{service_account}-{namespace}-auth-delegator"


def reader_account(component: Component, name: str, service_account: str, namespace: str) -> KubernetesObject:
    """The account."""
    return KubernetesObject(
        f"{name}-reader",
        SERVICE_ACCOUNT,
        metadata={"name": service_account, "namespace": namespace},
        opts=component.child(),
    )


def review_right(
    component: Component, name: str, service_account: str, namespace: str, account: KubernetesObject
) -> KubernetesObject:
    """The account's right to ask the API server for the review of its own token."""
    return KubernetesObject(
        f"{name}-delegator",
        CLUSTER_ROLE_BINDING,
        metadata={"name": delegator_binding_name(service_account, namespace)},
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        subjects=[{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
        opts=component.child(depends_on=[account]),
    )


class ReaderAccount(Component):
    """A second account of a cluster that is known to Vault already; the role there must name its namespace."""

    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: ReaderAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:ReaderAccount", name, opts)
        account = reader_account(self, name, args.service_account, args.namespace)
        last = review_right(self, name, args.service_account, args.namespace, account) if args.reviewed else account
        # Known only once a login can succeed.
        self.service_account = once(last, args.service_account)
        self.register_outputs({"serviceAccount": self.service_account})
