"""The one place that knows the kinds: apiVersion, what is secret, when an object is ready, how long that may take.

Every Kubernetes object of this program is registered here, with its type token and inputs as pulumi-kubernetes' own
class of that kind would, but with the manifest as Kubernetes writes it. Importing those classes would cost a second at
each start of the program: each of them imports its whole API group. They also know older API versions as aliases, which
no stack of this program ever had, and the generic one offers no readable status (pulumi-kubernetes#1836).

Owns the waiting; what a status means is up to the component that asked for it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.component import among_others, common_metadata


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind and its gate.

    Attributes:
        api_version: as in a manifest.
        kind: as in a manifest.
        wait_for: pulumi-kubernetes' wait expressions that must hold at once; empty means the provider's own wait for
            this kind, which custom kinds do not have. Skupper keeps observedGeneration on conditions only, so a
            `condition=` always accompanies a `jsonpath=`, which alone would pass on a stale status.
        timeout: Go duration that bounds creation, update and deletion; empty for the provider's own.
        secret: fields that are kept encrypted in the state and hidden on every display.
        shared: whether other people make objects of this kind beside this stack's, where the Site is theirs.
    """

    api_version: str
    kind: str
    wait_for: tuple[str, ...] = ()
    timeout: str = ""
    secret: tuple[str, ...] = ()
    shared: bool = False

    @property
    def token(self) -> str:
        """The Pulumi type, `kubernetes:<group>/<version>:<Kind>`."""
        group = "" if "/" in self.api_version else "core/"
        return f"kubernetes:{group}{self.api_version}:{self.kind}"


