"""The one place that knows the custom kinds: apiVersion, kind, when an object is ready, and how long that may take.

pulumi-kubernetes' generic `CustomResource` offers no readable status (pulumi-kubernetes#1836), so `CustomObject`
registers the same type token with a `status` property. It owns the waiting; what a status means is up to the component
that asked for it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomKind:
    """A custom kind and its gate.

    `wait_for` holds pulumi-kubernetes wait expressions that must hold at once; empty means that nobody waits. Skupper
    keeps observedGeneration on conditions only, so a `condition=` always accompanies a `jsonpath=`, which alone would
    pass on a stale status. `timeout` (Go duration) bounds creation and update; deletion gets the same time.
    `secret_status` keeps the whole status encrypted in the state and hidden on every display.
    """

    api_version: str
    kind: str
    wait_for: tuple[str, ...] = ()
    timeout: str = "2m"
    secret_status: bool = False

    @property
    def token(self) -> str:
        """The Pulumi type, `kubernetes:<group>/<version>:<Kind>`."""
        return f"kubernetes:{self.api_version}:{self.kind}"


SITE = CustomKind(api_version="skupper.io/v2alpha1", kind="Site", wait_for=("condition=Ready",), timeout="3m")
ACCESS_GRANT = CustomKind(
    api_version="skupper.io/v2alpha1",
    kind="AccessGrant",
    wait_for=("condition=Ready", "jsonpath={.status.code}", "jsonpath={.status.url}", "jsonpath={.status.ca}"),
    secret_status=True,
)
LINK = CustomKind(api_version="skupper.io/v2alpha1", kind="Link")
# Not awaited: both are Pending with "No matching ..." until the other side is there, on another stack's next `up`.
CONNECTOR = CustomKind(api_version="skupper.io/v2alpha1", kind="Connector")
LISTENER = CustomKind(api_version="skupper.io/v2alpha1", kind="Listener")
SECRET_STORE = CustomKind(api_version="external-secrets.io/v1", kind="SecretStore", wait_for=("condition=Ready",))
# Not awaited: External Secrets reports only a generic condition; the claim reads the events and says what is wrong.
EXTERNAL_SECRET = CustomKind(api_version="external-secrets.io/v1", kind="ExternalSecret")
# For those whose Secret must exist before it is used, and who have no voice of their own.
AWAITED_EXTERNAL_SECRET = dataclasses.replace(EXTERNAL_SECRET, wait_for=("condition=Ready",))
OBJECT_STORE = CustomKind(api_version="barmancloud.cnpg.io/v1", kind="ObjectStore")
POD_MONITOR = CustomKind(api_version="monitoring.coreos.com/v1", kind="PodMonitor")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresOperator:
    """CloudNativePG or EDB's build of it: the same kinds, under an API group and metadata keys of its own."""

    group: str
    metadata_prefix: str

    def kind(self, kind: str, *wait_for: str, timeout: str = "2m") -> CustomKind:
        """A kind of this operator's group."""
        return CustomKind(api_version=f"{self.group}/v1", kind=kind, wait_for=wait_for, timeout=timeout)

    @property
    def cluster(self) -> CustomKind:
        """A PostgreSQL cluster; Ready means that every instance answers."""
        return self.kind("Cluster", "condition=Ready", timeout="10m")

    @property
    def publication(self) -> CustomKind:
        """A publication; it has no conditions."""
        return self.kind("Publication", "jsonpath={.status.applied}=true")

    @property
    def subscription(self) -> CustomKind:
        """A subscription; applied says that CREATE SUBSCRIPTION succeeded once, not that rows flow."""
        return self.kind("Subscription", "jsonpath={.status.applied}=true")

    @property
    def scheduled_backup(self) -> CustomKind:
        """The times of a cluster's backups."""
        return self.kind("ScheduledBackup")

    @property
    def pooler(self) -> CustomKind:
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


class CustomObject(pulumi.CustomResource):
    """An object of a custom kind, with its status as an output (unknown until it exists)."""

    status: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        name: str,
        kind: CustomKind,
        *,
        metadata: Mapping[str, Any],
        spec: pulumi.Input[Mapping[str, Any]],
        opts: pulumi.ResourceOptions,
        timeout: str | None = None,
    ) -> None:
        """Register the object and wait as its kind says.

        Args:
            name: logical name.
            kind: which of the kinds above.
            metadata: Kubernetes metadata; `name` and `namespace` are always explicit.
            spec: Kubernetes spec, in camelCase.
            opts: from `Component.child`.
            timeout: instead of the kind's own, a Go duration such as `90s`.
        """
        if kind.wait_for:
            given = metadata.get("annotations", {})
            metadata = {**metadata, "annotations": {**given, "pulumi.com/waitFor": gate(kind.wait_for, given)}}
        limit = timeout or kind.timeout
        properties = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": metadata,
            "spec": spec,
            "status": None,
        }
        opts = pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit),
                additional_secret_outputs=["status"] if kind.secret_status else None,
            ),
        )
        super().__init__(kind.token, name, properties, opts)


class ExistingObject(pulumi.CustomResource):
    """An object of a custom kind that somebody else made, read anew in every preview and `up`."""

    status: pulumi.Output[dict[str, Any]]

    def __init__(
        self, name: str, kind: CustomKind, *, object_id: pulumi.Output[str], opts: pulumi.ResourceOptions
    ) -> None:
        """Read the object; a missing one fails the run with `resource '<namespace>/<name>' does not exist`.

        Args:
            name: logical name.
            kind: which of the kinds above.
            object_id: `<namespace>/<name>`; unknown as long as the object need not exist yet.
            opts: from `Component.child`.
        """
        # All stay None: only then does pulumi-kubernetes take name and namespace from the id (its provider.go, Read).
        properties = dict.fromkeys(("apiVersion", "kind", "metadata", "spec", "status"))
        super().__init__(
            kind.token, name, properties, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=object_id))
        )
