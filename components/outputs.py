"""What a stack tells other stacks: names, paths, states and times, none of them secret.

Owns the shapes: sites/ fills them, a standby reads its primary's through the same classes, and docs/outputs.md is
written from the docstrings of their fields (docs/generate/outputs.py). Names and shapes never change: stacks that
nobody here knows of read them. A field that may be None is then absent, never null.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi
from pulumi import Input

T = TypeVar("T")


class OutputError(pulumi.RunError):
    """An output of another stack that is missing or of another shape, in one sentence with the way out."""


class NotThereYetError(OutputError):
    """An output that the other stack does not have, because it was not brought up yet or without that part.

    A preview, of a pull request for example, takes it for unknown: the other stack's next `up` may make it.
    """


# Marks a text that may be empty when it is read; any other one must say something.
MAY_BE_EMPTY = "may be empty"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that crosses the network."""

    host: Input[str]
    """The Connector's host, or its selector; of an imported service the name that it has in this cluster.
    Example: `app.kubernetes.io/name=postgres-primary`"""
    port: Input[int]
    """TCP port of that host. Example: `5432`"""
    routing_key: Input[str]
    """Its name in the network. Example: `site-a/postgres-primary`"""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A standby's way to its credentials."""

    rotation: Input[int]
    """>= 1: the standby's rotation plus the site's revocations. Example: `1`"""
    configured_rotation: Input[int] | None
    """>= 1: `rhsi:standbys.<site>.rotation` as it is set. Example: `1`"""
    ha: Input[bool] | None
    """Whether the site had two routers when the grant was made: it makes two Links then. Example: `false`"""
    expires: Input[str]
    """RFC 3339 in UTC, in seconds; the grant cannot be redeemed later. Example: `2026-11-23T21:30:00Z`"""
    grant: Input[str]
    """Name of the AccessGrant. Example: `rhsi-site-b-grant-1`"""
    vault_mount: Input[str]
    """The KV v2 mount. Example: `rhsi`"""
    vault_path: Input[str]
    """Path below the mount; the secret has `code`, `url`, `ca`, `rotation`, `expires`. Example: `site-b/link-token`"""
    secrets: Mapping[str, Input[str]]
    """Name of a Secret on the standby -> path below the mount; the values are in Vault only.
    Example: `postgres-application: site-b/postgres-application`"""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A server of the streaming database."""

    service: Input[str]
    """The server in this namespace; a primary's answers by then, a standby's is read-only and may not be copied yet.
    Example: `postgres-primary`"""
    primary: Input[str]
    """The Service that takes writes. Example: `postgres-primary`"""
    port: Input[int]
    """TCP port of the server. Example: `5432`"""
    database: Input[str]
    """The database of the applications. Example: `app`"""
    user: Input[str]
    """Its owner, as whom applications log in. Example: `appuser`"""
    secret: Input[str]
    """The Secret with `username` and `password` of that user. Example: `postgres-application`"""


@dataclass(frozen=True, kw_only=True)
class MatchedParameters:
    """Parameters of the primary's server, by PostgreSQL's names."""

    max_connections: Input[int]
    """As the stack sets it, else PostgreSQL's own value. Example: `100`"""
    max_locks_per_transaction: Input[int]
    """Likewise. Example: `64`"""
    max_prepared_transactions: Input[int]
    """Likewise. Example: `0`"""
    max_wal_senders: Input[int]
    """Likewise. Example: `10`"""
    max_worker_processes: Input[int]
    """Likewise. Example: `8`"""


@dataclass(frozen=True, kw_only=True)
class PrimaryPostgres(Postgres):
    """The primary's server."""

    password_rotation: Input[int]
    """>= 1: another one means new passwords. Example: `1`"""
    parameters: MatchedParameters | None
    """What a standby must have at least as much of."""
    version: Input[int] | None
    """PostgreSQL's major version, where the settings or the image's name tell it. Example: `16`"""
    promoted_standby: Input[str] | None
    """Only with `rhsi:postgres.promotedStandby`: the site whose server takes the writes; the one here is off.
    Example: `site-b`"""


