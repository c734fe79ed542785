"""The primary's database, complete: passwords, Secrets, server, and its way over the link.

Composes replication.py with the components around it. The primary's site makes every password and publishes to each
standby what that one needs; a standby (standby.py) knows names only. After a promotion it goes on to do that, and its
own server is off.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.credentials import (
    Credential,
    CredentialArgs,
    Password,
    PasswordArgs,
    PublishedSecret,
    PublishedSecretArgs,
)
from components.postgres import access
from components.postgres.accounts import APPLICATION_SECRET, MONITOR, REPLICATION_SECRET, USERS, user_secret
from components.postgres.backup_schedule import BackupSchedule
from components.postgres.replication import PRIMARY, primary_args, promoted_prefix, slot_name
from components.postgres.server import PostgresServer
from components.postgres.shape import PORT, ServerShape, selector
from components.postgres.upkeep import PostgresUpkeep, UpkeepArgs, asks_nothing
from components.script_job import Runtime
from components.skupper.services import (
    PLAIN_CLIENTS,
    PLAIN_SERVER,
    ServiceExport,
    ServiceExportArgs,
    ServiceImport,
    ServiceImportArgs,
)


@dataclass(frozen=True, kw_only=True)
class PrimaryDatabaseArgs:
    """The database of a primary.

    Attributes:
        namespace: of the Skupper site; the server runs there too, for only there a Connector finds its pod.
        shape: of the server.
        standbys: the sites that get its credentials, each with its folder below the mount.
        vault_mount: the KV v2 mount.
        routing_prefix: see skupper/services.py.
        users: those besides the program's own, each with a Secret.
        databases: those besides the program's own, each with its owner.
        passwords: given ones, by Secret; what is not given is random.
        password_rotation: an integer >= 1; another one takes new passwords.
        wal_keep: see `replication.primary_args`.
        timeout: see `replication.primary_args`.
        manages_slots: whether the slots of the standbys are made and dropped here.
        promoted: the site of the standby that took over the writes, empty for none.
        runtime: of the Job that changes the running server.
    """

    namespace: str
    shape: ServerShape
    standbys: dict[str, str]
    vault_mount: str
    routing_prefix: pulumi.Input[str]
    users: list[str]
    databases: dict[str, str]
    passwords: dict[str, pulumi.Input[str]]
    password_rotation: int
    wal_keep: str
    timeout: str
    manages_slots: bool
    promoted: str
    runtime: Runtime


def upkeep_args(
    args: PrimaryDatabaseArgs, secrets: Mapping[str, pulumi.Input[str]], server_uid: pulumi.Input[str]
) -> UpkeepArgs:
    """What is asked of the running server, with its Secrets by their names."""
    rules = args.shape.access_rules
    return UpkeepArgs(
        namespace=args.namespace,
        server=PRIMARY,
        server_uid=server_uid,
        promote=False,
        wal_keep="",
        parameters="",
        users={name: secret for name, secret in secrets.items() if name not in USERS},
        own_users={},
        passwords=str(args.password_rotation),
        databases=args.databases,
        monitor=MONITOR if args.shape.exporter else "",
        slots=[slot_name(standby) for standby in args.standbys] if args.manages_slots else None,
        reserve=False,
        version=args.shape.version,
        access=access.version(rules) if rules else "",
        runtime=args.runtime,
    )


class PrimaryDatabase(Component):
    """The primary's server, its credentials here and in Vault, and its Connector.

    With a promoted standby the server is off, and in the Connector's place is the Listener of that standby's.
    """

    service: pulumi.Output[str]
    exported: ServiceExport | None
    imported: ServiceImport | None
    paths: dict[str, dict[str, pulumi.Output[str]]]

    def __init__(self, name: str, args: PrimaryDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PrimaryDatabase", name, opts)
        secrets = self._credentials(name, args)
        # Owns nothing, and stays for the URNs below it: living stacks have them.
        place = Component("rhsi:index:PostgresPrimary", f"{name}-primary", self.child())
        server = PostgresServer(
            f"{name}-primary-postgres",
            primary_args(
                namespace=args.namespace,
                shape=args.shape,
                application_secret=secrets[APPLICATION_SECRET],
                replication_secret=secrets[REPLICATION_SECRET],
                password_rotation=args.password_rotation,
                wal_keep=args.wal_keep,
                timeout=args.timeout,
                fenced=bool(args.promoted),
            ),
            place.child(),
        )
        place.register_outputs({"service": server.service})
        self.exported, self.imported = None, None
        if args.promoted:
            self.imported = ServiceImport(
                f"{name}-import",
                ServiceImportArgs(
                    service=PRIMARY,
                    namespace=args.namespace,
                    port=PORT,
                    routing_prefix=promoted_prefix(args.routing_prefix, args.promoted),
                    clients=PLAIN_CLIENTS,
                ),
                # Until the server's own Service has another name, this one is taken.
                self.child(depends_on=[server]),
            )
            self.service = self.imported.host.apply(lambda _: PRIMARY)
            self.register_outputs({"service": self.service, "routingKey": self.imported.routing_key})
            return
        self.service = server.service
        self.exported = ServiceExport(
            f"{name}-export",
            ServiceExportArgs(
                service=PRIMARY,
                namespace=args.namespace,
                port=PORT,
                routing_prefix=args.routing_prefix,
                host="",
                selector=selector(PRIMARY),
                server=PLAIN_SERVER,
            ),
            self.child(),
        )
        upkeep = upkeep_args(args, secrets, server.uid)
        if not asks_nothing(upkeep):
            PostgresUpkeep(f"{name}-upkeep", upkeep, self.child(depends_on=[server]))
        if args.shape.backup:
            BackupSchedule(
                f"{name}-backup",
                server=PRIMARY,
                namespace=args.namespace,
                backup=args.shape.backup,
                runtime=args.runtime,
                opts=self.child(depends_on=[server]),
            )
        self.register_outputs({"service": self.service, "routingKey": self.exported.routing_key})

    def _credentials(self, name: str, args: PrimaryDatabaseArgs) -> dict[str, pulumi.Output[str]]:
        """Make every password with its Secrets here and in Vault; the names of those here, once they are there."""
        secrets: dict[str, pulumi.Output[str]] = {}
        self.paths = {standby: {} for standby in args.standbys}
        for secret, user in {**USERS, **{user_secret(user): user for user in args.users}}.items():
            password = Password(
                f"{name}-{user}",
                PasswordArgs(rotation=args.password_rotation, given=args.passwords.get(secret)),
                self.child(),
            ).password
            credential = CredentialArgs(
                secret=secret, namespace=args.namespace, username=user, password=password, labels={}
            )
            secrets[secret] = Credential(f"{name}-{user}", credential, self.child()).secret
            for standby, folder in args.standbys.items():
                published = PublishedSecretArgs(
                    folder=folder,
                    secret=secret,
                    vault_mount=args.vault_mount,
                    fields={"username": user, "password": password},
                )
                path = PublishedSecret(f"{name}-{standby}-{user}", published, self.child()).vault_path
                self.paths[standby][secret] = path
        return secrets
