"""The services that a site's settings name, and how every service of a site shows in its outputs."""

from collections.abc import Mapping

import pulumi

from components import outputs
from components.component import Component
from components.settings import Settings
from components.skupper.services import ServiceExport, ServiceExportArgs, ServiceImport, ServiceImportArgs


def described(services: Mapping[str, ServiceExport | ServiceImport]) -> dict[str, outputs.Service]:
    """Services by name, as outputs tell of them."""
    return {
        name: outputs.Service(host=service.host, port=service.port, routing_key=service.routing_key)
        for name, service in services.items()
    }


def exported_services(
    site: Component, name: str, settings: Settings, prefix: pulumi.Input[str], depends_on: list[pulumi.Resource]
) -> dict[str, ServiceExport]:
    """The services that `rhsi:services.exports` offers."""
    return {
        service: ServiceExport(
            f"{name}-export-{service}",
            ServiceExportArgs(
                service=service,
                namespace=settings.cluster.namespace,
                port=wanted.port,
                routing_prefix=prefix,
                host=wanted.host,
                selector=wanted.selector,
            ),
            site.child(depends_on=depends_on),
        )
        for service, wanted in settings.services.exports.items()
    }


def imported_services(
    site: Component, name: str, settings: Settings, prefix: pulumi.Input[str], depends_on: list[pulumi.Resource]
) -> dict[str, ServiceImport]:
    """The services that `rhsi:services.imports` reaches."""
    return {
        service: ServiceImport(
            f"{name}-import-{service}",
            ServiceImportArgs(
                service=service, namespace=settings.cluster.namespace, port=wanted.port, routing_prefix=prefix
            ),
            site.child(depends_on=depends_on),
        )
        for service, wanted in settings.services.imports.items()
    }