@dataclass(frozen=True, kw_only=True)
class StandbyPostgres(Postgres):
    """A standby's server."""

    slot: Input[str]
    """The standby's replication slot, and its name, on the primary. Example: `site_b`"""
    smoke_test: Input[str] | None
    """Only with `rhsi:postgres.smokeTest`: the last result, which only a passed test has.
    Example: `passed through standby-from-vault-1`"""
    promoted: Input[bool] | None
    """Only with `rhsi:postgres.promoted`, and known once the server takes writes. Example: `true`"""


@dataclass(frozen=True, kw_only=True)
class Edb:
    """A site's cluster of the replicated databases."""

    site: Input[str]
    """This site. Example: `site-a`"""
    cluster: Input[str]
    """Name of the Cluster. Example: `edb-site-a`"""
    namespace: Input[str]
    """Of the Cluster. Example: `db`"""
    host: Input[str]
    """Where applications of this site write. Example: `edb-site-a-rw.db.svc.cluster.local`"""
    port: Input[int]
    """TCP port of the server. Example: `5432`"""
    database: Input[str]
    """The replicated database. Example: `app`"""
    user: Input[str]
    """The database's owner, as whom applications log in. Example: `app`"""
    secret: Input[str]
    """The owner's Secret, in the namespace. Example: `edb-site-a-app`"""
    link_host: Input[str]
    """This site's database as the other one reaches it. Example: `pg-site-a.rhsi.svc.cluster.local`"""
    peer: Input[str]
    """The other site. Example: `site-b`"""
    peer_host: Input[str]
    """The other site's database as this one reaches it. Example: `pg-site-b.rhsi.svc.cluster.local`"""
    tls: Input[str]
    """`require` or `verify-full`. Example: `require`"""
    publication: Input[str]
    """SQL name, known once the operator has applied it. Example: `site_a_pub`"""
    subscription: Input[str] = dataclasses.field(metadata={MAY_BE_EMPTY: True})
    """SQL name, empty without one; known once the operator has applied it, on the primary once it is made.
    Example: `site_a_from_site_b`"""
    published: Mapping[str, Input[str]] | None
    """Only with `rhsi:edb.publish`: what this site publishes -> `table` or `schema`. Example: `sales.orders: table`"""


@dataclass(frozen=True, kw_only=True)
class PrimaryEdb(Edb):
    """The primary's cluster."""

    password_rotation: Input[int]
    """>= 1: another one means new passwords. Example: `1`"""
    peer_app: Input[bool]
    """Whether the standby may log in as the owner, for its smoke test. Example: `false`"""


@dataclass(frozen=True, kw_only=True)
class StandbyEdb(Edb):
    """A standby's cluster."""

    smoke_test: Input[str] | None
    """Only with `rhsi:edb.smokeTest`: known once rows went both ways.
    Example: `site-b and site-a replicate both ways`"""


@dataclass(frozen=True, kw_only=True)
class NetworkObserver:
    """The page that shows the network."""

    url: Input[str]
    """Where it is: on OpenShift for people, on other clusters for what runs in the cluster.
    Example: `https://network-observer-rhsi.apps.site-a.example.com`"""
    secret: Input[str] = dataclasses.field(metadata={MAY_BE_EMPTY: True})
    """The Secret in the site's namespace whose key `htpasswd` has user and password; empty on OpenShift, where people
    log in as to the cluster. Example: `network-observer-auth`"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What both roles tell."""

    site: Input[str]
    """`rhsi:site`. Example: `site-a`"""
    skupper_site: Input[str]
    """Name of the Skupper Site, known once it is Ready. Example: `rhsi-primary`"""
    namespace: Input[str]
    """Of the Skupper Site. Example: `rhsi`"""
    exported_services: Mapping[str, Service]
    """What this site offers to the network."""
    imported_services: Mapping[str, Service]
    """What this site reaches."""
    network_observer: NetworkObserver | None
    """Only with `rhsi:networkObserver`."""
    readme: Input[str] | None
    """The stack's page in Pulumi Cloud, made from Pulumi.README.md; Pulumi Cloud fills in what it names as
    `${outputs.<name>}`. Only with that file. Example: `# ${outputs.site}`"""


