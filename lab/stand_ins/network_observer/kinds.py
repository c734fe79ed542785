"""The kind that is served, and those of a release."""

from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT

MANAGER = "helm-operator"
CERTIFICATE = Kind("skupper.io/v2alpha1", "Certificate", "certificates")
"""Skupper's own."""

NETWORK_OBSERVER = Kind("observability.skupper.io/v2alpha1", "NetworkObserver", "networkobservers")
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
ROUTE = Kind("route.openshift.io/v1", "Route", "routes")
RELEASED = {
    kind.name: kind
    for kind in (CERTIFICATE, CONFIG_MAP, DEPLOYMENT, ROLE, ROLE_BINDING, ROUTE, SERVICE, SERVICE_ACCOUNT)
}
"""The kinds of a release, by name."""
