"""The primary as its standby knows it: by the outputs of its stack, and by nothing else.

Nothing is known of these outputs: another version of the program, or another program, may have written them. So each is
Any until components/outputs.py has read it, and what it cannot read is one sentence.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pulumi

from components import outputs
from components.edb.names import link_host
from components.edb.published import overlaps, published
from components.settings import Settings


def peer_grant(standbys: Any, settings: Settings) -> outputs.Grant:
    """This standby's entry in the primary's output `standbys`.

    Raises:
        pulumi.RunError: the primary has none, or keeps it in another mount or folder.
    """
    stack = settings.primary_stack
    entry = outputs.read_entry(standbys, settings.site, stack=stack, path="standbys")
    if entry is None:
        raise outputs.NotThereYetError(
            f"The primary's stack {stack} has no grant for {settings.site}: set "
            f"rhsi:standbys.{settings.site} there and run `pulumi up -s {stack}` first."
        )
    grant = outputs.read(outputs.Grant, entry, stack=stack, path=f"standbys.{settings.site}")
    if grant.vault_mount != settings.vault.mount:
        raise pulumi.RunError(
            f"rhsi:vault.mount is {settings.vault.mount!r}, but the primary's stack {stack} keeps the "
            f"credentials in {grant.vault_mount!r}: set both to the same mount."
        )
    # Below the mount: the prefix, the site's folder, the secret.
    prefix = str(grant.vault_path).rpartition("/")[0].rpartition("/")[0]
    if prefix != settings.vault.prefix:
        raise pulumi.RunError(
            f"rhsi:vault.prefix is {settings.vault.prefix!r}, but the primary's stack {stack} keeps the credentials "
            f"in {prefix!r}: set both to the same prefix."
        )
    return grant


def peer_sites(standbys: Any, settings: Settings) -> list[str]:
    """The sites of all standbys in the primary's output `standbys`, in order.

    Raises:
        pulumi.RunError: it is no map.
    """
    outputs.read_entry(standbys, settings.site, stack=settings.primary_stack, path="standbys")
    return sorted(standbys or {})


def published_path(standbys: Any, settings: Settings, secret: str) -> pulumi.Input[str]:
    """Where in Vault the primary has put a Secret for this standby, below the mount.

    Raises:
        pulumi.RunError: it has not.
    """
    paths = peer_grant(standbys, settings).secrets
    if secret not in paths:
        raise outputs.NotThereYetError(
            f"The primary's stack {settings.primary_stack} has published no Secret {secret} for {settings.site}: run "
            f"`pulumi up -s {settings.primary_stack}` first."
        )
    return paths[secret]


def peer_postgres(database: Any, settings: Settings) -> outputs.PrimaryPostgres:
    """The primary's output `postgres`, which must agree with this stack on who takes the writes.

    Raises:
        pulumi.RunError: the primary has no database, or another standby of it is promoted.
    """
    stack = settings.primary_stack
    if database is None and settings.postgres.promoted:
        raise outputs.NotThereYetError(
            f"The primary's stack {stack} has no PostgreSQL any more, and the promoted server's passwords come from "
            f"it: set rhsi:postgres.enabled to true and rhsi:postgres.promotedStandby to {settings.site} there and run "
            f"`pulumi up -s {stack}` first."
        )
    if database is None:
        raise outputs.NotThereYetError(
            f"The primary's stack {stack} has no PostgreSQL to follow: set rhsi:postgres.enabled to "
            f"true there and run `pulumi up -s {stack}` first."
        )
    found = outputs.read(outputs.PrimaryPostgres, database, stack=stack, path="postgres")
    # Where the primary's cluster is lost, its stack names nobody.
    other = found.promoted_standby
    if settings.postgres.promoted and other and other != settings.site:
        raise pulumi.RunError(
            f"The primary's stack {stack} names {other} in rhsi:postgres.promotedStandby, and with "
            "rhsi:postgres.promoted here two servers would take writes: remove rhsi:postgres.promoted here, or set "
            f"rhsi:postgres.enabled to false where {other} takes over from this server; if this one "
            f"is meant, write {settings.site} there and run `pulumi up -s {stack}` first."
        )
    return found


def peer_edb(databases: Any, settings: Settings) -> outputs.PrimaryEdb:
    """The primary's output `edb`, which must agree with this stack's settings.

    Raises:
        pulumi.RunError: the primary has no such databases, or they were meant to replicate otherwise.
    """
    stack, wanted = settings.primary_stack, settings.edb
    if databases is None:
        raise outputs.NotThereYetError(
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
    _one_publisher(edb, settings)
    if wanted.smoke_test and not edb.peer_app:
        raise pulumi.RunError(
            f"rhsi:edb.smokeTest needs a login of the primary's databases: set it to true in the stack {stack} too "
            f"and run `pulumi up -s {stack}` first."
        )
    return edb


def _one_publisher(edb: outputs.PrimaryEdb, settings: Settings) -> None:
    stack, publish = settings.primary_stack, settings.edb.publish
    if publish.given and edb.published is None:
        raise outputs.NotThereYetError(
            f"rhsi:edb.publish names tables, but the primary's stack {stack} has those of the demonstration: set it "
            f"there too and run `pulumi up -s {stack}` first."
        )
    theirs = {name: str(kind) for name, kind in (edb.published or {}).items()}
    if theirs and not publish.given:
        raise pulumi.RunError(
            f"The primary's stack {stack} publishes its own tables ({', '.join(theirs)}), and this one none: name in "
            "rhsi:edb.publish what this site publishes."
        )
    for mine, other in overlaps(published(publish.tables, publish.schemas), theirs):
        raise pulumi.RunError(
            f"rhsi:edb.publish names {mine}, but the primary's stack {stack} publishes {other} already: a table has "
            f"one publisher. Remove it here, or there first with `pulumi up -s {stack}`."
        )


def _same_name(site: str, certified: pulumi.Input[str], reached: pulumi.Input[str], where: str) -> None:
    if certified != reached:
        raise pulumi.RunError(
            f"The certificate of {site}'s database is for {certified}, but its peer reaches it as {reached}: set "
            f"rhsi:edb.peerNamespace {where} to the namespace of Skupper's site at the other end."
        )


def peer_routing_prefix(prefix: Any, settings: Settings) -> str:
    """The primary's output `routing_prefix`.

    Raises:
        pulumi.RunError: the primary has none, for it was brought up before there was one.
    """
    if prefix is None:
        raise outputs.NotThereYetError(
            f"The primary's stack {settings.primary_stack} does not tell the name of its services: run "
            f"`pulumi up -s {settings.primary_stack}` first."
        )
    return outputs.read(str, prefix, stack=settings.primary_stack, path="routing_prefix")


def passwords_version(rotation: pulumi.Output[int], grant: pulumi.Output[outputs.Grant]) -> pulumi.Output[str]:
    """A text that changes with the primary's passwords.

    Their rotation alone does not tell: a primary that was destroyed and brought up again has new ones under the same
    number. Its grant is new too.
    """
    return pulumi.Output.format("{}/{}", rotation, grant.expires)


def full_name(stack: str) -> str:
    """A stack's name with the current organization and project, where it has none."""
    return stack if "/" in stack else f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"


