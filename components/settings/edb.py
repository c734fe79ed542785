"""`rhsi:edb`: the replicated databases of CloudNativePG or of EDB's build of it, one cluster on each of two sites."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from components.edb.names import PULL_SECRET
from components.settings import edb_formats, formats
from components.settings.backup import Backup, Recovery
from components.settings.edb_placement import Affinity, TopologySpread
from components.settings.publish import Publish, SqlSource
from components.settings.section import (
    Count,
    Counter,
    GivenText,
    Name,
    Namespace,
    Password,
    Pem,
    Positive,
    Quantity,
    Resources,
    Rotation,
    Section,
    Text,
    checked,
    section,
)

COMMUNITY_IMAGE = "ghcr.io/cloudnative-pg/postgresql:16.13-standard-trixie"
EDB_TAG = "16.10-standard-ubi9"


class Authority(Section):
    """`rhsi:edb.ca`, on the primary: who signs the certificates of both clusters; the key is a secret."""

    certificate: Pem = ""
    """PEM of the authority, with `tls: verify-full`."""
    key: Annotated[SecretStr, checked(edb_formats.ec_key)] = SecretStr("")
    """Its key, an EC key in SEC1 form. Long-lived: nobody renews it."""


class Pooler(Section):
    """`rhsi:edb.pooler`, PgBouncer for applications."""

    instances: Count = 0
    """How many PgBouncers; without any there is no pooler. Its Service is `edb-<site>-pooler`."""
    mode: Literal["session", "transaction"] = "transaction"
    """When a connection to the server is given to the next client."""


class Registry(Section):
    """`rhsi:edb.registry`, where EDB's images come from; the token is a secret of the primary's stack."""

    server: Annotated[str, Field(min_length=1), checked(edb_formats.registry)] = "docker.enterprisedb.com"
    """The registry's host, which the image comes from and the pull secret is for."""
    repository: GivenText = "k8s"
    """The repository there; older subscriptions have `k8s_enterprise` or `k8s_standard`."""
    user: GivenText = "k8s"
    """Who logs in."""
    token: Annotated[SecretStr, checked(formats.text)] = SecretStr("")
    """EDB's token. The standby takes it out of Vault."""
    manage_token: bool = True
    """Whether this stack writes the token into Vault; false where an administrator does."""