@dataclass(frozen=True, kw_only=True)
class Primary(Site):
    """The outputs of a stack with the role `primary`."""

    vault_mount: Input[str]
    """The KV v2 mount. Example: `rhsi`"""
    standbys: Mapping[str, Grant]
    """A standby's site -> its grant."""
    routing_prefix: Input[str]
    """First part of every routing key. Example: `site-a`"""
    postgres: PrimaryPostgres | None
    """Only with `rhsi:postgres`."""
    edb: PrimaryEdb | None
    """Only with `rhsi:edb`."""


@dataclass(frozen=True, kw_only=True)
class Standby(Site):
    """The outputs of a stack with the role `standby`."""

    rotation: Input[int]
    """>= 1: the rotation in use. Example: `1`"""
    link: Input[str]
    """Name of the Link, with two the first one's. Example: `standby-from-vault-1`"""
    links: Input[Mapping[str, str]]
    """The status of each Link by its name. Example: `standby-from-vault-1: Ready`"""
    link_status: Input[str]
    """`Ready`, `Pending` or `Error`, as of this run; with two Links `Ready` if both are. Example: `Ready`"""
    remote_site: Input[str]
    """Name of the Skupper Site at the other end. Example: `rhsi-primary`"""
    postgres: StandbyPostgres | None
    """Only with `rhsi:postgres`."""
    edb: StandbyEdb | None
    """Only with `rhsi:edb`."""


def exports(outputs: Primary | Standby) -> dict[str, Input[Any]]:
    """The outputs as Pulumi exports them."""
    found: dict[str, Input[Any]] = _plain(outputs)
    return found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def kind(annotation: Any) -> tuple[Any, bool]:
    """What a field holds once it is known (a type, or a `Mapping[...]`), and whether it may be missing."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation, False
    choices = typing.get_args(annotation)
    return choices[0], type(None) in choices


def read(shape: type[T], value: Any, *, stack: str, path: str) -> T:
    """An output, or a part of one, of a stack that a StackReference names.

    Args:
        shape: which of the classes above, or a type of a single value.
        value: what came, whatever it is; whole numbers come as floats.
        stack: the other stack, for the message.
        path: what is read, for the message.

    Raises:
        OutputError: something is missing or has another shape.
    """
    found: T = _read(shape, value, stack, path)
    return found


def read_entry(value: Any, name: str, *, stack: str, path: str) -> Any:
    """One entry of an output that is a map, unread; None where there is none.

    Args:
        value: what came, whatever it is.
        name: the key.
        stack: the other stack, for the message.
        path: of the map, for the message.

    Raises:
        OutputError: it is no map.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise _other_shape(stack, path)
    return value.get(name)


def _read(wanted: Any, value: Any, stack: str, path: str, *, may_be_empty: bool = False) -> Any:
    if isinstance(value, Mapping) and typing.get_origin(wanted):
        inner, _ = kind(typing.get_args(wanted)[1])
        return {name: _read(inner, one, stack, f"{path}.{name}") for name, one in value.items()}
    if isinstance(value, Mapping) and dataclasses.is_dataclass(wanted):
        return _read_fields(wanted, value, stack, path)
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    # In Python true is a number.
    fits = isinstance(wanted, type) and isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)
    if not fits or (value == "" and not may_be_empty):
        raise _other_shape(stack, path)
    return value


def _read_fields(shape: Any, value: Mapping[str, Any], stack: str, path: str) -> Any:
    found = {}
    for field in dataclasses.fields(shape):
        (wanted, optional), one = kind(field.type), value.get(field.name)
        missing = optional and one is None
        here, empty = f"{path}.{field.name}", MAY_BE_EMPTY in field.metadata
        found[field.name] = None if missing else _read(wanted, one, stack, here, may_be_empty=empty)
    return shape(**found)


def _other_shape(stack: str, path: str) -> OutputError:
    return OutputError(
        f"The stack {stack} does not tell its output {path} as this program reads it: run `pulumi up -s {stack}` with "
        "the same version of the program first."
    )
