"""What `rhsi:postgres` means for a primary and for a standby."""

import pulumi
from pydantic import SecretStr

from components import outputs
from components.edb.backup import BackupArgs, RecoveryArgs
from components.postgres import parameters
from components.postgres.accounts import (
    APPLICATION_SECRET,
    APPLICATION_USER,
    DATABASE,
    REPLICATION_SECRET,
    user_secret,
)
from components.postgres.backup import ServerBackup
from components.postgres.database import PrimaryDatabase, PrimaryDatabaseArgs
from components.postgres.replication import PRIMARY, promoted_prefix, slot_name
from components.postgres.shape import PORT, ServerShape
from components.postgres.smoke_test import SmokeTestArgs
from components.postgres.standby import PromotionArgs, StandbyDatabase, StandbyDatabaseArgs
from components.secret_store import StoreReference
from components.settings import Settings
from components.sites.runtimes import database_resources, kubectl_runtime, pod_shape, postgres_runtime


def server_shape(settings: Settings) -> ServerShape:
    """What the servers of both kinds are made of."""
    wanted = settings.postgres
    resources = database_resources(settings, wanted.resources)
    exporter = settings.exporter_image if wanted.monitoring else ""
    backup = server_backup(settings) if wanted.backup.destination_path else None
    images = [settings.postgres_image, *([exporter] if exporter else []), *([backup.image] if backup else [])]
    return ServerShape(
        image=settings.postgres_image,
        version=wanted.version,
        run_as_user=settings.postgres_user,
        size=wanted.size,
        storage_class=wanted.storage_class,
        pod=pod_shape(settings, *images),
        relabel=settings.pods.restart_databases,
        requests=dict(resources.requests),
        limits=dict(resources.limits),
        parameters=wanted.parameters,
        keep_data=settings.protect,
        access_rules=wanted.pg_hba,
        exporter=exporter,
        keeps_pod=wanted.pod_disruption_budget,
        backup=backup,
    )


def server_backup(settings: Settings) -> ServerBackup:
    """What keeps the backups of a server of either kind; each has a folder of its own."""
    wanted = settings.postgres
    given = wanted.backup.model_dump() | {"server_name": wanted.backup.server_name or f"postgres-{settings.site}"}
    return ServerBackup(
        image=settings.postgres_backup_image,
        store=BackupArgs(**given),
        recovery=RecoveryArgs(**wanted.recovery.model_dump()),
        proxy=settings.pods.proxy.variables,
    )


def primary_database_args(settings: Settings) -> PrimaryDatabaseArgs:
    """The primary's database."""
    wanted = settings.postgres
    given = {APPLICATION_SECRET: wanted.application_password, REPLICATION_SECRET: wanted.replication_password}
    given |= {user_secret(name): user.password for name, user in wanted.users.items()}
    return PrimaryDatabaseArgs(
        namespace=settings.cluster.namespace,
        shape=server_shape(settings),
        standbys={standby: settings.vault.below(standby) for standby in settings.standbys},
        vault_mount=settings.vault.mount,
        routing_prefix=settings.routing_prefix,
        users=list(wanted.users),
        databases={name: database.owner for name, database in wanted.databases.items()},
        passwords={secret: _secret(password) for secret, password in given.items() if password},
        password_rotation=wanted.password_rotation,
        wal_keep=wanted.max_slot_wal_keep_size,
        timeout=settings.timeouts.database,
        manages_slots=wanted.manage_slots,
        promoted=wanted.promoted_standby,
        runtime=kubectl_runtime(settings),
    )


