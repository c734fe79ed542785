"""What is kept of an object that stands, and nothing that is secret.

Of a grant or a token only the name, for status and spec hold the code; of every other object what a person would
compare, who writes it, and what kubectl has set on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.owner import OWNER_ANNOTATION
from ops.adopt.catalogue import place
from ops.clusters import Manifest


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        kind: its name.
        api_version: as in a manifest.
        plural: in the API's paths.
        kept: which of its fields are no secret, and of use here.
        needed: whether a plan without it may be wrong, or only lacks a line about what is left alone.
    """

    kind: str
    api_version: str
    plural: str
    kept: tuple[str, ...] = ()
    needed: bool = True


_SKUPPER, _EXTERNAL_SECRETS = "skupper.io/v2alpha1", "external-secrets.io/v1"
LISTED = (
    Kind("Site", _SKUPPER, "sites", ("spec",)),
    Kind("AccessGrant", _SKUPPER, "accessgrants"),
    Kind("AccessToken", _SKUPPER, "accesstokens", needed=False),
    Kind("Link", _SKUPPER, "links", ("status",)),
    Kind("Connector", _SKUPPER, "connectors", ("spec",)),
    Kind("Listener", _SKUPPER, "listeners", ("spec",)),
    Kind("SecretStore", _EXTERNAL_SECRETS, "secretstores", ("spec",)),
    Kind("ExternalSecret", _EXTERNAL_SECRETS, "externalsecrets", ("spec",)),
    Kind("NetworkObserver", "observability.skupper.io/v2alpha1", "networkobservers", needed=False),
    Kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", ("subjects",), needed=False),
    Kind("Deployment", "apps/v1", "deployments", needed=False),
)
"""The kinds of which everything in the site's namespace counts."""
NAMESPACE = Kind("Namespace", "v1", "namespaces")
CONFIG_MAP = Kind("ConfigMap", "v1", "configmaps", ("data",))
JOB = Kind("Job", "batch/v1", "jobs")
SERVICE_ACCOUNT = Kind("ServiceAccount", "v1", "serviceaccounts")
SERVICE = Kind("Service", "v1", "services", needed=False)
DELEGATOR = Kind("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", needed=False)
OPERATORS = {"edb": "postgresql.k8s.enterprisedb.io/v1", "community": "postgresql.cnpg.io/v1"}

TOOLS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "apps.open-cluster-management.io/hosting-subscription": "Advanced Cluster Management",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "meta.helm.sh/release-name": "Helm",
}
"""By the label or annotation that a tool leaves on what it keeps."""
MANAGERS = {"argocd": "Argo CD", "kustomize-controller": "Flux", "klusterlet": "Advanced Cluster Management"}
"""By the beginning of a field manager's name, for Argo CD tracks by a label that others use too."""


_OF_EVERY_OBJECT = {"kubernetes.io/metadata.name", "kubectl.kubernetes.io/last-applied-configuration"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """An object that stands.

    Attributes:
        kind: its kind.
        namespace: empty for what is in none.
        name: its name.
        fields: those of its fields that its kind keeps, such as `spec`.
        owner: the stack of this program that made it, as its annotation says, `organization/project/stack`.
        tool: what writes it again when somebody changes it; empty where nothing is known to.
        marks: labels and annotations that kubectl has set: pulumi-kubernetes takes them over with its first update, and
            removes those that the program does not set (its provider/pkg/await/await.go, fixCSAFieldManagers).
    """

    kind: str
    namespace: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    tool: str = ""
    marks: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`Kind namespace/name`."""
        return place(self.kind, self.name, self.namespace)

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec, where its kind keeps it."""
        return self.fields.get("spec") or {}


def item(kind: Kind, manifest: Manifest) -> Item:
    """An object without what may be secret."""
    metadata = manifest.get("metadata") or {}
    return Item(
        kind=kind.kind,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        fields={name: manifest.get(name) or {} for name in kind.kept},
        owner=str((metadata.get("annotations") or {}).get(OWNER_ANNOTATION) or ""),
        tool=_tool(metadata),
        marks=tuple(sorted(set(_marks_of_kubectl(metadata)) - _OF_EVERY_OBJECT)),
    )


def _marks_of_kubectl(metadata: Mapping[str, Any]) -> Iterator[str]:
    for entry in metadata.get("managedFields") or []:
        if str(entry.get("manager") or "").startswith("kubectl"):
            fields = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
            for kind in ("f:labels", "f:annotations"):
                yield from (key.removeprefix("f:") for key in fields.get(kind) or {} if key.startswith("f:"))


def _tool(metadata: Mapping[str, Any]) -> str:
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    by_mark = (tool for mark, tool in TOOLS.items() if mark in marks)
    managers = [str(one.get("manager") or "") for one in metadata.get("managedFields") or []]
    by_manager = (tool for name, tool in MANAGERS.items() for manager in managers if manager.startswith(name))
    return next(by_mark, None) or next(by_manager, "")