NAMESPACE = Kind(api_version="v1", kind="Namespace")
SECRET = Kind(api_version="v1", kind="Secret", secret=("data", "stringData"))
CONFIG_MAP = Kind(api_version="v1", kind="ConfigMap")
SERVICE = Kind(api_version="v1", kind="Service")
SERVICE_ACCOUNT = Kind(api_version="v1", kind="ServiceAccount")
ROLE = Kind(api_version="rbac.authorization.k8s.io/v1", kind="Role")
ROLE_BINDING = Kind(api_version="rbac.authorization.k8s.io/v1", kind="RoleBinding")
CLUSTER_ROLE = Kind(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRole")
CLUSTER_ROLE_BINDING = Kind(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding")
JOB = Kind(api_version="batch/v1", kind="Job")
CRON_JOB = Kind(api_version="batch/v1", kind="CronJob")
STATEFUL_SET = Kind(api_version="apps/v1", kind="StatefulSet")
# One that shall have no pod: the controller counts a pod until it is gone, not until it is told to go.
STOPPED_STATEFUL_SET = dataclasses.replace(STATEFUL_SET, wait_for=("jsonpath={.status.replicas}=0",))
NETWORK_POLICY = Kind(api_version="networking.k8s.io/v1", kind="NetworkPolicy")
POD_DISRUPTION_BUDGET = Kind(api_version="policy/v1", kind="PodDisruptionBudget")

SITE = Kind(api_version="skupper.io/v2alpha1", kind="Site", wait_for=("condition=Ready",), timeout="3m")
# Two routers (skupper:internal/kube/site/site.go, groups): Ready says that one of them can be reached.
HA_SITE = dataclasses.replace(
    SITE, wait_for=(*SITE.wait_for, "jsonpath={.status.endpoints[?(@.group=='skupper-router-2')].host}")
)
ACCESS_GRANT = Kind(
    api_version="skupper.io/v2alpha1",
    kind="AccessGrant",
    wait_for=("condition=Ready", "jsonpath={.status.code}", "jsonpath={.status.url}", "jsonpath={.status.ca}"),
    timeout="2m",
    secret=("status",),
)
LINK = Kind(api_version="skupper.io/v2alpha1", kind="Link", timeout="2m")
ROUTER_ACCESS = Kind(
    api_version="skupper.io/v2alpha1", kind="RouterAccess", wait_for=("condition=Ready",), timeout="3m"
)
HA_ROUTER_ACCESS = dataclasses.replace(ROUTER_ACCESS, wait_for=HA_SITE.wait_for)
# Not awaited: both are Pending with "No matching ..." until the other side is there, on another stack's next `up`.
CONNECTOR = Kind(api_version="skupper.io/v2alpha1", kind="Connector", timeout="2m", shared=True)
LISTENER = Kind(api_version="skupper.io/v2alpha1", kind="Listener", timeout="2m", shared=True)
SECRET_STORE = Kind(
    api_version="external-secrets.io/v1", kind="SecretStore", wait_for=("condition=Ready",), timeout="2m"
)
# Only looked at: one for all namespaces is the platform's.
CLUSTER_SECRET_STORE = Kind(api_version="external-secrets.io/v1", kind="ClusterSecretStore")
# Not awaited: External Secrets reports only a generic condition; the claim reads the events and says what is wrong.
EXTERNAL_SECRET = Kind(api_version="external-secrets.io/v1", kind="ExternalSecret", timeout="2m")
# For those whose Secret must exist before it is used, and who have no voice of their own.
AWAITED_EXTERNAL_SECRET = dataclasses.replace(EXTERNAL_SECRET, wait_for=("condition=Ready",))
OBJECT_STORE = Kind(api_version="barmancloud.cnpg.io/v1", kind="ObjectStore", timeout="2m")
# Not to be confused with CloudNativePG's Subscription: the token has the whole group. Not awaited: OLM's status does
# not say which spec it is about, and a Job reads it with the words that a person needs (components/operators).
OLM_SUBSCRIPTION = Kind(api_version="operators.coreos.com/v1alpha1", kind="Subscription", timeout="2m")
OPERATOR_GROUP = Kind(api_version="operators.coreos.com/v1", kind="OperatorGroup", timeout="2m")
# Red Hat's operator runs External Secrets only where this one object of the cluster asks for it.
EXTERNAL_SECRETS_CONFIG = Kind(
    api_version="operator.openshift.io/v1alpha1",
    kind="ExternalSecretsConfig",
    wait_for=("condition=Ready",),
    timeout="5m",
)
# A helm operator's object has no Ready (skupper:scripts/skupper-network-observer-operator-generator.sh).
NETWORK_OBSERVER = Kind(
    api_version="observability.skupper.io/v2alpha1",
    kind="NetworkObserver",
    wait_for=("condition=Deployed",),
    timeout="5m",
    shared=True,
)
ROUTE = Kind(api_version="route.openshift.io/v1", kind="Route")
POD_MONITOR = Kind(api_version="monitoring.coreos.com/v1", kind="PodMonitor", timeout="2m")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresOperator:
    """CloudNativePG or EDB's build of it: the same kinds, under an API group and metadata keys of its own."""

    group: str
    metadata_prefix: str

    def kind(self, kind: str, *wait_for: str, timeout: str = "2m") -> Kind:
        """A kind of this operator's group."""
        return Kind(api_version=f"{self.group}/v1", kind=kind, wait_for=wait_for, timeout=timeout)

    @property
    def cluster(self) -> Kind:
        """A PostgreSQL cluster; Ready means that every instance answers."""
        return self.kind("Cluster", "condition=Ready", timeout="10m")

    @property
    def publication(self) -> Kind:
        """A publication; it has no conditions."""
        return self.kind("Publication", "jsonpath={.status.applied}=true")

    @property
    def subscription(self) -> Kind:
        """A subscription; applied says that CREATE SUBSCRIPTION succeeded once, not that rows flow."""
        return self.kind("Subscription", "jsonpath={.status.applied}=true")

    @property
    def scheduled_backup(self) -> Kind:
        """The times of a cluster's backups."""
        return self.kind("ScheduledBackup")

    @property
    def pooler(self) -> Kind:
        """PgBouncer before a cluster."""
        return self.kind("Pooler")


POSTGRES_OPERATORS = {
    "edb": PostgresOperator(group="postgresql.k8s.enterprisedb.io", metadata_prefix="k8s.enterprisedb.io"),
    "community": PostgresOperator(group="postgresql.cnpg.io", metadata_prefix="cnpg.io"),
}


def gate(wait_for: Sequence[str], annotations: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Value of the annotation `pulumi.com/waitFor`: what is waited for, on an object with the other annotations.

    The provider tells an object from an older copy in its cache by the generation, and an annotation alone makes no new
    one: it would end the wait with the old copy, keep that in the state, and see a difference in the next run
    (pulumi-kubernetes:provider/pkg/await/condition/observer.go). No value may contain `=`.
    """
    carried = [
        pulumi.Output.format("jsonpath={{.metadata.annotations['{}']}}={}", key, value)
        for key, value in annotations.items()
    ]
    return pulumi.Output.json_dumps([*wait_for, *carried])


class KubernetesObject(pulumi.CustomResource):
    """An object, with what the API server adds to it as outputs (unknown until it exists)."""

    metadata: pulumi.Output[dict[str, Any]]
    data: pulumi.Output[dict[str, str]]
    status: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        name: str,
        kind: Kind,
        *,
        metadata: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        timeout: str = "",
        **fields: Any,
    ) -> None:
        """Register the object and wait as its kind says.

        Args:
            name: logical name.
            kind: which of the kinds above.
            metadata: Kubernetes metadata; `name`, and `namespace` where there is one, are always explicit.
            opts: from `Component.child`.
            timeout: instead of the kind's own, a Go duration such as `90s`.
            fields: the rest of the manifest, such as `spec`, in camelCase as Kubernetes has it.
        """
        common = common_metadata(opts)
        if kind.shared and (others := among_others(opts)):
            metadata = {**metadata, "annotations": {**metadata.get("annotations", {}), **others.annotations}}
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=others.creating))
        if kind.wait_for:
            given = {**metadata.get("annotations", {}), **common.mark()}
            metadata = {**metadata, "annotations": {**given, "pulumi.com/waitFor": gate(kind.wait_for, given)}}
        if "spec" in fields:
            fields["spec"] = common.on_what_it_makes(kind.kind, fields["spec"])
        metadata = common.on(metadata)
        hidden = {field: pulumi.Output.secret(fields[field]) for field in kind.secret if field in fields}
        manifest = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields, **hidden}
        limit = timeout or kind.timeout
        opts = pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit) if limit else None,
                additional_secret_outputs=list(kind.secret) or None,
            ),
        )
        super().__init__(kind.token, name, {**_OUTPUTS, **manifest}, opts)


class ExistingObject(pulumi.CustomResource):
    """An object that somebody else made, read anew in every preview and `up`."""

    metadata: pulumi.Output[dict[str, Any]]
    data: pulumi.Output[dict[str, str]]
    spec: pulumi.Output[dict[str, Any]]
    status: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, kind: Kind, *, object_id: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """Read the object; a missing one fails the run with `resource '<namespace>/<name>' does not exist`.

        Args:
            name: logical name.
            kind: which of the kinds above.
            object_id: `<namespace>/<name>`; unknown as long as the object need not exist yet.
            opts: from `Component.child`.
        """
        # All stay None: only then does pulumi-kubernetes take name and namespace from the id (its provider.go, Read).
        properties = {**_OUTPUTS, **dict.fromkeys(("apiVersion", "kind", "metadata"))}
        super().__init__(
            kind.token, name, properties, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=object_id))
        )


# What a manifest need not have and the object has: named without a value, each becomes an output.
_OUTPUTS = dict.fromkeys(("data", "spec", "status"))
