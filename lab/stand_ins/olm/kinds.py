"""The kinds of OLM, its labels, and the namespaces that OpenShift gives it."""

from lab.kube import Manifest
from lab.stand_ins.controller.api import Kind

MANAGER = "olm"
GROUP = "operators.coreos.com"
SUBSCRIPTION = Kind(f"{GROUP}/v1alpha1", "Subscription", "subscriptions")
INSTALL_PLAN = Kind(f"{GROUP}/v1alpha1", "InstallPlan", "installplans")
CSV = Kind(f"{GROUP}/v1alpha1", "ClusterServiceVersion", "clusterserviceversions")
CATALOG_SOURCE = Kind(f"{GROUP}/v1alpha1", "CatalogSource", "catalogsources")
OPERATOR_GROUP = Kind(f"{GROUP}/v1", "OperatorGroup", "operatorgroups")

MARKETPLACE = "openshift-marketplace"
"""The namespace whose CatalogSources every namespace sees."""

OPERATORS_NAMESPACES = ("openshift-operators", "operators")
GLOBAL_OPERATORS = "global-operators"
"""The namespaces for operators of the whole cluster, OpenShift's and upstream's, and the OperatorGroup in each."""

MANAGED = {"olm.managed": "true"}
PROPERTIES = "operatorframework.io/properties"
PROVIDED = "olm.providedAPIs"
TARGETS = "olm.targetNamespaces"
SPEC_HASH = "olm.deployment-spec-hash"
"""Labels and annotations by which OLM knows its own."""


def reference(kind: Kind, found: Manifest) -> Manifest:
    """An ObjectReference, as client-go's `reference.GetReference` makes it."""
    metadata = found["metadata"]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        **{field: metadata[field] for field in ("namespace", "name", "uid", "resourceVersion")},
    }


def non_blocking_owner(kind: Kind, owner: Manifest) -> Manifest:
    """An owner reference as OLM writes them (pkg/lib/ownerutil)."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }
