"""One site's half of the replicated databases, up to what replicates: its cluster, and both ways over the link.

Composes cluster.py and services. The replication is apart, because a cluster needs nobody and its replication needs the
link: whoever composes both makes it wait for this one, so that a removed subscription still has its way to the slot on
the other side. Namespace and Secrets are not made here.
"""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.edb.cluster import EdbCluster, EdbClusterArgs
from components.edb.names import PORT, routing_key, service_host
from components.skupper.services import (
    PLAIN_CLIENTS,
    PLAIN_SERVER,
    ServiceExport,
    ServiceExportArgs,
    ServiceImport,
    ServiceImportArgs,
)


@dataclass(frozen=True, kw_only=True)
class EdbSiteArgs:
    """A cluster, the namespace of the Skupper site through which peers reach each other, and the routing prefix."""

    cluster: EdbClusterArgs
    skupper_namespace: str
    routing_prefix: pulumi.Input[str]


class EdbSite(Component):
    """The cluster, the Connector by which the peer reaches it, and the Listener by which it reaches the peer."""

    cluster: pulumi.Output[str]
    exported: ServiceExport
    imported: ServiceImport

    def __init__(self, name: str, args: EdbSiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for Skupper's site and for the Secrets."""
        super().__init__("rhsi:index:EdbSite", name, opts)
        cluster = EdbCluster(f"{name}-cluster", args.cluster, self.child())
        self.exported = ServiceExport(
            f"{name}-export",
            ServiceExportArgs(
                service=routing_key(args.cluster.site),
                namespace=args.skupper_namespace,
                port=PORT,
                routing_prefix=args.routing_prefix,
                selector="",
                host=service_host(args.cluster.site, args.cluster.namespace),
                server=PLAIN_SERVER,
            ),
            self.child(depends_on=[cluster]),
        )
        self.imported = ServiceImport(
            f"{name}-import",
            ServiceImportArgs(
                service=routing_key(args.cluster.peer),
                namespace=args.skupper_namespace,
                port=PORT,
                routing_prefix=args.routing_prefix,
                clients=PLAIN_CLIENTS,
            ),
            self.child(),
        )
        self.cluster = cluster.cluster
        self.register_outputs({"cluster": self.cluster, "routingKey": self.exported.routing_key})
