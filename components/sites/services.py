"""The services that a site's settings name, and how every service of a site shows in its outputs."""

from collections.abc import Mapping

import pulumi

from components import outputs
from components.component import Component
from components.settings import Settings
from components.skupper.services import (
    ClientSide,
    ServerSide,
    ServiceExport,
    ServiceExportArgs,
    ServiceImport,
    ServiceImportArgs,
)


def described(services: Mapping[str, ServiceExport | ServiceImport]) -> dict[str, outputs.Service]:
    """Services by name, as outputs tell of them."""
    return {
        name: outputs.Service(host=service.host, port=service.port, routing_key=service.routing_key)
        for name, service in services.items()
    }


def export_args(settings: Settings, service: str, prefix: pulumi.Input[str]) -> ServiceExportArgs:
    """What `rhsi:services.exports.<service>` says."""
    wanted = settings.services.exports[service]
    return ServiceExportArgs(
        service=service,
        namespace=settings.cluster.namespace,
        port=wanted.port,
        routing_prefix=prefix,
        host=wanted.host,
        selector=wanted.selector,
        server=ServerSide(
            not_ready_pods=wanted.include_not_ready_pods,
            tls_credentials=wanted.tls_credentials,
            client_certificate=wanted.use_client_cert,
            verify_hostname=wanted.verify_hostname,
        ),
    )


def exported_services(
    site: Component, name: str, settings: Settings, prefix: pulumi.Input[str], depends_on: list[pulumi.Resource]
) -> dict[str, ServiceExport]:
    """The services that `rhsi:services.exports` offers."""
    return {
        service: ServiceExport(
            f"{name}-export-{service}", export_args(settings, service, prefix), site.child(depends_on=depends_on)
        )
        for service in settings.services.exports
    }


def imported_services(
    site: Component, name: str, settings: Settings, prefix: pulumi.Input[str], depends_on: list[pulumi.Resource]
) -> dict[str, ServiceImport]:
    """The services that `rhsi:services.imports` reaches."""
    return {
        service: ServiceImport(
            f"{name}-import-{service}",
            ServiceImportArgs(
                service=service,
                namespace=settings.cluster.namespace,
                port=wanted.port,
                routing_prefix=prefix,
                clients=ClientSide(tls_credentials=wanted.tls_credentials, observer=wanted.observer),
            ),
            site.child(depends_on=depends_on),
        )
        for service, wanted in settings.services.imports.items()
    }
