"""The KV v2 mount: this stack's own, or one that exists already. What goes into it others write (secret.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_vault as vault

from components.component import Component
from components.vault.reading import read_api


@dataclass(frozen=True, kw_only=True)
class KvStoreArgs:
    """A KV v2 mount that this stack owns; `protect` keeps `pulumi destroy` from it."""

    mount: str
    protect: bool


class KvStore(Component):
    """The KV v2 mount."""

    mount: pulumi.Output[str]

    def __init__(self, name: str, args: KvStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:KvStore", name, opts)
        mount = vault.Mount(
            f"{name}-mount",
            path=args.mount,
            type="kv",
            options={"version": "2"},
            description="Skupper link credentials (rhsi)",
            opts=self.child(protect=args.protect, delete_before_replace=True),
        )
        self.mount = mount.path
        self.register_outputs({"mount": self.mount})


async def mount_problem(mount: str, component: pulumi.Resource) -> str | None:
    """Why a mount that exists cannot hold this program's secrets, with the fix; None for a good one.

    A mount that the token cannot look at is a good one: Vault refuses what is written to it.

    Args:
        mount: its path.
        component: whose provider asks.
    """
    # Every token with a right inside the mount may ask this; no token with none.
    described = await read_api(f"sys/internal/ui/mounts/{mount}", component)
    if described is not None and (problem := engine_problem(mount, described)):
        return problem
    config = await read_api(f"{mount}/config", component)
    if config and config.get("cas_required"):
        return (
            "demands check-and-set for every write (cas_required), and this program's rotations have none: "
            f"`vault write {mount}/config cas_required=false`, or set it to another mount of KV version 2"
        )
    return None


def engine_problem(mount: str, described: Mapping[str, Any]) -> str | None:
    """The same, from what Vault says of the mount that a path lies in: `path`, `type`, `options`."""
    path, engine = str(described.get("path") or mount).strip("/"), described.get("type")
    if path != mount:
        folder = mount.removeprefix(f"{path}/")
        return (
            f"is no mount but a folder in the mount {path!r}: set it to {path!r}, and rhsi:vault.prefix to {folder!r}"
        )
    if engine not in ("kv", "generic"):
        return f"is a mount of the engine {engine!r}: set it to a mount of KV version 2"
    version = str((described.get("options") or {}).get("version") or "1")
    if version != "2":
        return (
            f"is a KV mount of version {version}: set it to one of version 2, or upgrade it with "
            f"`vault kv enable-versioning {mount}`"
        )
    return None
