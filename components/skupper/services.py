"""Services that cross a Skupper network: what one site offers, another one reaches under a name of its own.

Owns the two declarations and the key that joins them. The Service behind a Listener belongs to the Skupper controller
and is never declared here; links are the business of link/.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CONNECTOR, LISTENER, KubernetesObject


@dataclass(frozen=True, kw_only=True)
class ServiceExportArgs:
    """A TCP service that this site offers to its network: a `host`, or the pods of a `selector`, never both.

    Attributes:
        service: names the Connector and, with the prefix, the service in the network.
        namespace: of the Skupper site; a selector finds pods there only.
        port: of the host, or of the pods' containers.
        routing_prefix: the environment; the same on all sites that share it.
        host: a DNS name, such as a Service's in another namespace.
        selector: labels of pods, `name=value` joined by commas; only those that are ready take connections.
    """

    service: str
    namespace: str
    port: int
    routing_prefix: pulumi.Input[str]
    host: str
    selector: str


@dataclass(frozen=True, kw_only=True)
class ServiceImportArgs:
    """A service of another site, reached in this one as `<service>.<namespace>.svc:<port>`."""

    service: str
    namespace: str
    port: int
    routing_prefix: pulumi.Input[str]


def routing_key(prefix: pulumi.Input[str], service: str) -> pulumi.Output[str]:
    """A service's name in the network. Connectors with one key share its load, so each environment has a prefix."""
    return pulumi.Output.format("{}/{}", prefix, service)


def connector_spec(args: ServiceExportArgs, key: pulumi.Input[str]) -> dict[str, Any]:
    """Spec of the Connector.

    Raises:
        pulumi.RunError: host and selector are both given, or neither.
    """
    if bool(args.host) == bool(args.selector):
        raise pulumi.RunError(f"The exported service {args.service} needs either a host or a selector, and only one.")
    target = {"host": args.host} if args.host else {"selector": args.selector}
    return {"routingKey": key, "port": args.port, **target}


def listener_spec(args: ServiceImportArgs, key: pulumi.Input[str]) -> dict[str, Any]:
    """Spec of the Listener; its host names the Service that the controller makes."""
    return {"routingKey": key, "port": args.port, "host": args.service}


class ServiceExport(Component):
    """The Connector of a service. It is not awaited: it is Pending until somebody listens."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    routing_key: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceExportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:ServiceExport", name, opts)
        key = routing_key(args.routing_prefix, args.service)
        connector = KubernetesObject(
            f"{name}-connector",
            CONNECTOR,
            metadata={"name": args.service, "namespace": args.namespace},
            spec=connector_spec(args, key),
            opts=self.child(),
        )
        self.host = once(connector, args.host or args.selector)
        self.port = pulumi.Output.from_input(args.port)
        self.routing_key = key
        self.register_outputs({"host": self.host, "port": self.port, "routingKey": self.routing_key})


class ServiceImport(Component):
    """The Listener of a service. It is not awaited: it is Pending until the service is there and the link is up."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    routing_key: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceImportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:ServiceImport", name, opts)
        key = routing_key(args.routing_prefix, args.service)
        listener = KubernetesObject(
            f"{name}-listener",
            LISTENER,
            metadata={"name": args.service, "namespace": args.namespace},
            spec=listener_spec(args, key),
            opts=self.child(),
        )
        self.host = once(listener, f"{args.service}.{args.namespace}.svc")
        self.port = pulumi.Output.from_input(args.port)
        self.routing_key = key
        self.register_outputs({"host": self.host, "port": self.port, "routingKey": self.routing_key})
