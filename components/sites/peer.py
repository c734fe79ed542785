"""The primary as its standby knows it: by the outputs of its stack, and by nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.settings import Settings


def rotation_commands(primary_stack: str, standby: str, rotation: int, standby_stack: str) -> str:
    """What to type for the rotation that follows `rotation`."""
    return (
        f"pulumi config set --path 'rhsi:standbys.{standby}.rotation' {rotation + 1} -s {primary_stack} && "
        f"pulumi up -s {primary_stack} && pulumi up -s {standby_stack}"
    )


def peer_grant(standbys: Mapping[str, Any] | None, settings: Settings) -> dict[str, Any]:
    """This standby's entry in the primary's output `standbys`, with the rotation as the integer it is.

    Raises:
        pulumi.RunError: the primary has none, or keeps it in another mount.
    """
    entry = (standbys or {}).get(settings.site)
    if entry is None:
        raise pulumi.RunError(
            f"The primary's stack {settings.primary_stack} has no grant for {settings.site}: set "
            f"rhsi:standbys.{settings.site} there and run `pulumi up -s {settings.primary_stack}` first."
        )
    if entry["vault_mount"] != settings.vault.mount:
        raise pulumi.RunError(
            f"rhsi:vault.mount is {settings.vault.mount!r}, but the primary's stack {settings.primary_stack} keeps the "
            f"credentials in {entry['vault_mount']!r}: set both to the same mount."
        )
    return {**entry, "rotation": int(entry["rotation"])}


def peer_database(database: Mapping[str, Any] | None, settings: Settings) -> dict[str, Any]:
    """The primary's output `postgres`.

    Raises:
        pulumi.RunError: the primary has no database.
    """
    if database is None:
        raise pulumi.RunError(
            f"The primary's stack {settings.primary_stack} has no PostgreSQL to follow: set rhsi:postgres.enabled to "
            f"true there and run `pulumi up -s {settings.primary_stack}` first."
        )
    return {**database, "password_rotation": int(database["password_rotation"])}


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
    def grant(self) -> pulumi.Output[dict[str, Any]]:
        """See `peer_grant`."""
        return self._read("standbys", peer_grant, lambda standbys: self._settings.site in (standbys or {}))

    @property
    def database(self) -> pulumi.Output[dict[str, Any]]:
        """See `peer_database`."""
        return self._read("postgres", peer_database, lambda database: database is not None)

    @property
    def routing_prefix(self) -> pulumi.Output[str]:
        """See `peer_routing_prefix`."""
        return self._read("routing_prefix", peer_routing_prefix, bool)

    def _read(
        self, output: str, check: Callable[[Any, Settings], Any], is_there: Callable[[Any], bool]
    ) -> pulumi.Output[Any]:
        preview = pulumi.runtime.is_dry_run()

        def read(value: Any) -> Any:
            # A pull request is previewed before anything of it exists; then what the primary will say is unknown.
            return pulumi.UNKNOWN if preview and not is_there(value) else check(value, self._settings)

        return self._stack.get_output(output).apply(read)
