"""The database of each kind of site, complete: passwords, Secrets, server, and its way over the link.

Composes replication.py with the components around it. The primary's site makes every password and publishes to each
standby what that one needs; a standby knows names only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.credentials import (
    SECRET_TYPE,
    Credential,
    CredentialArgs,
    Password,
    PasswordArgs,
    PublishedSecret,
    PublishedSecretArgs,
)
from components.external_secrets import SyncedSecret, SyncedSecretArgs
from components.postgres.replication import (
    APPLICATION_USER,
    DATABASE,
    PRIMARY,
    REPLICATION_USER,
    SERVICE_FILE,
    primary_args,
    service_file,
    slot_name,
    standby_args,
)
from components.postgres.server import PORT, PostgresServer, ServerShape, selector
from components.secret_store import StoreReference
from components.skupper.services import (
    PLAIN_CLIENTS,
    PLAIN_SERVER,
    ServiceExport,
    ServiceExportArgs,
    ServiceImport,
    ServiceImportArgs,
)

APPLICATION_SECRET = "postgres-application"  # noqa: S105 -- the name of an object, no secret
REPLICATION_SECRET = "postgres-replication"  # noqa: S105 -- the name of an object, no secret
# Secret -> the user in it, and the database that this user connects to.
USERS = {APPLICATION_SECRET: APPLICATION_USER, REPLICATION_SECRET: REPLICATION_USER}
DATABASES = {APPLICATION_SECRET: DATABASE, REPLICATION_SECRET: "postgres"}


@dataclass(frozen=True, kw_only=True)
class PrimaryDatabaseArgs:
    """The database of a primary.

    Attributes:
        namespace: of the Skupper site; the server runs there too, for only there a Connector finds its pod.
        shape: of the server.
        standbys: the sites that get its credentials, each with its folder below the mount.
        vault_mount: the KV v2 mount.
        routing_prefix: see skupper/services.py.
        passwords: given ones, by Secret; what is not given is random.
        password_rotation: an integer >= 1; another one takes new passwords.
        wal_keep: see `replication.primary_args`.
        timeout: see `replication.primary_args`.
    """

    namespace: str
    shape: ServerShape
    standbys: dict[str, str]
    vault_mount: str
    routing_prefix: pulumi.Input[str]
    passwords: dict[str, pulumi.Input[str]]
    password_rotation: int
    wal_keep: str
    timeout: str


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
        routing_prefix: the primary's.
        primary_parameters: see `replication.standby_args`.
    """

    site: str
    namespace: str
    shape: ServerShape
    store: StoreReference
    paths: Mapping[str, pulumi.Input[str]]
    version: pulumi.Input[str]
    routing_prefix: pulumi.Input[str]
    primary_parameters: pulumi.Input[str]


class PrimaryDatabase(Component):
    """The primary's server, its credentials here and in Vault, and its Connector."""

    service: pulumi.Output[str]
    exported: ServiceExport
    paths: dict[str, dict[str, pulumi.Output[str]]]

    def __init__(self, name: str, args: PrimaryDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PrimaryDatabase", name, opts)
        secrets: dict[str, pulumi.Output[str]] = {}
        self.paths = {standby: {} for standby in args.standbys}
        for secret, user in USERS.items():
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
            ),
            place.child(),
        )
        self.service = server.service
        place.register_outputs({"service": self.service})
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
        self.register_outputs({"service": self.service, "routingKey": self.exported.routing_key})


class StandbyDatabase(Component):
    """The Listener through which the primary is reached, the synced credentials, and the standby's server."""

    service: pulumi.Output[str]
    stateful_set: pulumi.Output[str]
    primary_parameters: pulumi.Input[str]
    slot: pulumi.Output[str]
    application_secret: pulumi.Output[str]
    imported: ServiceImport

    def __init__(self, name: str, args: StandbyDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:StandbyDatabase", name, opts)
        self.imported = ServiceImport(
            f"{name}-import",
            ServiceImportArgs(
                service=PRIMARY,
                namespace=args.namespace,
                port=PORT,
                routing_prefix=args.routing_prefix,
                clients=PLAIN_CLIENTS,
            ),
            self.child(),
        )
        secrets = {
            secret: SyncedSecret(
                f"{name}-{user}",
                SyncedSecretArgs(
                    secret=secret,
                    namespace=args.namespace,
                    store=args.store,
                    path=args.paths[secret],
                    version=args.version,
                    type=SECRET_TYPE,
                    awaited=True,
                    data={
                        "username": "{{ .username }}",
                        "password": "{{ .password }}",
                        SERVICE_FILE: service_file(DATABASES[secret]),
                    },
                    labels={},
                ),
                self.child(),
            ).secret
            for secret, user in USERS.items()
        }
        # As on the primary.
        place = Component("rhsi:index:PostgresStandby", f"{name}-standby", self.child(depends_on=[self.imported]))
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
        self.register_outputs({"service": self.service, "slot": self.slot})