class Peer:
    """The outputs of the primary's stack, each of them checked where it is used.

    What the primary does not have yet is unknown in a preview, for a pull request is previewed before anything of it
    exists, and an error in `up`.
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions) -> None:
        self._settings = settings
        self._stack = pulumi.StackReference("primary", full_name(settings.primary_stack), opts)

    @property
    def grant(self) -> pulumi.Output[outputs.Grant]:
        """See `peer_grant`."""
        return self._read("standbys", peer_grant)

    def paths(self, secrets: Iterable[str], of: pulumi.Output[Any]) -> dict[str, pulumi.Output[str]]:
        """See `published_path`, by Secret; `of` is what they are the Secrets of, such as `postgres`, and is read first.

        Where the primary lacks that, it is what the user has to be told, not that one of its Secrets is missing.
        """

        def path(secret: str) -> pulumi.Output[str]:
            # Read within, not before: of two errors at once either may be the one that shows.
            return of.apply(
                lambda _: self._read("standbys", lambda standbys, settings: published_path(standbys, settings, secret))
            )

        return {secret: path(secret) for secret in secrets}

    @property
    def standbys(self) -> pulumi.Output[list[str]]:
        """See `peer_sites`."""
        return self._read("standbys", peer_sites)

    @property
    def postgres(self) -> pulumi.Output[outputs.PrimaryPostgres]:
        """See `peer_postgres`."""
        return self._read("postgres", peer_postgres)

    @property
    def edb(self) -> pulumi.Output[outputs.PrimaryEdb]:
        """See `peer_edb`."""
        return self._read("edb", peer_edb)

    @property
    def routing_prefix(self) -> pulumi.Output[str]:
        """See `peer_routing_prefix`."""
        return self._read("routing_prefix", peer_routing_prefix)

    def _read(self, output: str, check: Callable[[Any, Settings], Any]) -> pulumi.Output[Any]:
        preview = pulumi.runtime.is_dry_run()

        def read(value: Any) -> Any:
            try:
                return check(value, self._settings)
            except outputs.NotThereYetError:
                if preview:
                    return pulumi.UNKNOWN
                raise

        return self._stack.get_output(output).apply(read)
