"""The primary as its standby knows it: by the outputs of its stack, and by nothing else."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from components import outputs
from components.edb.names import link_host
from components.settings import Settings


def peer_grant(standbys: Mapping[str, Any] | None, settings: Settings) -> outputs.Grant:
    """This standby's entry in the primary's output `standbys`.

    Raises:
        pulumi.RunError: the primary has none, or keeps it in another mount.
    """
    stack, entry = settings.primary_stack, (standbys or {}).get(settings.site)
    if entry is None:
        raise pulumi.RunError(
            f"The primary's stack {stack} has no grant for {settings.site}: set "
            f"rhsi:standbys.{settings.site} there and run `pulumi up -s {stack}` first."
        )
    grant = outputs.read(outputs.Grant, entry, stack=stack, path=f"standbys.{settings.site}")
    if grant.vault_mount != settings.vault.mount:
        raise pulumi.RunError(
            f"rhsi:vault.mount is {settings.vault.mount!r}, but the primary's stack {stack} keeps the "
            f"credentials in {grant.vault_mount!r}: set both to the same mount."
        )
    return grant


def published_path(standbys: Mapping[str, Any] | None, settings: Settings, secret: str) -> pulumi.Input[str]:
    """Where in Vault the primary has put a Secret for this standby, below the mount.

    Raises:
        pulumi.RunError: it has not.
    """
    paths = peer_grant(standbys, settings).secrets
    if secret not in paths:
        raise pulumi.RunError(
            f"The primary's stack {settings.primary_stack} has published no Secret {secret} for {settings.site}: run "
            f"`pulumi up -s {settings.primary_stack}` first."
        )
    return paths[secret]


def peer_postgres(database: Mapping[str, Any] | None, settings: Settings) -> outputs.PrimaryPostgres:
    """The primary's output `postgres`.

    Raises:
        pulumi.RunError: the primary has no database.
    """
    stack = settings.primary_stack
    if database is None:
        raise pulumi.RunError(
            f"The primary's stack {stack} has no PostgreSQL to follow: set rhsi:postgres.enabled to "
            f"true there and run `pulumi up -s {stack}` first."
        )
    return outputs.read(outputs.PrimaryPostgres, database, stack=stack, path="postgres")


def peer_edb(databases: Mapping[str, Any] | None, settings: Settings) -> outputs.PrimaryEdb:
    """The primary's output `edb`, which must agree with this stack's settings.

    Raises:
        pulumi.RunError: the primary has no such databases, or they were meant to replicate otherwise.
    """
    stack, wanted = settings.primary_stack, settings.edb
    if databases is None:
        raise pulumi.RunError(
            f"The primary's stack {stack} has no databases to replicate with: set rhsi:edb.enabled to true there and "
            f"run `pulumi up -s {stack}` first."
        )
    edb = outputs.read(outputs.PrimaryEdb, databases, stack=stack, path="edb")
    if edb.peer != settings.site:
        raise pulumi.RunError(
            f"The databases of the primary's stack {stack} replicate with {edb.peer}, not with {settings.site}: set "
            f"rhsi:edb.peer there, or rhsi:edb.enabled to false here."
        )
    same = {"peer": (settings.edb_peer, edb.site), "database": (wanted.database, edb.database)}
    for key, (here, there) in (same | {"tls": (wanted.tls, edb.tls)}).items():
        if here != there:
            raise pulumi.RunError(
                f"rhsi:edb.{key} is {here!r}, but in the primary's stack {stack} {there!r}: set both to the same."
            )
    if wanted.tls == "verify-full":
        own = link_host(settings.site, settings.edb_peer_namespace)
        _same_name(settings.site, own, edb.peer_host, "here")
        reached = link_host(settings.edb_peer, settings.cluster.namespace)
        _same_name(settings.edb_peer, edb.link_host, reached, f"in the primary's stack {stack}")
    if wanted.smoke_test and not edb.peer_app:
        raise pulumi.RunError(
            f"rhsi:edb.smokeTest needs a login of the primary's databases: set it to true in the stack {stack} too "
            f"and run `pulumi up -s {stack}` first."
        )
    return edb


def _same_name(site: str, certified: pulumi.Input[str], reached: pulumi.Input[str], where: str) -> None:
    if certified != reached:
        raise pulumi.RunError(
            f"The certificate of {site}'s database is for {certified}, but its peer reaches it as {reached}: set "
            f"rhsi:edb.peerNamespace {where} to the namespace of Skupper's site at the other end."
        )


def peer_routing_prefix(prefix: str | None, settings: Settings) -> str:
    """The primary's output `routing_prefix`.

    Raises:
        pulumi.RunError: the primary has none, for it was brought up before there was one.
    """
    if not prefix:
        raise pulumi.RunError(
            f"The primary's stack {settings.primary_stack} does not tell the name of its services: run "
            f"`pulumi up -s {settings.primary_stack}` first."
        )
    return prefix


class Peer:
    """The outputs of the primary's stack, each of them checked where it is used."""

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions) -> None:
        name = settings.primary_stack
        if "/" not in name:
            name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{name}"
        self._settings = settings
        self._stack = pulumi.StackReference("primary", name, opts)

    @property
    def grant(self) -> pulumi.Output[outputs.Grant]:
        """See `peer_grant`."""
        return self._read("standbys", peer_grant, lambda standbys: self._settings.site in (standbys or {}))

    def paths(self, secrets: Iterable[str]) -> dict[str, pulumi.Output[str]]:
        """See `published_path`, by Secret."""
        return {secret: self._path(secret) for secret in secrets}

    @property
    def postgres(self) -> pulumi.Output[outputs.PrimaryPostgres]:
        """See `peer_postgres`."""
        return self._read("postgres", peer_postgres, lambda database: database is not None)

    @property
    def edb(self) -> pulumi.Output[outputs.PrimaryEdb]:
        """See `peer_edb`."""
        return self._read("edb", peer_edb, lambda edb: edb is not None)

    @property
    def routing_prefix(self) -> pulumi.Output[str]:
        """See `peer_routing_prefix`."""
        return self._read("routing_prefix", peer_routing_prefix, bool)

    def _path(self, secret: str) -> pulumi.Output[str]:
        def is_there(standbys: Any) -> bool:
            return secret in ((standbys or {}).get(self._settings.site) or {}).get("secrets", {})

        return self._read("standbys", lambda standbys, settings: published_path(standbys, settings, secret), is_there)

    def _read(
        self, output: str, check: Callable[[Any, Settings], Any], is_there: Callable[[Any], bool]
    ) -> pulumi.Output[Any]:
        preview = pulumi.runtime.is_dry_run()

        def read(value: Any) -> Any:
            # A pull request is previewed before anything of it exists; then what the primary will say is unknown.
            return pulumi.UNKNOWN if preview and not is_there(value) else check(value, self._settings)

        return self._stack.get_output(output).apply(read)
