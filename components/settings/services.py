"""Settings of the services that cross the network beside the databases."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import OptionalObjectName, Port, Section, ServiceName, checked, section


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


class ExportedService(Section):
    """`rhsi:services.exports.<name>`, offered to all sites: a host, or the pods of a selector."""

    host: Annotated[str, checked(formats.host)] = ""
    """A DNS name or address that the router reaches, such as a Service's in another namespace; or a `selector`."""
    selector: Annotated[str, checked(_selector)] = ""
    """Labels of pods in the Site's namespace, `name=value` joined by commas; or a `host`."""
    port: Port
    """Port of the host, or of the pods' containers."""
    include_not_ready_pods: bool = False
    """With a `selector`: whether pods take connections before they are ready."""
    tls_credentials: OptionalObjectName = ""
    """Name of a Secret in the Site's namespace: the router speaks TLS to the server and judges it by `ca.crt`."""
    use_client_cert: bool = False
    """With `tlsCredentials`: whether the router shows the server their `tls.crt`."""
    verify_hostname: bool = False
    """With `tlsCredentials` and a `host`: whether the server's certificate must be for that host."""


class ImportedService(Section):
    """`rhsi:services.imports.<name>`, reached on this site as a Service of that name."""

    port: Port
    """Port of that Service."""
    tls_credentials: OptionalObjectName = ""
    """Name of a Secret in the Site's namespace with `tls.crt`, `tls.key` and `ca.crt`: clients reach the router by TLS,
    with the first two. They are not asked for a certificate."""
    observer: Literal["auto", "none", "http1", "http2"] = "auto"
    """The protocol that the router looks for in the traffic, for the network observer (Skupper 2.2 or newer)."""


class Services(Section):
    """`rhsi:services`; the prefix is the primary's, and its standbys read it there."""

    routing_prefix: Annotated[str, checked(_routing_prefix)] = ""
    """On the primary: first part of the services' names in the network, without it the site's name."""
    exports: dict[ServiceName, ExportedService] = Field(default_factory=dict)
    """What this site offers, by name."""
    imports: dict[ServiceName, ImportedService] = Field(default_factory=dict)
    """What this site reaches, by name."""


def services_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell."""
    services = section(raw, "services")
    if raw.get("role") == "standby" and services.get("routingPrefix"):
        fix = "it belongs into the primary's stack, where the standbys read it; move it there"
        yield Mistake.of("services.routingPrefix", services["routingPrefix"], fix)
    if raw.get("role") == "primary" and (services.get("routingPrefix") or raw["site"]) == "mc":
        yield Mistake.of("services.routingPrefix", services.get("routingPrefix"), _MULTICAST)
    for name, service in section(services, "exports").items():
        if isinstance(service, dict):
            yield from _of_export(f"services.exports.{name}", service)


def _of_export(key: str, service: Mapping[str, Any]) -> Iterator[Mistake]:
    if bool(service.get("host")) == bool(service.get("selector")):
        yield Mistake.of(key, service, "give it either a host or a selector, not both")
    if service.get("includeNotReadyPods") and not service.get("selector"):
        fix = "only pods of a selector are ready or not; remove it, or name the pods"
        yield Mistake.of(f"{key}.includeNotReadyPods", service["includeNotReadyPods"], fix)
    for option in ("useClientCert", "verifyHostname"):
        if service.get(option) and not service.get("tlsCredentials"):
            fix = "without tlsCredentials the router speaks no TLS to the server; add them, or remove it"
            yield Mistake.of(f"{key}.{option}", service[option], fix)
    if service.get("verifyHostname") and service.get("selector"):
        fix = "the router reaches pods by their addresses, which no certificate names; give the service a host"
        yield Mistake.of(f"{key}.verifyHostname", service["verifyHostname"], fix)
