"""The KV v2 mount. What goes into it belongs to the components that write it (secret.py)."""

from dataclasses import dataclass

import pulumi
import pulumi_vault as vault

from components.component import Component


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
