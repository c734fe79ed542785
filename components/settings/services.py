"""Settings of the services that cross the network beside the databases."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Port, Section, ServiceName, checked, section


def _host(text: str) -> str | None:
    """A DNS name or an IP address, without port."""
    if re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", text) or _is_address(text):
        return None
    return "it is no host name; write for example orders.shop.svc.cluster.local, and the port below `port`"


def _selector(text: str) -> str | None:
    """Labels in the form of Skupper: `name=value`, joined by commas."""
    if re.fullmatch(r"[\w./-]+=[\w.-]+(,[\w./-]+=[\w.-]+)*", text, re.ASCII):
        return None
    return "it is no selector; write for example app=orders,tier=web"


_MULTICAST = "Skupper's routers send everything below 'mc' to all receivers at once; choose another prefix"


def _routing_prefix(text: str) -> str | None:
    """The first part of an address of the router network (skupper:internal/kube/site/site.go, InitialConfig)."""
    if text == "mc":
        return _MULTICAST
    return formats.kubernetes_name(text)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class ExportedService(Section):
    """`rhsi:services.exports.<name>`, offered to all sites: a host, or the pods of a selector."""

    host: Annotated[str, checked(_host)] = ""
    selector: Annotated[str, checked(_selector)] = ""
    port: Port


class ImportedService(Section):
    """`rhsi:services.imports.<name>`, reached on this site as a Service of that name."""

    port: Port


class Services(Section):
    """`rhsi:services`; the prefix is the primary's, and its standbys read it there."""

    routing_prefix: Annotated[str, checked(_routing_prefix)] = ""
    exports: dict[ServiceName, ExportedService] = Field(default_factory=dict)
    imports: dict[ServiceName, ImportedService] = Field(default_factory=dict)


def services_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell."""
    services = section(raw, "services")
    if raw.get("role") == "standby" and services.get("routingPrefix"):
        fix = "it belongs into the primary's stack, where the standbys read it; move it there"
        yield Mistake.of("services.routingPrefix", services["routingPrefix"], fix)
    if raw.get("role") == "primary" and (services.get("routingPrefix") or raw["site"]) == "mc":
        yield Mistake.of("services.routingPrefix", services.get("routingPrefix"), _MULTICAST)
    for name, service in section(services, "exports").items():
        if isinstance(service, dict) and bool(service.get("host")) == bool(service.get("selector")):
            yield Mistake.of(f"services.exports.{name}", service, "give it either a host or a selector, not both")
