"""What the standby publishes, where the primary can read it: a small secret in the standby's folder in Vault.

The standby knows the primary by the outputs of its stack. The primary's stack reads no outputs of its standby, which
comes later and of which it depends on nothing; so that one table has one publisher also when the primary's list changes
later, the standby leaves its own in Vault. It holds names only, and goes with the standby's stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

from components.component import Component
from components.edb.published import Published
from components.vault.reading import is_missing, read_secret
from components.vault.secret import kv_secret

NAME = "edb-published"


class UnreadableListError(pulumi.RunError):
    """Nobody can tell what the standby publishes."""


@dataclass(frozen=True, kw_only=True)
class PublishedListArgs:
    """The list of a standby, at `path` below the KV v2 mount; known once the primary's list does not contradict it."""

    vault_mount: str
    path: str
    published: pulumi.Output[Published]


class PublishedList(Component):
    """The secret; the Publication depends on this component, so that nothing is published that is not in the list."""

    path: pulumi.Output[str]

    def __init__(self, name: str, args: PublishedListArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PublishedList", name, opts)
        self.path = kv_secret(
            f"{name}-vault", mount=args.vault_mount, path=args.path, fields=args.published, opts=self.child()
        )
        self.register_outputs({"path": self.path})


def standbys_list(mount: str, path: str, component: pulumi.Resource) -> pulumi.Output[Mapping[str, str]]:
    """What the standby's stack has left at the path, empty where it has left nothing yet; for the primary's stack.

    A preview whose token may not read takes it for unknown.
    """

    async def read() -> Mapping[str, str] | None:
        found = await read_secret(mount, path, component)
        if found is not None:
            return found
        if await is_missing(mount, path, component):
            return {}
        if not pulumi.runtime.is_dry_run():
            raise UnreadableListError(
                f"Nobody can tell what the other site publishes, since {mount}/{path} in Vault cannot be read: give "
                "the token `read` on that path and `list` on its folder, or repeat this once Vault answers."
            )
        return None

    def known(found: Mapping[str, str] | None) -> Mapping[str, str]:
        return pulumi.UNKNOWN if found is None else found  # type: ignore[return-value] # the SDK's word for "unknown"

    listed: pulumi.Output[Mapping[str, str] | None] = pulumi.Output.from_input(cast("Any", read()))
    return listed.apply(known)
