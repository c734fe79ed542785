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
class ServerSide:
    """How the router reaches what a site exports.

    Attributes:
        not_ready_pods: whether pods of a selector take connections before they are ready.
        tls_credentials: Secret with the CA by which the router judges the server, empty for no TLS.
        client_certificate: whether the router shows the server the certificate in it.
        verify_hostname: whether the server's certificate must be for the host.
    """

    not_ready_pods: bool
    tls_credentials: str
    client_certificate: bool
    verify_hostname: bool


@dataclass(frozen=True, kw_only=True)
class ClientSide:
    """How clients reach what a site imports.

    Attributes:
        tls_credentials: Secret with the certificate that the router shows them, empty for no TLS.
        observer: as what the router looks at the traffic; `auto` finds out by itself.
    """

    tls_credentials: str
    observer: str


PLAIN_SERVER = ServerSide(not_ready_pods=False, tls_credentials="", client_certificate=False, verify_hostname=False)
PLAIN_CLIENTS = ClientSide(tls_credentials="", observer="auto")


@dataclass(frozen=True, kw_only=True)
class ServiceExportArgs:
    """A TCP service that this site offers to its network: a `host`, or the pods of a `selector`, never both.

    Attributes:
        service: names the Connector and, with the prefix, the service in the network.
        namespace: of the Skupper site; a selector finds pods there only.
        port: of the host, or of the pods' containers.
        routing_prefix: the environment; the same on all sites that share it.
        host: a DNS name, such as a Service's in another namespace.
        selector: labels of pods, `name=value` joined by commas.
        server: how they are reached.
    """

    service: str
    namespace: str
    port: int
    routing_prefix: pulumi.Input[str]
    host: str
    selector: str
    server: ServerSide


@dataclass(frozen=True, kw_only=True)
class ServiceImportArgs:
    """A service of another site, reached in this one as `<service>.<namespace>.svc:<port>`; `clients` says how."""

    service: str
    namespace: str
    port: int
    routing_prefix: pulumi.Input[str]
    clients: ClientSide


def routing_key(prefix: pulumi.Input[str], service: str) -> pulumi.Output[str]:
    """A service's name in the network. Connectors with one key share its load, so each environment has a prefix."""
    return pulumi.Output.format("{}/{}", prefix, service)


def connector_spec(args: ServiceExportArgs, key: pulumi.Input[str]) -> dict[str, Any]:
    """Spec of the Connector; what is off is absent.

    Raises:
        pulumi.RunError: host and selector are both given, or neither.
    """
    if bool(args.host) == bool(args.selector):
        raise pulumi.RunError(f"The exported service {args.service} needs either a host or a selector, and only one.")
    target = {"host": args.host} if args.host else {"selector": args.selector}
    server = args.server
    options: dict[str, Any] = {"includeNotReadyPods": server.not_ready_pods, "tlsCredentials": server.tls_credentials}
    options |= {"useClientCert": server.client_certificate, "verifyHostname": server.verify_hostname}
    return {"routingKey": key, "port": args.port, **target, **{name: one for name, one in options.items() if one}}


def listener_spec(args: ServiceImportArgs, key: pulumi.Input[str]) -> dict[str, Any]:
    """Spec of the Listener; its host names the Service that the controller makes."""
    spec: dict[str, Any] = {"routingKey": key, "port": args.port, "host": args.service}
    if args.clients.tls_credentials:
        spec["tlsCredentials"] = args.clients.tls_credentials
    # Skupper before 2.2 knows no observer, and this is what it does.
    return spec if args.clients.observer == "auto" else {**spec, "observer": args.clients.observer}


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