class Edb(Section):
    """`rhsi:edb`."""

    enabled: bool = False
    """Whether this site has replicated databases; on both sites."""
    operator: Literal["edb", "community"] = "edb"
    """Whose operator is installed: EDB's, whose images need a token, or CloudNativePG's, whose images are free."""
    namespace: Namespace = "db"
    """Namespace of the databases, apart from Skupper's."""
    create_namespace: bool = True
    """Whether this stack makes that namespace; write false if it exists."""
    peer: Annotated[str, checked(formats.kubernetes_name)] = ""
    """The site at the other end. Default: the only standby; on a standby the last part of `primaryStack`."""
    peer_namespace: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Namespace of Skupper's site at the other end, part of the name by which the peer reaches this database. Default:
    `cluster.namespace`."""
    database: Annotated[str, Field(min_length=1), checked(edb_formats.database)] = "app"
    """The replicated database, of the same name on both sites."""
    image: Annotated[str, checked(edb_formats.postgres_image)] = ""
    """Image of the instances, PostgreSQL 16, 17 or 18; the tag must begin with the version. Another major version:
    docs/databases/replicated.md. Default: PostgreSQL 16 of the `operator`."""
    tls: Literal["require", "verify-full"] = "require"
    """How the sites trust each other inside of the link's own TLS; `verify-full` needs `ca` on the primary. The same on
    both sites."""
    ca: Authority = Authority()
    instances: Positive = 1
    """How many servers the cluster has; all but one are replicas."""
    synchronous_replicas: Count = 0
    """How many replicas must confirm a commit; fewer than there are replicas."""
    size: Quantity = "10Gi"
    """Size of each instance's volume; it can only grow."""
    storage_class: Text = ""
    """StorageClass of the volumes; empty for the cluster's default."""
    resources: Resources = Resources()
    parameters: dict[Annotated[str, checked(edb_formats.parameter)], Text] = Field(default_factory=dict)
    """Parameters of PostgreSQL, as text; not those that the operator sets itself."""
    pg_hba: list[Annotated[str, Field(min_length=1), checked(edb_formats.host_based_access)]] = Field(
        default_factory=list
    )
    """More lines of pg_hba.conf, in their order. They come after those of the replication and before the operator's
    last one, which lets everybody in who has a password. The first line that matches a connection decides."""
    affinity: Affinity = Affinity()
    """On which nodes the instances run, and whether two may share one."""
    topology_spread: list[TopologySpread] = Field(default_factory=list)
    """How evenly the instances are spread over zones or nodes."""
    superuser_access: bool = True
    """Whether `postgres` has a password, which is in the Secret `edb-<site>-superuser`. Without it the superuser gets
    in from within the pod only."""
    disruption_budget: bool | None = None
    """Whether a PodDisruptionBudget keeps instances from being evicted. By default there is one from two instances on:
    that of a single instance blocks every drain of its node."""
    monitoring: bool = False
    """Whether a PodMonitor lets Prometheus' operator scrape instances and pooler."""
    pooler: Pooler = Pooler()
    backup: Backup = Backup()
    recovery: Recovery = Recovery()
    registry: Registry = Registry()
    passwords: dict[Name, Password] = Field(default_factory=dict)
    """Passwords that are given instead of drawn, by Secret, on the primary for both sites."""
    password_rotation: Rotation = 1
    """One more means new passwords on both sites, after a `pulumi up` of each."""
    publish: Publish = Publish()
    """What this site writes and its peer reads. Both sites name theirs, or neither does: then each has a table of the
    demonstration."""
    init_sql: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """SQL statements that make schemas and tables, of both sites, as superuser at the first boot of the cluster and
    never again; what they make belongs to the user `app` afterwards. A cluster that stands already gets its tables by
    hand, or from the application."""
    init_sql_from: list[SqlSource] = Field(default_factory=list)
    """More such SQL, in ConfigMaps and Secrets that are in the databases' namespace before the cluster boots, so only
    with `createNamespace: false`: Secrets run before `initSql`, ConfigMaps after it."""
    refresh: Counter = 0
    """Another number makes this site ask its peer again which tables there are: after tables were made in a schema that
    the peer publishes."""
    subscribe: bool = True
    """Whether this site takes what its peer publishes. Turning it off drops its slot over there."""
    reclaim_policy: Literal["delete", "retain"] = "delete"
    """What happens to the subscription in PostgreSQL when its object goes: `delete` drops it and its slot, and needs
    the peer; `retain` leaves both."""
    smoke_test: bool = False
    """Whether the standby's stack proves that rows flow both ways, at its first `up`, at every new link and when the
    tables change. Set it on both sites, because the test needs the login of the other one's application."""

    @property
    def postgres_image(self) -> str:
        """The image of the instances."""
        default = f"{self.registry.server}/{self.registry.repository}/postgresql:{EDB_TAG}"
        return self.image or {"edb": default, "community": COMMUNITY_IMAGE}[self.operator]

    @property
    def major_version(self) -> str:
        """PostgreSQL's major version."""
        return edb_formats.major_version(self.postgres_image)

    @property
    def pull_secret(self) -> str:
        """The Secret that the image's registry asks for; the community's images are free."""
        return PULL_SECRET if self.operator == "edb" else ""


def peer_site(role: str, peer: str, standbys: Collection[str], primary_stack: str) -> str:
    """The site at the other end; empty where that is not clear.

    By default the only standby, and on a standby the primary's, whose stack is named after it unless somebody named it
    otherwise; then the run tells.
    """
    if peer:
        return peer
    if role == "standby":
        return primary_stack.rsplit("/", 1)[-1]
    return next(iter(standbys)) if len(standbys) == 1 else ""


def likely_peer(raw: Mapping[str, Any]) -> str:
    """As `peer_site`, of unchecked settings, whether the databases are on or not."""
    peer = str(section(raw, "edb").get("peer") or "")
    return peer_site(str(raw.get("role")), peer, section(raw, "standbys"), str(raw.get("primaryStack") or ""))
