"""`rhsi:edb`: the replicated databases of CloudNativePG or of EDB's build of it, one cluster on each of two sites."""

import base64
import binascii
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from components.edb.names import (
    NAME_LIMIT,
    PULL_SECRET,
    app_secret,
    cluster_name,
    replicator_secret,
    subscription_name,
    superuser_secret,
)
from components.settings import formats
from components.settings.backup import Backup, Recovery, backup_mistakes
from components.settings.mistakes import Mistake
from components.settings.section import (
    Count,
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
from components.settings.site import OWN_DEFAULT, Cluster

# The longest name that the operator takes for a Cluster (cluster_webhook.go).
CLUSTER_NAME_LIMIT = 50
COMMUNITY_IMAGE = "ghcr.io/cloudnative-pg/postgresql:16.13-standard-trixie"
EDB_TAG = "16.10-standard-ubi9"

_SQL_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# PostgreSQL's own databases, and what means something else in pg_hba.conf.
_RESERVED_DATABASES = frozenset({"postgres", "template0", "template1", "all", "sameuser", "samerole", "replication"})
_POSTGRES_16 = re.compile(r".*:16([^0-9:@/][^:@/]*)?(@sha256:[0-9a-f]{64})?", re.ASCII)
# What the operator sets itself and refuses or ignores (cloudnative-pg:pkg/postgres/configuration.go).
_OPERATORS_PARAMETERS = re.compile(
    r"archive_.*|bonjour.*|cluster_name|config_file|data_directory|data_sync_retry|full_page_writes|hba_file|hot_standby"
    r"|ident_file|listen_addresses|log_(destination|directory|file.*|rotation_.*|truncate_.*)|logging_collector|port"
    r"|primary_.*|recovery_.*|restart_after_crash|restore_command|shared_preload_libraries|ssl.*"
    r"|synchronous_standby_names|syslog_.*|unix_socket_.*|wal_level|wal_log_hints"
)
_EC_KEY = re.compile(r"-----BEGIN EC PRIVATE KEY-----\s(?P<body>[A-Za-z0-9+/=\s]+)-----END EC PRIVATE KEY-----\s*")
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def _database(text: str) -> str | None:
    """Name of a database that needs no quotes anywhere."""
    if not _SQL_NAME.fullmatch(text):
        return "write 1 to 63 lower-case letters, digits and underscores, not beginning with a digit"
    return f"'{text}' means something else to PostgreSQL; choose another name" if text in _RESERVED_DATABASES else None


def _postgres_16_image(text: str) -> str | None:
    """An image of PostgreSQL 16: the operator reads the version from the tag."""
    if _POSTGRES_16.fullmatch(text):
        return None
    return "the operator reads PostgreSQL's version from the tag, so it must begin with 16, such as postgresql:16.10"


def _parameter(text: str) -> str | None:
    """Name of a PostgreSQL parameter that is the user's to set."""
    if _OPERATORS_PARAMETERS.fullmatch(text):
        return "the operator sets this parameter itself; leave it out"
    return None if _SQL_NAME.fullmatch(text.replace(".", "_")) else "it is no name of a PostgreSQL parameter"


def _ec_key(text: str) -> str | None:
    """An EC key in SEC1 form, the only one that the operator takes for an authority (cloudnative-pg:pkg/certs)."""
    match = _EC_KEY.fullmatch(text)
    try:
        if match and base64.b64decode("".join(match["body"].split()), validate=True):
            return None
    except binascii.Error:
        pass
    return (
        "the operator takes an EC key in SEC1 form only (BEGIN EC PRIVATE KEY), no RSA, no PKCS#8; convert one by "
        "`openssl ec -in ca.key`, or make one with `openssl ecparam -name prime256v1 -genkey -noout`"
    )


def _registry(text: str) -> str | None:
    """A registry's host, perhaps with a port."""
    return None if _REGISTRY.fullmatch(text) else "write the registry's host only, such as docker.enterprisedb.com"


class Authority(Section):
    """`rhsi:edb.ca`, on the primary: who signs the certificates of both clusters; the key is a secret."""

    certificate: Pem = ""
    key: Annotated[SecretStr, checked(_ec_key)] = SecretStr("")


class Pooler(Section):
    """`rhsi:edb.pooler`, PgBouncer for applications."""

    instances: Count = 0
    mode: Literal["session", "transaction"] = "transaction"


class Registry(Section):
    """`rhsi:edb.registry`, where EDB's images come from; the token is a secret of the primary's stack."""

    server: Annotated[str, Field(min_length=1), checked(_registry)] = "docker.enterprisedb.com"
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
    database: Annotated[str, Field(min_length=1), checked(_database)] = "app"
    image: Annotated[str, checked(_postgres_16_image)] = ""
    tls: Literal["require", "verify-full"] = "require"
    ca: Authority = Authority()
    instances: Positive = 1
    synchronous_replicas: Count = 0
    size: Quantity = "10Gi"
    storage_class: Text = ""
    resources: Resources = Resources()
    parameters: dict[Annotated[str, checked(_parameter)], Text] = Field(default_factory=dict)
    monitoring: bool = False
    pooler: Pooler = Pooler()
    backup: Backup = Backup()
    recovery: Recovery = Recovery()
    registry: Registry = Registry()
    passwords: dict[Name, Password] = Field(default_factory=dict)
    password_rotation: Rotation = 1
    subscribe: bool = True
    reclaim_policy: Literal["delete", "retain"] = "delete"
    smoke_test: bool = False

    @property
    def postgres_image(self) -> str:
        """The image of the instances."""
        default = f"{self.registry.server}/{self.registry.repository}/postgresql:{EDB_TAG}"
        return self.image or {"edb": default, "community": COMMUNITY_IMAGE}[self.operator]

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


def edb_mistakes(raw: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    edb = section(raw, "edb")
    if "edb" not in secret_keys:
        yield from _in_plain_text(edb)
    if edb and "enabled" not in edb:
        yield Mistake.of("edb.enabled", None, "write true for the databases, or false to keep the section without them")
    if edb.get("enabled") is not True:
        return
    role, site, standbys = str(raw.get("role")), str(raw["site"]), section(raw, "standbys")
    peer = likely_peer(raw)
    shared = section(raw, "cluster").get("namespace", Cluster.model_fields["namespace"].default)
    if edb.get("namespace", Edb.model_fields["namespace"].default) == shared:
        fix = "the databases need a namespace apart from Skupper's; write for example db"
        yield Mistake.of("edb.namespace", shared, fix)
    if role == "primary" and peer not in standbys:
        known = ", ".join(standbys) or "none yet"
        fix = f"the databases replicate with exactly one standby; name it, rhsi:standbys has {known}"
        yield Mistake.of("edb.peer", edb.get("peer"), fix)
    if edb.get("namespace") == "default" and edb.get("createNamespace") is not False:
        yield Mistake.of("edb.namespace", "default", OWN_DEFAULT)
    yield from _of_names(site, peer)
    yield from _of_options(edb)
    yield from (_of_primary((site, peer), edb) if role == "primary" else _of_standby(edb))


def _in_plain_text(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    given = {f"passwords.{secret}": word for secret, word in section(edb, "passwords").items()}
    given |= {"ca.key": section(edb, "ca").get("key"), "registry.token": section(edb, "registry").get("token")}
    for key in (key for key, value in given.items() if value):
        fix = f"it is in plain text; set it with `pulumi config set --secret --path 'rhsi:edb.{key}'`"
        yield Mistake(f"edb.{key}", "", fix, secret=True)


def _of_names(site: str, peer: str) -> Iterator[Mistake]:
    if peer == site:
        yield Mistake.of("edb.peer", peer, "a site cannot replicate with itself; name the other one")
    for key, name in (("site", site), ("edb.peer", peer)):
        # The Services and Connectors of a cluster have names that are no longer.
        if len(cluster_name(name)) > CLUSTER_NAME_LIMIT:
            fix = (
                f"the operator takes {CLUSTER_NAME_LIMIT} characters for {cluster_name(name)}; shorten the site's name"
            )
            yield Mistake.of(key, name, fix)
    if len(name := subscription_name(site, peer)) > NAME_LIMIT:
        fix = f"PostgreSQL takes {NAME_LIMIT} characters for the subscription {name}; shorten the names of the sites"
        yield Mistake.of("edb.peer", peer, fix)


def _of_options(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    instances, synchronous = edb.get("instances", 1), edb.get("synchronousReplicas", 0)
    if isinstance(instances, int) and isinstance(synchronous, int) and synchronous >= max(instances, 1):
        fix = f"of {instances} instances only {instances - 1} can confirm; raise rhsi:edb.instances or lower this"
        yield Mistake.of("edb.synchronousReplicas", synchronous, fix)
    yield from backup_mistakes(edb, "edb")


def _of_primary(sites: tuple[str, str], edb: Mapping[str, Any]) -> Iterator[Mistake]:
    strict, authority = edb.get("tls") == "verify-full", section(edb, "ca")
    for key in ("certificate", "key"):
        if strict and not authority.get(key):
            fix = "verify-full needs the authority that signs both clusters' certificates; set its PEM"
            yield Mistake.of(f"edb.ca.{key}", None, fix)
    if authority and not strict:
        fix = "an authority is of use with verify-full only; set that, or remove rhsi:edb.ca"
        yield Mistake.of("edb.tls", edb.get("tls"), fix)
    if edb.get("operator", "edb") == "edb" and not section(edb, "registry").get("token"):
        fix = "set EDB's token with `pulumi config set --secret --path 'rhsi:edb.registry.token'`"
        yield Mistake.of("edb.registry.token", None, fix)
    known = [secret(site) for site in sites for secret in (superuser_secret, app_secret, replicator_secret)]
    fix = f"there is no such Secret; they are {', '.join(known)}"
    for unknown in section(edb, "passwords").keys() - known:
        yield Mistake(f"edb.passwords.{unknown}", "", fix, secret=True)


def _of_standby(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    fix = "the primary's stack has it and passes it on through Vault; remove it here"
    for key in ("ca", "passwords", "passwordRotation"):
        if edb.get(key):
            yield Mistake(f"edb.{key}", edb[key], fix, secret=key != "passwordRotation")
    if section(edb, "registry").get("token"):
        yield Mistake("edb.registry.token", "", fix, secret=True)
