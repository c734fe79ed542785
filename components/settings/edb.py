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
    key: Annotated[SecretStr, checked(edb_formats.ec_key)] = SecretStr("")


class Pooler(Section):
    """`rhsi:edb.pooler`, PgBouncer for applications."""

    instances: Count = 0
    mode: Literal["session", "transaction"] = "transaction"


class Registry(Section):
    """`rhsi:edb.registry`, where EDB's images come from; the token is a secret of the primary's stack."""

    server: Annotated[str, Field(min_length=1), checked(edb_formats.registry)] = "docker.enterprisedb.com"
    repository: GivenText = "k8s"
    user: GivenText = "k8s"
    token: Annotated[SecretStr, checked(formats.text)] = SecretStr("")
    manage_token: bool = True


class Edb(Section):
    """`rhsi:edb`."""

    enabled: bool = False
    operator: Literal["edb", "community"] = "edb"
    namespace: Namespace = "db"
    create_namespace: bool = True
    peer: Annotated[str, checked(formats.kubernetes_name)] = ""
    peer_namespace: Annotated[str, checked(formats.kubernetes_name)] = ""
    database: Annotated[str, Field(min_length=1), checked(edb_formats.database)] = "app"
    image: Annotated[str, checked(edb_formats.postgres_image)] = ""
    tls: Literal["require", "verify-full"] = "require"
    ca: Authority = Authority()
    instances: Positive = 1
    synchronous_replicas: Count = 0
    size: Quantity = "10Gi"
    storage_class: Text = ""
    resources: Resources = Resources()
    parameters: dict[Annotated[str, checked(edb_formats.parameter)], Text] = Field(default_factory=dict)
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
    pooler: Pooler = Pooler()
    backup: Backup = Backup()
    recovery: Recovery = Recovery()
    registry: Registry = Registry()
    passwords: dict[Name, Password] = Field(default_factory=dict)
    password_rotation: Rotation = 1
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
    reclaim_policy: Literal["delete", "retain"] = "delete"
    smoke_test: bool = False

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
