"""The Secrets of two replicating clusters: made by the primary's stack, for both sites, and synced on the standby.

A site's cluster holds its own three logins and the peer's replication login, nothing else of the peer. The operator
leaves a missing Secret out in silence, so all of them exist before their cluster does.
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
from components.custom_resource import POSTGRES_OPERATORS, SECRET, KubernetesObject
from components.edb.names import CA_SECRET, OWNER, REPLICATION_ROLE, app_secret, replicator_secret, superuser_secret
from components.encoding import to_base64
from components.external_secrets import SyncedSecret, SyncedSecretArgs
from components.secret_store import StoreReference


@dataclass(frozen=True, kw_only=True)
class EdbCredentialsArgs:
    """What the primary's stack makes.

    Attributes:
        operator: `edb` or `community`.
        site: the primary.
        peer: the standby.
        namespace: of the cluster.
        vault_mount: the KV v2 mount.
        vault_folder: the peer's folder below the mount.
        passwords: given ones, by Secret; the others are random.
        password_rotation: an integer >= 1; another one takes new passwords.
        peer_app: whether the peer may log in as the owner of this site's tables, as its smoke test does.
        ca_certificate: PEM of the authority that both clusters share, empty for none.
        ca_key: PEM of its key.
    """

    operator: str
    site: str
    peer: str
    namespace: str
    vault_mount: str
    vault_folder: str
    passwords: dict[str, pulumi.Input[str]]
    password_rotation: int
    peer_app: bool
    ca_certificate: str
    ca_key: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class EdbSyncedCredentialsArgs:
    """What the standby's stack takes from Vault.

    Attributes:
        operator: `edb` or `community`.
        site: the standby.
        peer: the primary.
        namespace: of the cluster.
        store: the store there.
        paths: path in Vault of each Secret.
        version: any text that changes with the passwords.
        peer_app: as the primary's.
        shared_ca: whether there is a shared authority.
    """

    operator: str
    site: str
    peer: str
    namespace: str
    store: StoreReference
    paths: Mapping[str, pulumi.Input[str]]
    version: pulumi.Input[str]
    peer_app: bool
    shared_ca: bool


@dataclass(frozen=True)
class Login:
    """A user of one of the two clusters, and the Secret with its password."""

    key: str
    """Names the login within a stack, whatever the sites are called."""
    secret: str
    username: str


def logins(site: str, side: str) -> dict[str, Login]:
    """The three logins of a site's cluster, by what they are for."""
    known = {
        "superuser": (superuser_secret, "postgres"),
        "app": (app_secret, OWNER),
        "replicator": (replicator_secret, REPLICATION_ROLE),
    }
    return {use: Login(f"{side}-{use}", secret(site), username) for use, (secret, username) in known.items()}


def held(site: str, peer: str, *, peer_app: bool) -> list[Login]:
    """The logins whose Secrets are beside a site's cluster."""
    own, others = logins(site, "own"), logins(peer, "peer")
    return [*own.values(), others["replicator"], *([others["app"]] if peer_app else [])]


def synced(site: str, peer: str, *, peer_app: bool, shared_ca: bool) -> list[str]:
    """The Secrets that a standby takes from Vault."""
    return [*(login.secret for login in held(site, peer, peer_app=peer_app)), *([CA_SECRET] if shared_ca else [])]


def reload_label(operator: str) -> dict[str, str]:
    """The label of Secrets whose changes the operator is to follow."""
    return {f"{POSTGRES_OPERATORS[operator].metadata_prefix}/reload": "true"}


class EdbCredentials(Component):
    """The passwords of both clusters, this site's Secrets, and the peer's in Vault."""

    paths: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: EdbCredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `paths` has the path in Vault of each of the peer's Secrets."""
        super().__init__("rhsi:index:EdbCredentials", name, opts)
        passwords = {
            login.secret: Password(
                f"{name}-{login.key}",
                PasswordArgs(rotation=args.password_rotation, given=args.passwords.get(login.secret)),
                self.child(),
            ).password
            for login in [*logins(args.site, "own").values(), *logins(args.peer, "peer").values()]
        }
        for login in held(args.site, args.peer, peer_app=False):
            Credential(
                f"{name}-{login.key}",
                CredentialArgs(
                    secret=login.secret,
                    namespace=args.namespace,
                    username=login.username,
                    password=passwords[login.secret],
                    labels=reload_label(args.operator),
                ),
                self.child(),
            )
        self.paths = {
            login.secret: self._publish(
                f"{name}-for-peer-{login.key}",
                args,
                login.secret,
                {"username": login.username, "password": passwords[login.secret]},
            )
            for login in held(args.peer, args.site, peer_app=args.peer_app)
        }
        if args.ca_certificate:
            authority: dict[str, pulumi.Input[str]] = {
                "ca.crt": args.ca_certificate,
                "ca.key": pulumi.Output.secret(args.ca_key),
            }
            self._authority(name, args, authority)
            self.paths[CA_SECRET] = self._publish(f"{name}-for-peer-ca", args, CA_SECRET, authority)
        self.register_outputs({"paths": self.paths})

    def _publish(
        self, name: str, args: EdbCredentialsArgs, secret: str, fields: dict[str, pulumi.Input[str]]
    ) -> pulumi.Output[str]:
        published = PublishedSecretArgs(
            folder=args.vault_folder, secret=secret, vault_mount=args.vault_mount, fields=fields
        )
        return PublishedSecret(name, published, self.child()).vault_path

    def _authority(self, name: str, args: EdbCredentialsArgs, files: dict[str, pulumi.Input[str]]) -> None:
        KubernetesObject(
            f"{name}-ca",
            SECRET,
            metadata={"name": CA_SECRET, "namespace": args.namespace, "labels": reload_label(args.operator)},
            data={file: pulumi.Output.from_input(text).apply(to_base64) for file, text in files.items()},
            opts=self.child(),
        )


class EdbSyncedCredentials(Component):
    """The standby's Secrets, each awaited until External Secrets has made it."""

    secrets: pulumi.Output[list[str]]

    def __init__(
        self,
        name: str,
        args: EdbSyncedCredentialsArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the component."""
        super().__init__("rhsi:index:EdbSyncedCredentials", name, opts)
        wanted = {
            login.secret: (login.key, SECRET_TYPE) for login in held(args.site, args.peer, peer_app=args.peer_app)
        }
        if args.shared_ca:
            wanted[CA_SECRET] = ("ca", "Opaque")
        synced = [self._synced(f"{name}-{key}", args, secret, kind) for secret, (key, kind) in wanted.items()]
        self.secrets = pulumi.Output.all(*synced)
        self.register_outputs({"secrets": self.secrets})

    def _synced(self, name: str, args: EdbSyncedCredentialsArgs, secret: str, kind: str) -> pulumi.Output[str]:
        wanted = SyncedSecretArgs(
            secret=secret,
            namespace=args.namespace,
            store=args.store,
            path=args.paths[secret],
            version=args.version,
            type=kind,
            data={},
            labels=reload_label(args.operator),
            awaited=True,
        )
        return SyncedSecret(name, wanted, self.child()).secret
