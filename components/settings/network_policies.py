"""`rhsi:networkPolicies`: for namespaces in which nothing may pass that no NetworkPolicy allows."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Port, Section, checked, section
from components.skupper.router_access import EDGE_PORT, INTER_ROUTER_PORT, OWN_EDGE_PORT, OWN_INTER_ROUTER_PORT

_LINK_PORTS = (443, EDGE_PORT, OWN_EDGE_PORT, INTER_ROUTER_PORT, OWN_INTER_ROUTER_PORT)


def _network(text: str) -> str | None:
    """A network in CIDR form."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "it is no network; write its first address and the length of its prefix, such as 10.0.0.0/24"
    return None if "/" in text else "write the length of the prefix too, such as 10.0.0.1/32 for a single address"


Network = Annotated[str, Field(min_length=1), checked(_network)]
OtherNamespace = Annotated[str, Field(min_length=1), checked(formats.kubernetes_name)]


class NetworkPolicies(Section):
    """`rhsi:networkPolicies`."""

    enabled: bool = False
    """Whether the stack makes NetworkPolicies for its pods, its network observer and Skupper's router, with exactly the
    flows that they need. The router of a Site that somebody else made (`skupper.existingSite`) gets none: it serves
    others too, so its flows are its owner's to allow."""
    api_server: list[Network] = Field(default_factory=list)
    """Networks that the API server's addresses are in, since no policy can name it. Empty stands for anywhere, on ports
    443 and 6443."""
    clients: list[OtherNamespace] = Field(default_factory=list)
    """More namespaces than the site's own whose pods may use the databases and imported services."""
    operator_namespace: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Namespace of the database operator, which looks after the clusters; empty stands for any."""
    link_ports: list[Port] = Field(default_factory=lambda: list(_LINK_PORTS))
    """On a standby: the ports at which its router reaches the primary's. By default a Route's, those of a `linkAccess`
    and those of a `routerAccess`; name others that the primary's `skupper.routerAccess.ports` choose, or node ports."""


def network_policies_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell."""
    wanted = section(raw, "networkPolicies")
    if wanted and "enabled" not in wanted:
        fix = "write true to have the policies, or false to keep these settings without them"
        yield Mistake.of("networkPolicies.enabled", None, fix)
    if wanted.get("linkPorts") == []:
        yield Mistake(
            "networkPolicies.linkPorts", [], "without a port no link comes up; name one, or leave the key out"
        )
