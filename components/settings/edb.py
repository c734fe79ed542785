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
    """On the primary: certificate of the authority that signs both clusters' certificates, for `verify-full`."""
    key: Annotated[SecretStr, checked(edb_formats.ec_key)] = SecretStr("")
    """On the primary: its EC key, a secret, in SEC1 form."""


class Pooler(Section):
    """`rhsi:edb.pooler`, PgBouncer for applications."""

    instances: Count = 0
    """How many instances of PgBouncer; none means no pooler."""
    mode: Literal["session", "transaction"] = "transaction"
    """How long a client keeps its server connection."""


class Registry(Section):
    """`rhsi:edb.registry`, where EDB's images come from; the token is a secret of the primary's stack."""

    server: Annotated[str, Field(min_length=1), checked(edb_formats.registry)] = "docker.enterprisedb.com"
    """The registry of EDB's images."""
    repository: GivenText = "k8s"
    """The repository in it."""
    user: GivenText = "k8s"
    """The user that the token belongs to."""
    token: Annotated[SecretStr, checked(formats.text)] = SecretStr("")
    """On the primary: EDB's token, a secret; standbys read it from Vault. Default: required with EDB's operator."""
    manage_token: bool = True
    """On the primary: whether this stack writes the token to Vault (`edb-repos2`)."""


class Edb(Section):
    """`rhsi:edb`."""

    enabled: bool = False
    """Whether the site has a cluster of the replicated databases; all keys here on both stacks, unless they say
    otherwise."""
    operator: Literal["edb", "community"] = "edb"
    """Whose operator runs: `edb` (EDB Postgres AI for CloudNativePG), or `community` (CloudNativePG)."""
    namespace: Namespace = "db"
    """Namespace of the cluster, apart from Skupper's; stays what it was at the first `up`."""
    create_namespace: bool = True
    """Whether that namespace is this stack's; stays what it was, likewise."""
    peer: Annotated[str, checked(formats.kubernetes_name)] = ""
    """The site that the databases replicate with: always two, the primary and one standby. Default: the only standby;
    the primary's stack."""
    peer_namespace: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Namespace of Skupper's site over there; it is part of the name in the certificates. Default:
    `cluster.namespace`."""
    database: Annotated[str, Field(min_length=1), checked(edb_formats.database)] = "app"
    """The database, with the owner `app`."""
    image: Annotated[str, checked(edb_formats.postgres_image)] = ""
    """Image of the instances; its tag begins with PostgreSQL's version, 16, 17 or 18. Default: PostgreSQL 16 of the
    operator's vendor."""
    tls: Literal["require", "verify-full"] = "require"
    """`verify-full` checks the other side's certificate as well; it needs `ca` on the primary."""
    ca: Authority = Authority()
    instances: Positive = 1
    """Instances of the cluster."""
    synchronous_replicas: Count = 0
    """How many replicas must confirm a commit."""
    size: Quantity = "10Gi"
    """Volume of each instance."""
    storage_class: Text = ""
    """StorageClass of the volumes. Default: the cluster's."""
    resources: Resources = Resources()
    parameters: dict[Annotated[str, checked(edb_formats.parameter)], Text] = Field(default_factory=dict)
    """PostgreSQL's parameters, besides those that the operator sets."""
    pg_hba: list[Annotated[str, Field(min_length=1), checked(edb_formats.host_based_access)]] = Field(
        default_factory=list
    )
    """More lines of pg_hba.conf, in their order, after those of the replication and before the operator's last one,
    which lets everybody in who has a password. Of several that match a connection the first decides."""
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
    """Whether there is a PodMonitor for Prometheus' operator."""
    pooler: Pooler = Pooler()
    backup: Backup = Backup()
    recovery: Recovery = Recovery()
    registry: Registry = Registry()
    passwords: dict[Name, Password] = Field(default_factory=dict)
    """On the primary: given passwords by Secret, such as `edb-site-b-app`. Default: random."""
    password_rotation: Rotation = 1
    """On the primary: an integer that only grows; a new one takes new passwords."""
    publish: Publish = Publish()
    """What this site writes and its peer reads. Both sites name theirs, or neither does: then each has a table of the
    demonstration."""
    init_sql: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """SQL statements that make schemas and tables, of both sites, as superuser at the first boot of the cluster and
    never again; what they make belongs to the user `app` afterwards. A cluster that stands already gets its tables by
    hand, or from the application."""
    init_sql_from: list[SqlSource] = Field(default_factory=list)
    """More such SQL, in ConfigMaps and Secrets of the databases' namespace: Secrets run before `initSql`, ConfigMaps
    after it."""
    refresh: Counter = 0
    """Another number makes this site ask its peer again which tables there are: after tables were made in a schema that
    the peer publishes."""
    subscribe: bool = True
    """Whether to take the peer's rows."""
    reclaim_policy: Literal["delete", "retain"] = "delete"
    """What becomes of the slot on the peer when the subscription goes."""
    smoke_test: bool = False
    """Whether `up` proves the replication by a Job, which leaves nothing behind."""

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
