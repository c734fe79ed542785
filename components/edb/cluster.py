"""A PostgreSQL cluster of CloudNativePG or of EDB's build of it, ready to replicate with one peer.

Owns the Cluster and the schema that it boots with; what is off by default is in options.py. Does not own the
Secrets, which must exist before (the operator leaves a missing one out in silence), nor the objects of the replication.
Source of the rules: cloudnative-pg:api/v1/cluster_types.go, internal/webhook/v1/cluster_webhook.go.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.container_resources import ContainerResources
from components.custom_resource import CONFIG_MAP, OBJECT_STORE, POSTGRES_OPERATORS, KubernetesObject
from components.edb.backup import (
    BackupArgs,
    RecoveryArgs,
    account_template,
    archiver_plugins,
    backup_source,
    object_store_spec,
    recovery,
)
from components.edb.external_clusters import peer_clusters
from components.edb.names import (
    CA_SECRET,
    OWNER,
    REPLICATION_ROLE,
    app_secret,
    cluster_name,
    replicator_secret,
    schema_config_map,
    server_names,
    superuser_secret,
)
from components.edb.options import ClusterOptions, ClusterOptionsArgs, PoolerArgs
from components.edb.placement import PlacementArgs, placed, placement_spec
from components.edb.published import Published
from components.edb.schema import init_sql, role_sql, schema_sql, slot_wait_sql
from components.restricted_pod import PodShape

SCHEMA_KEY = "schema.sql"
INIT_KEY = "init.sql"
# The operator's own 5 s for both timeouts would break the stream at every hiccup of the link. The limit on the WAL kept
# for slots saves the volume when the peer stays away; its subscription must then be made again. `wal_level` is logical
# by the operator's default, and older operators refuse to be told.
PARAMETERS = {"wal_sender_timeout": "60s", "wal_receiver_timeout": "60s", "max_slot_wal_keep_size": "4GB"}


@dataclass(frozen=True, kw_only=True)
class InitSqlArgs:
    """SQL of the user's for the first boot: statements, and keys of ConfigMaps and Secrets as pairs of name and key."""

    statements: list[str]
    config_maps: list[tuple[str, str]]
    secrets: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class EdbClusterArgs:
    """A site's cluster.

    Attributes:
        operator: `edb` or `community`.
        site: names the cluster, `edb-<site>`, and what belongs to it.
        peer: the site that it replicates with.
        namespace: of everything here.
        image: PostgreSQL 16 or newer; the tag must begin with the version.
        database: the replicated database.
        published: what the site publishes; empty for its table of the demonstration.
        taken: a text that changes with what the peer publishes, empty for its table of the demonstration.
        init: the SQL of the user's that the cluster boots with.
        host: the name under which the peer reaches this cluster, through every alias of the Service.
        peer_host: the name under which this cluster reaches its peer.
        bounds_slot_wait: whether the peer's subscription gives way where both are made at once; on one site of the two.
        tls: libpq's sslmode towards the peer: `require`, or `verify-full` with the CA in the Secret `edb-ca`.
        pull_secret: Secret for the image, empty for none.
        instances: more than one are streaming replicas, with a disruption budget.
        synchronous_replicas: how many must confirm a commit, fewer than there are replicas.
        size: of the volume, a Kubernetes quantity.
        storage_class: empty for the cluster's default.
        pod: where the instances and PgBouncer run, and what pulls their images.
        pooler_resources: of PgBouncer's container; empty for the operator's own.
        sidecar_resources: of the container with the backups in each instance, and in the Job of a recovery; empty for
            the plugin's own.
        resources: `requests` and `limits` of each instance.
        parameters: of PostgreSQL, besides and above this program's own.
        pg_hba: lines of pg_hba.conf after this program's own.
        placement: on which nodes.
        superuser_access: whether `postgres` has a password.
        disruption_budget: whether there is a PodDisruptionBudget; None for one from two instances on.
        monitoring: whether Prometheus' operator is to scrape the instances.
        pooler: off by default.
        backup: off by default.
        recovery: off by default; instead of an empty database, one from the backups.
        protect: keeps `pulumi destroy` from the Cluster.
        timeout: Go duration until every instance is ready.
    """

    operator: str
    site: str
    peer: str
    namespace: str
    image: str
    database: str
    published: Published
    taken: pulumi.Input[str]
    init: InitSqlArgs
    host: str
    peer_host: str
    bounds_slot_wait: bool
    tls: str
    pull_secret: str
    instances: int
    synchronous_replicas: int
    size: str
    storage_class: str
    pod: PodShape
    pooler_resources: ContainerResources
    sidecar_resources: ContainerResources
    resources: dict[str, dict[str, str]]
    parameters: dict[str, str]
    pg_hba: list[str]
    placement: PlacementArgs
    superuser_access: bool
    disruption_budget: bool | None
    monitoring: bool
    pooler: PoolerArgs
    backup: BackupArgs
    recovery: RecoveryArgs
    protect: bool
    timeout: str


