"""Logical replication between two clusters: what a site publishes and what it takes from its peer.

The operator's instance manager carries both out and retries every 30 s. That one is applied says that its DDL
succeeded once; whether rows flow, only SQL tells (docs/troubleshooting/replicated.md).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import POSTGRES_OPERATORS, KubernetesObject
from components.edb.external_clusters import external_cluster
from components.edb.names import publication_name, subscription_name, table_name
from components.edb.published import TABLE, Published, target_objects

# Immutable for the operator; EDB's older CRDs lack the rule for the cluster and would accept a change without effect.
IMMUTABLE = ["spec.cluster", "spec.name", "spec.dbname"]


@dataclass(frozen=True, kw_only=True)
class LogicalReplicationArgs:
    """One site's half of the replication.

    Attributes:
        operator: `edb` or `community`.
        namespace: of the cluster.
        cluster: the Cluster.
        database: the replicated database, the same on both sides.
        site: whose tables are published.
        peer: whose publication is taken.
        published: what the site publishes; empty for its table of the demonstration.
        taken: as the Cluster's, in the name of the same entry.
        tls: the sslmode towards the peer, with which the Cluster names its `externalClusters` entry.
        subscribe: whether to take the peer's rows; without it only the publication stands.
        awaited: whether to wait until the peer accepted the subscription. The site that is made first cannot.
        reclaim_policy: of the subscription; `delete` drops the slot on the peer too and needs it reachable, `retain`
            leaves everything.
    """

    operator: str
    namespace: str
    cluster: pulumi.Input[str]
    database: str
    site: str
    peer: str
    published: Published
    taken: pulumi.Input[str]
    tls: str
    subscribe: bool
    awaited: bool
    reclaim_policy: str


class ReplicationError(pulumi.RunError):
    """A publication or subscription that does not stand, in the operator's words."""


def publication_spec(args: LogicalReplicationArgs) -> dict[str, Any]:
    """Spec of the Publication. The operator finds it made by the bootstrap and adopts it.

    It goes with its cluster only: in one that outlives its stack the peer may follow it still, whose stream fails for
    good where the publication was away for a moment, also when it is made again.
    """
    return {
        "cluster": {"name": args.cluster},
        "dbname": args.database,
        "name": publication_name(args.site),
        "target": {"objects": target_objects(args.published or {f"public.{table_name(args.site)}": TABLE})},
        "publicationReclaimPolicy": "retain",
    }


def subscription_spec(args: LogicalReplicationArgs) -> dict[str, Any]:
    """Spec of the Subscription."""
    return {
        "cluster": {"name": args.cluster},
        "dbname": args.database,
        "name": subscription_name(args.site, args.peer),
        "externalClusterName": external_cluster(args.peer, args.tls, args.taken),
        "publicationName": publication_name(args.peer),
        # Rows that came from elsewhere are not sent back. Also, without a parameter that can be altered the operator
        # ends every later change in a syntax error, `ALTER SUBSCRIPTION ... SET ()`.
        "parameters": {"origin": "none", "copy_data": "true"},
        "subscriptionReclaimPolicy": args.reclaim_policy,
    }


def applied(status: Mapping[str, Any] | None, kind: str, name: str) -> str:
    """The SQL name of what the operator says it has applied.

    The wait sees to that, except after a refresh, which takes an object for ready whatever its status.

    Raises:
        ReplicationError: it has not.
    """
    status = status or {}
    if status.get("applied") is not True and not pulumi.runtime.is_dry_run():
        said = status.get("message") or "nothing yet"
        raise ReplicationError(
            f"{kind} {name} is not applied, the operator says: {said}; fix that and `pulumi up` again."
        )
    return name


class LogicalReplication(Component):
    """The Publication of the site's own tables, then the Subscription to the peer's."""

    publication: pulumi.Output[str]
    subscription: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: LogicalReplicationArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the component; `subscription` is empty without one."""
        super().__init__("rhsi:index:LogicalReplication", name, opts)
        operator = POSTGRES_OPERATORS[args.operator]
        publication = KubernetesObject(
            f"{name}-publication",
            operator.publication,
            metadata={"name": f"{args.site}-pub", "namespace": args.namespace},
            spec=publication_spec(args),
            opts=self.child(replace_on_changes=IMMUTABLE, delete_before_replace=True),
        )
        published = publication_name(args.site)
        self.publication = publication.status.apply(lambda status: applied(status, "Publication", published))
        self.subscription = pulumi.Output.from_input("")
        if args.subscribe:
            kind = operator.subscription
            subscription = KubernetesObject(
                f"{name}-subscription",
                kind if args.awaited else dataclasses.replace(kind, wait_for=()),
                metadata={"name": f"{args.site}-from-{args.peer}", "namespace": args.namespace},
                spec=subscription_spec(args),
                opts=self.child(depends_on=[publication], replace_on_changes=IMMUTABLE, delete_before_replace=True),
            )
            taken = subscription_name(args.site, args.peer)
            if args.awaited:
                self.subscription = subscription.status.apply(lambda status: applied(status, "Subscription", taken))
            else:
                # The state has no status of what nobody waited for: it would be unknown in every preview.
                self.subscription = once(subscription, taken)
        self.register_outputs({"publication": self.publication, "subscription": self.subscription})
