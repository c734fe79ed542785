"""The kinds that a look reads, and how one asks a cluster for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ops.clusters import Cluster, ClusterError, Manifest

Found = TypeVar("Found")


@dataclass(frozen=True)
class Kind:
    """A kind: its apiVersion, its name, and its plural in paths."""

    api_version: str
    name: str
    plural: str

    @property
    def resource(self) -> str:
        """As rights name it, for example `links.skupper.io`."""
        group, slash, _ = self.api_version.partition("/")
        return f"{self.plural}.{group}" if slash else self.plural

    def get(self, cluster: Cluster, namespace: str, name: str) -> Manifest | None:
        """One object, or None where it, or the kind, does not exist.

        Raises:
            ClusterError: no answer, or the login may not read it.
        """
        return cluster.object(self.api_version, self.plural, name, namespace)

    def list(self, cluster: Cluster, namespace: str = "", **query: str) -> list[Manifest]:
        """The objects of a namespace, or of all; none where the cluster does not have the kind.

        Args:
            cluster: that has them.
            namespace: of the objects.
            query: of the request, such as `fieldSelector`.

        Raises:
            ClusterError: no answer, or the login may not list them.
        """
        return cluster.objects(self.api_version, self.plural, namespace, **query)


_SKUPPER = "skupper.io/v2alpha1"
SITE = Kind(_SKUPPER, "Site", "sites")
GRANT = Kind(_SKUPPER, "AccessGrant", "accessgrants")
TOKEN = Kind(_SKUPPER, "AccessToken", "accesstokens")
LINK = Kind(_SKUPPER, "Link", "links")
CONNECTOR = Kind(_SKUPPER, "Connector", "connectors")
LISTENER = Kind(_SKUPPER, "Listener", "listeners")
NETWORK_OBSERVER = Kind("observability.skupper.io/v2alpha1", "NetworkObserver", "networkobservers")
ROUTE = Kind("route.openshift.io/v1", "Route", "routes")

SECRET_STORE = Kind("external-secrets.io/v1", "SecretStore", "secretstores")
EXTERNAL_SECRET = Kind("external-secrets.io/v1", "ExternalSecret", "externalsecrets")

STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
SERVICE = Kind("v1", "Service", "services")
JOB = Kind("batch/v1", "Job", "jobs")
POD = Kind("v1", "Pod", "pods")
EVENT = Kind("v1", "Event", "events")

OLM_SUBSCRIPTION = Kind("operators.coreos.com/v1alpha1", "Subscription", "subscriptions")
OLM_VERSION = Kind("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "clusterserviceversions")

DATABASE_GROUPS = ("postgresql.cnpg.io", "postgresql.k8s.enterprisedb.io")
"""CloudNativePG's API group, and that of EDB's build of it: the same kinds."""

CLUSTERS = tuple(Kind(f"{group}/v1", "Cluster", "clusters") for group in DATABASE_GROUPS)
PUBLICATIONS = tuple(Kind(f"{group}/v1", "Publication", "publications") for group in DATABASE_GROUPS)
SUBSCRIPTIONS = tuple(Kind(f"{group}/v1", "Subscription", "subscriptions") for group in DATABASE_GROUPS)


def visible(ask: Callable[[], Found]) -> Found | None:
    """The answer, or None where the login may not see it: for what a look can do without, or has a row about.

    Raises:
        ClusterError: no answer.
    """
    try:
        return ask()
    except ClusterError as error:
        if error.refused:
            return None
        raise