def cluster_spec(args: EdbClusterArgs) -> dict[str, Any]:
    """Spec of the Cluster; optional parts are absent, not empty."""
    spec: dict[str, Any] = {
        "instances": args.instances,
        # The budget of a single instance would block every drain of its node.
        "enablePDB": args.instances > 1 if args.disruption_budget is None else args.disruption_budget,
        # Always explicit: the operator's own default is a newer major version.
        "imageName": args.image,
        "storage": {"size": args.size},
        "enableSuperuserAccess": args.superuser_access,
        "certificates": {"serverAltDNSNames": server_names(args.host)},
        "bootstrap": bootstrap(args),
        "managed": {"roles": [replication_role(args.site)]},
        "postgresql": {
            "parameters": {**PARAMETERS, **args.parameters},
            # Whatever the client's address, it is a Skupper router's: user, database and TLS are all that can be told.
            "pg_hba": [
                f"hostssl {args.database} {REPLICATION_ROLE} all scram-sha-256",
                f"host all {REPLICATION_ROLE} all reject",
                *args.pg_hba,
            ],
        },
        "externalClusters": [
            *peer_clusters(args.peer, args.peer_host, args.database, args.tls, args.taken),
            *backup_source(args.recovery, cluster_name(args.site)),
        ],
    }
    if args.superuser_access:
        spec["superuserSecret"] = {"name": superuser_secret(args.site)}
    if args.tls == "verify-full":
        spec["certificates"]["serverCASecret"] = CA_SECRET
    if args.storage_class:
        spec["storage"]["storageClass"] = args.storage_class
    spec |= placement_spec(args.placement, POSTGRES_OPERATORS[args.operator].metadata_prefix, cluster_name(args.site))
    if args.resources:
        spec["resources"] = args.resources
    if args.synchronous_replicas:
        spec["postgresql"]["synchronous"] = {"method": "any", "number": args.synchronous_replicas}
    if plugins := archiver_plugins(args.backup, cluster_name(args.site)):
        spec["plugins"] = plugins
    if template := account_template(args.backup):
        spec["serviceAccountTemplate"] = template
    return placed(spec, args.pod, args.pull_secret)


def bootstrap(args: EdbClusterArgs) -> dict[str, Any]:
    """The first boot, from nothing or from the backups. It never runs again, whatever changes here later."""
    application = {"database": args.database, "owner": OWNER, "secret": {"name": app_secret(args.site)}}
    if args.recovery.server_name:
        return {"recovery": {**application, **recovery(args.recovery)}}
    maps = [
        *({"name": schema_config_map(args.site), "key": key} for key in ([INIT_KEY] if args.init.statements else [])),
        *({"name": name, "key": key} for name, key in args.init.config_maps),
        {"name": schema_config_map(args.site), "key": SCHEMA_KEY},
    ]
    secrets = [{"name": name, "key": key} for name, key in args.init.secrets]
    return {
        "initdb": {
            **application,
            "dataChecksums": True,
            "postInitSQL": [role_sql(), *([slot_wait_sql()] if args.bounds_slot_wait else [])],
            "postInitApplicationSQLRefs": {**({"secretRefs": secrets} if secrets else {}), "configMapRefs": maps},
        }
    }


def boot_scripts(args: EdbClusterArgs) -> dict[str, str]:
    """The SQL of this program's own ConfigMap, by key.

    The statements of the user's are here too: the operator's own list of them goes through a container's command line,
    where Kubernetes halves every `$$` (cloudnative-pg:pkg/specs/jobs.go).
    """
    init = args.init
    given = bool(init.statements or init.config_maps or init.secrets)
    schema = schema_sql(args.site, sorted([args.site, args.peer]), args.published, given=given)
    return {SCHEMA_KEY: schema} | ({INIT_KEY: init_sql(init.statements)} if init.statements else {})


def replication_role(site: str) -> dict[str, Any]:
    """What the peer logs in as; the operator sets and renews its password."""
    return {
        "name": REPLICATION_ROLE,
        "ensure": "present",
        "login": True,
        "replication": True,
        "passwordSecret": {"name": replicator_secret(site)},
    }


class EdbCluster(Component):
    """The Cluster, awaited until every instance is ready, and what hangs on it."""

    cluster: pulumi.Output[str]

    def __init__(self, name: str, args: EdbClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the Secrets."""
        super().__init__("rhsi:index:EdbCluster", name, opts)
        object_name = cluster_name(args.site)
        schema = KubernetesObject(
            f"{name}-schema",
            CONFIG_MAP,
            metadata={"name": schema_config_map(args.site), "namespace": args.namespace},
            data=boot_scripts(args),
            opts=self.child(),
        )
        before: list[pulumi.Resource] = [schema]
        if args.backup.destination_path:
            store = KubernetesObject(
                f"{name}-object-store",
                OBJECT_STORE,
                metadata={"name": object_name, "namespace": args.namespace},
                spec=object_store_spec(args.backup, args.sidecar_resources),
                opts=self.child(),
            )
            before.append(store)
        cluster = KubernetesObject(
            f"{name}-cluster",
            POSTGRES_OPERATORS[args.operator].cluster,
            metadata={"name": object_name, "namespace": args.namespace},
            spec=cluster_spec(args),
            timeout=args.timeout,
            opts=self.child(depends_on=before, protect=args.protect),
        )
        self.cluster = once(cluster, object_name)
        ClusterOptions(
            f"{name}-options",
            ClusterOptionsArgs(
                operator=args.operator,
                cluster=object_name,
                namespace=args.namespace,
                monitoring=args.monitoring,
                pooler=args.pooler,
                pod=args.pod,
                pull_secret=args.pull_secret,
                pooler_resources=args.pooler_resources,
                backup=args.backup,
            ),
            self.child(depends_on=[cluster]),
        )
        self.register_outputs({"cluster": self.cluster})
