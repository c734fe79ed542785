"""The packages that this program knows: what each is called where, and what it brings.

Source: skupper:scripts/skupper-operator-bundle-generator.sh and skupper-network-observer-operator-generator.sh;
openshift/external-secrets-operator:bundle; the certified-operators repository; Red Hat's and EDB's documentation. Red
Hat's External Secrets is the one that serves `external-secrets.io/v1`: the community's package ends at 0.11, before
that version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.custom_resource import POSTGRES_OPERATORS


@dataclass(frozen=True, kw_only=True)
class Package:
    """An operator as catalogues have it.

    Attributes:
        name: of the package, and of its Subscription.
        title: what people call it, for messages.
        channel: the package's own default, or what its documentation names.
        source: the CatalogSource that has it on OpenShift.
        community: whether the community's catalogue for other clusters has it too, and it serves what is needed.
        own_namespace: where its documentation puts it; empty for the namespace that all global operators share.
        csv_names: what its ClusterServiceVersions are called, before `.v<version>`.
        kinds: what has to be served, as `<plural>.<group>/<version>`.
        environment: variables of its pods.
        without_olm: what installs it on a cluster without OLM.
    """

    name: str
    title: str
    channel: str
    source: str
    community: bool
    own_namespace: str
    csv_names: tuple[str, ...]
    kinds: tuple[str, ...]
    without_olm: str
    environment: Mapping[str, str] = field(default_factory=dict)


def _kinds(group_version: str, *plurals: str) -> tuple[str, ...]:
    group, version = group_version.split("/")
    return tuple(f"{plural}.{group}/{version}" for plural in plurals)


_DATABASE_KINDS = ("clusters", "publications", "subscriptions", "scheduledbackups", "poolers")

SKUPPER = Package(
    name="skupper-operator",
    title="Skupper",
    channel="stable-2",
    source="redhat-operators",
    community=False,
    own_namespace="",
    csv_names=("skupper-operator",),
    kinds=_kinds(
        "skupper.io/v2alpha1",
        "sites",
        "accessgrants",
        "accesstokens",
        "links",
        "connectors",
        "listeners",
        "routeraccesses",
    ),
    # Its bundle passes the same as flags. Said here as well, a bundle that leaves them out cannot take the grants away.
    environment={"SKUPPER_ENABLE_GRANTS": "true", "SKUPPER_GRANT_SERVER_AUTOCONFIGURE": "true"},
    without_olm="Skupper's Helm chart `skupper` with grants enabled, or its manifest skupper-cluster-scope.yaml",
)
NETWORK_OBSERVER = Package(
    name="skupper-netobs-operator",
    title="Skupper's network observer",
    channel="stable-2",
    source="redhat-operators",
    community=False,
    own_namespace="",
    csv_names=("skupper-netobs-operator",),
    kinds=_kinds("observability.skupper.io/v2alpha1", "networkobservers"),
    without_olm="Skupper's Helm chart `network-observer`, which needs no operator (and no rhsi:networkObserver)",
)
EXTERNAL_SECRETS = Package(
    name="openshift-external-secrets-operator",
    title="External Secrets",
    channel="stable-v1",
    source="redhat-operators",
    community=False,
    own_namespace="external-secrets-operator",
    # 1.0 had the first name, 1.1 and later the second.
    csv_names=("external-secrets-operator", "openshift-external-secrets-operator"),
    kinds=(
        *_kinds("external-secrets.io/v1", "secretstores", "externalsecrets"),
        *_kinds("operator.openshift.io/v1alpha1", "externalsecretsconfigs"),
    ),
    without_olm="the Helm chart `external-secrets` of the project of that name",
)
DATABASES = {
    "edb": Package(
        name="cloud-native-postgresql",
        title="EDB Postgres for Kubernetes",
        channel="fast",
        source="certified-operators",
        community=False,
        own_namespace="postgresql-operator-system",
        csv_names=("cloud-native-postgresql",),
        kinds=_kinds(f"{POSTGRES_OPERATORS['edb'].group}/v1", *_DATABASE_KINDS),
        without_olm="EDB's Helm chart `edb-postgres-for-kubernetes`, or its manifest pg4k-<version>.yaml",
    ),
    "community": Package(
        name="cloudnative-pg",
        title="CloudNativePG",
        channel="stable-v1",
        source="certified-operators",
        community=True,
        own_namespace="cnpg-system",
        csv_names=("cloudnative-pg",),
        kinds=_kinds(f"{POSTGRES_OPERATORS['community'].group}/v1", *_DATABASE_KINDS),
        without_olm="the Helm chart `cloudnative-pg`, or the manifest cnpg-<version>.yaml of its release",
    ),
}


def packages(edb_operator: str) -> dict[str, Package]:
    """The package of each part of `rhsi:operators`; that of the databases is the one that runs them."""
    database = DATABASES.get(edb_operator, DATABASES["edb"])
    return {
        "skupper": SKUPPER,
        "networkObserver": NETWORK_OBSERVER,
        "externalSecrets": EXTERNAL_SECRETS,
        "database": database,
    }


@dataclass(frozen=True, kw_only=True)
class Catalogues:
    """Where OLM keeps what on a kind of cluster.

    Attributes:
        namespace: of the CatalogSources that every namespace may use.
        global_namespace: where operators live that serve all namespaces; it and its OperatorGroup belong to the
            platform.
        community: the CatalogSource for packages whose own one is OpenShift's; empty on OpenShift.
    """

    namespace: str
    global_namespace: str
    community: str


CATALOGUES = {
    "openshift": Catalogues(namespace="openshift-marketplace", global_namespace="openshift-operators", community=""),
    # operator-lifecycle-manager:deploy/chart/values.yaml and
    # templates/0000_50_olm_17-upstream-operators.catalogsource.yaml.
    "kubernetes": Catalogues(namespace="olm", global_namespace="operators", community="operatorhubio-catalog"),
}