def standby_database_args(
    settings: Settings,
    *,
    paths: dict[str, pulumi.Output[str]],
    version: pulumi.Output[str],
    primary: pulumi.Output[outputs.PrimaryPostgres],
    routing_prefix: pulumi.Output[str],
    sites: pulumi.Output[list[str]],
    store: StoreReference,
) -> StandbyDatabaseArgs:
    """A standby's database; what comes from the primary's outputs is keyword by keyword."""
    promotion, prefix = None, routing_prefix
    if settings.postgres.promoted:
        promotion = promotion_args(settings, sites)
    else:
        prefix = pulumi.Output.all(routing_prefix, primary).apply(lambda known: prefix_of_writes(*known))
    return StandbyDatabaseArgs(
        site=settings.site,
        namespace=settings.cluster.namespace,
        shape=server_shape(settings),
        store=store,
        paths=paths,
        version=version,
        routing_prefix=prefix,
        users=list(settings.postgres.users),
        primary_parameters=primary.apply(lambda known: primary_parameters(settings, known)),
        promotion=promotion,
    )


def promotion_args(settings: Settings, sites: pulumi.Output[list[str]]) -> PromotionArgs:
    """What makes this standby a primary; `sites` are all standbys of the environment."""
    return PromotionArgs(
        wal_keep=settings.postgres.max_slot_wal_keep_size,
        slots=sites.apply(lambda known: sorted(slot_name(site) for site in known if site != settings.site)),
        runtime=kubectl_runtime(settings),
    )


def prefix_of_writes(prefix: str, primary: outputs.PrimaryPostgres) -> pulumi.Output[str]:
    """What the routing key of the server that takes the writes begins with."""
    promoted = primary.promoted_standby
    return promoted_prefix(prefix, str(promoted)) if promoted else pulumi.Output.from_input(prefix)


def primary_parameters(settings: Settings, primary: outputs.PrimaryPostgres) -> str:
    """What a standby takes over of its primary's parameters, for `standby_args`.

    A primary that an older version of this program brought up does not tell; then it is taken to have PostgreSQL's own
    values, and what is more shows in the WAL.

    Raises:
        pulumi.RunError: this stack wants less of something, or another major version.
    """
    version = settings.postgres_version
    if version and primary.version and version != primary.version:
        raise pulumi.RunError(
            f"This stack has PostgreSQL {version}, but the primary's stack {settings.primary_stack} {primary.version}, "
            f"which no other one can follow: set rhsi:postgres.version to {primary.version} here, or an image of it."
        )
    own = settings.postgres.parameters
    told: dict[str, int] = vars(primary.parameters) if primary.parameters else {}
    for name in parameters.too_low(own, told):
        raise pulumi.RunError(
            f"rhsi:postgres.parameters.{name} is {own[name]}, but {told[name]} in the primary's stack "
            f"{settings.primary_stack}, and with less a standby stops replaying: remove it here, or write {told[name]} "
            "or more."
        )
    return parameters.assignments(parameters.effective({}) | told)


def smoke_test_args(settings: Settings, database: StandbyDatabase, link: pulumi.Output[str]) -> SmokeTestArgs:
    """The test of a standby's database through its link."""
    return SmokeTestArgs(
        namespace=settings.cluster.namespace,
        site=settings.site,
        link=link,
        primary_parameters=database.primary_parameters,
        application_secret=database.application_secret,
        runtime=postgres_runtime(settings),
    )


def primary_postgres(settings: Settings, database: PrimaryDatabase) -> outputs.PrimaryPostgres:
    """The primary's server as outputs tell of it."""
    return outputs.PrimaryPostgres(
        **vars(_told(database.service)),
        password_rotation=settings.postgres.password_rotation,
        parameters=outputs.MatchedParameters(**parameters.effective(settings.postgres.parameters)),
        version=settings.postgres_version,
        promoted_standby=settings.postgres.promoted_standby or None,
    )


def standby_postgres(database: StandbyDatabase, smoke_test: pulumi.Output[str] | None) -> outputs.StandbyPostgres:
    """A standby's server as outputs tell of it."""
    return outputs.StandbyPostgres(
        **vars(_told(database.service)), slot=database.slot, smoke_test=smoke_test, promoted=database.promoted
    )


def _told(service: pulumi.Output[str]) -> outputs.Postgres:
    return outputs.Postgres(
        service=service,
        primary=PRIMARY,
        port=PORT,
        database=DATABASE,
        user=APPLICATION_USER,
        secret=APPLICATION_SECRET,
    )


def _secret(password: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(password.get_secret_value())
