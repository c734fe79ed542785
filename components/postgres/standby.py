"""The standby's database, complete: its way to the primary, the synced credentials, and the server.

Nothing is made up here: names and passwords come from the primary's site (database.py). A promoted server takes the
writes of its whole environment; its pod stays as it is, for a restart would interrupt those.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.credentials import SECRET_TYPE
from components.external_secrets import SyncedSecret, SyncedSecretArgs
from components.postgres.accounts import (
    APPLICATION_SECRET,
    DATABASES,
    MONITOR,
    REPLICATION_SECRET,
    USERS,
    user_secret,
)
from components.postgres.backup_schedule import BackupSchedule
from components.postgres.replication import (
    PRIMARY,
    SERVICE_FILE,
    STANDBY,
    promoted_prefix,
    service_file,
    slot_name,
    standby_args,
)
from components.postgres.server import PostgresServer
from components.postgres.shape import PORT, ServerShape, selector
from components.postgres.upkeep import PostgresUpkeep, UpkeepArgs
from components.script_job import Runtime
from components.secret_store import StoreReference
from components.skupper.services import (
    PLAIN_CLIENTS,
    PLAIN_SERVER,
    ServiceExport,
    ServiceExportArgs,
    ServiceImport,
    ServiceImportArgs,
)


@dataclass(frozen=True, kw_only=True)
class PromotionArgs:
    """What a promoted server is besides.

    Attributes:
        wal_keep: how much WAL it keeps for a standby that is away, as a PostgreSQL size.
        slots: of the other standbys of its environment, which may follow it from now on.
        runtime: of the Job that promotes it.
    """

    wal_keep: str
    slots: pulumi.Input[list[str]]
    runtime: Runtime


@dataclass(frozen=True, kw_only=True)
class StandbyDatabaseArgs:
    """The database of a standby.

    Attributes:
        site: this site.
        namespace: of the Skupper site; the Listener's Service is there, and the server beside it.
        shape: of the server.
        store: the store in that namespace.
        paths: path in Vault by Secret.
        version: any text that changes with the passwords; another one makes External Secrets read at once.
        routing_prefix: that of whoever takes the writes; with a promotion the environment's.
        users: those besides the program's own whose Secrets are wanted here.
        primary_parameters: see `replication.standby_args`.
        promotion: None for a server that follows.
    """

    site: str
    namespace: str
    shape: ServerShape
    store: StoreReference
    paths: Mapping[str, pulumi.Input[str]]
    version: pulumi.Input[str]
    routing_prefix: pulumi.Input[str]
    users: list[str]
    primary_parameters: pulumi.Input[str]
    promotion: PromotionArgs | None


def synced_users(users: list[str]) -> dict[str, str]:
    """Every user whose Secret a standby has, by Secret."""
    return {**USERS, **{user_secret(user): user for user in users}}


def synced_secret_args(args: StandbyDatabaseArgs, secret: str) -> SyncedSecretArgs:
    """One of the Secrets; those of the program's own users say how to reach the primary too."""
    way = {SERVICE_FILE: service_file(DATABASES[secret])} if secret in DATABASES else {}
    return SyncedSecretArgs(
        secret=secret,
        namespace=args.namespace,
        store=args.store,
        path=args.paths[secret],
        version=args.version,
        type=SECRET_TYPE,
        awaited=True,
        data={"username": "{{ .username }}", "password": "{{ .password }}", **way},
        labels={},
    )


def upkeep_args(
    args: StandbyDatabaseArgs,
    promotion: PromotionArgs,
    secrets: Mapping[str, pulumi.Input[str]],
    server_uid: pulumi.Input[str],
) -> UpkeepArgs:
    """What makes a standby a primary, and keeps its passwords those of the Secrets."""
    own = {secret.removeprefix("postgres-"): secrets[secret] for secret in USERS}
    return UpkeepArgs(
        namespace=args.namespace,
        server=STANDBY,
        server_uid=server_uid,
        promote=True,
        wal_keep=promotion.wal_keep,
        parameters=args.primary_parameters,
        users={name: secret for name, secret in secrets.items() if name not in USERS},
        own_users=own,
        passwords=args.version,
        databases={},
        monitor=MONITOR if args.shape.exporter else "",
        slots=promotion.slots,
        reserve=True,
        version=args.shape.version,
        access="",
        runtime=promotion.runtime,
    )


class StandbyDatabase(Component):
    """The Listener through which the primary is reached, the synced credentials, and the standby's server.

    A promoted one has a Connector too, and both come once it takes writes.
    """

    service: pulumi.Output[str]
    stateful_set: pulumi.Output[str]
    primary_parameters: pulumi.Input[str]
    slot: pulumi.Output[str]
    application_secret: pulumi.Output[str]
    imported: ServiceImport
    exported: ServiceExport | None
    promoted: pulumi.Output[bool] | None

    def __init__(self, name: str, args: StandbyDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:StandbyDatabase", name, opts)
        before: list[pulumi.Resource] = []
        if args.promotion is None:
            self.imported = self._way(name, args, args.routing_prefix, [])
            before.append(self.imported)
        secrets = {
            secret: SyncedSecret(f"{name}-{user}", synced_secret_args(args, secret), self.child()).secret
            for secret, user in synced_users(args.users).items()
        }
        # As on the primary.
        place = Component("rhsi:index:PostgresStandby", f"{name}-standby", self.child(depends_on=before))
        server = PostgresServer(
            f"{name}-standby-postgres",
            standby_args(
                namespace=args.namespace,
                shape=args.shape,
                site=args.site,
                primary_parameters=args.primary_parameters,
                replication_secret=secrets[REPLICATION_SECRET],
            ),
            place.child(),
        )
        self.service, self.slot = server.service, pulumi.Output.from_input(slot_name(args.site))
        self.stateful_set, self.primary_parameters = server.stateful_set, args.primary_parameters
        place.register_outputs({"service": self.service, "slot": self.slot})
        self.application_secret = secrets[APPLICATION_SECRET]
        self.exported, self.promoted = None, None
        if args.promotion:
            upkeep = upkeep_args(args, args.promotion, secrets, server.uid)
            job = PostgresUpkeep(f"{name}-upkeep", upkeep, self.child(depends_on=[server]))
            self.promoted = job.done.apply(lambda _: True)
            prefix = promoted_prefix(args.routing_prefix, args.site)
            self.exported = ServiceExport(
                f"{name}-export",
                ServiceExportArgs(
                    service=PRIMARY,
                    namespace=args.namespace,
                    port=PORT,
                    routing_prefix=prefix,
                    host="",
                    selector=selector(STANDBY),
                    server=PLAIN_SERVER,
                ),
                self.child(depends_on=[job]),
            )
            if args.shape.backup:
                BackupSchedule(
                    f"{name}-backup",
                    server=STANDBY,
                    namespace=args.namespace,
                    backup=args.shape.backup,
                    runtime=args.promotion.runtime,
                    opts=self.child(depends_on=[job]),
                )
            # What the primary still sends comes by the former way: it stays until the server has all of it.
            self.imported = self._way(name, args, prefix, [job])
        self.register_outputs({"service": self.service, "slot": self.slot})

    def _way(
        self, name: str, args: StandbyDatabaseArgs, prefix: pulumi.Input[str], after: list[pulumi.Resource]
    ) -> ServiceImport:
        """The Listener that leads to whoever takes the writes."""
        listener = ServiceImportArgs(
            service=PRIMARY, namespace=args.namespace, port=PORT, routing_prefix=prefix, clients=PLAIN_CLIENTS
        )
        return ServiceImport(f"{name}-import", listener, self.child(depends_on=after))
