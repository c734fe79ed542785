"""The words that all handlers share: Skupper's kinds, the others that it touches, and the API's verbs.

Owns the table of Skupper's kinds. The rest is every controller's (lab.stand_ins.controller).
"""

from lab.stand_ins.controller.api import Api, Kind, error_text, key_of, owned_by, split_key
from lab.stand_ins.controller.kinds import CONFIG_MAP, NAMESPACE, POD, SECRET, SERVICE, SERVICE_ACCOUNT

__all__ = [
    "CONFIG_MAP",
    "NAMESPACE",
    "POD",
    "SECRET",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "Api",
    "Kind",
    "error_text",
    "key_of",
    "owned_by",
    "split_key",
]

# The field manager of server-side apply, as upstream's (internal/kube/site/resources).
MANAGER = "skupper-controller"
CUT = "lab.rhsi/cut"
"""Annotation on a Link: with `true` its endpoint does not answer, as if the network between the sites were down."""

SKUPPER = "skupper.io/v2alpha1"
SITE = Kind(SKUPPER, "Site", "sites")
GRANT = Kind(SKUPPER, "AccessGrant", "accessgrants")
TOKEN = Kind(SKUPPER, "AccessToken", "accesstokens")
LINK = Kind(SKUPPER, "Link", "links")
CONNECTOR = Kind(SKUPPER, "Connector", "connectors")
LISTENER = Kind(SKUPPER, "Listener", "listeners")
ROUTER_ACCESS = Kind(SKUPPER, "RouterAccess", "routeraccesses")
SECURED_ACCESS = Kind(SKUPPER, "SecuredAccess", "securedaccesses")
CERTIFICATE = Kind(SKUPPER, "Certificate", "certificates")

SKUPPER_KINDS = (SITE, GRANT, TOKEN, LINK, CONNECTOR, LISTENER, ROUTER_ACCESS, SECURED_ACCESS, CERTIFICATE)
