"""Whose a path in Vault is: a small secret beside it that names the stack, written once and never again.

Whatever a stack writes at a path of which another stack could think the same depends on it, so that nobody writes over
anybody else's. Vault itself decides between two stacks that come at once: the secret is written only where there is
none. It goes with the stack that wrote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.last_resort import worded
from components.owner import Owner, OwnerError
from components.vault.mount import mount_problem
from components.vault.reading import read_secret
from components.vault.secret import kv_secret

OTHER_ENVIRONMENT = (
    "this environment another rhsi:vault.mount, or a rhsi:vault.prefix of its own, the same in all its stacks"
)
OTHER_SITE = "this site another name (rhsi:site), or its environment another rhsi:vault.mount or rhsi:vault.prefix"


@dataclass(frozen=True, kw_only=True)
class VaultOwnerArgs:
    """What a stack claims.

    Attributes:
        owner: the stack.
        mount: the KV v2 mount.
        existing: whether the mount is somebody else's, and may be of a kind that cannot hold the secrets.
        path: of the secret that says so, below the mount.
        claimed: what it stands for, for the message.
        give: the end of the message to whoever comes second, after "Give".
    """

    owner: Owner
    mount: str
    existing: bool
    path: str
    claimed: str
    give: str


def refusal(found: Mapping[str, str], args: VaultOwnerArgs, own_id: str | None) -> str:
    """Why the claim cannot be made where there is one already, with these fields."""
    place = f"{args.mount}/{args.path}"
    if own_id and found.get("id") == own_id:
        return (
            f"{place} in Vault is this stack's own claim, of a run that was killed before it could remember it: "
            f"`vault kv metadata delete -mount={args.mount} {args.path}`, then run this again."
        )
    return (
        f"{args.claimed} in Vault belongs to another stack, {found.get('stack') or 'of unknown name'} with the id "
        f"{found.get('id') or '(unknown)'}, as {place} says; this is {args.owner.stack} with the id "
        f"{own_id or '(none yet)'}. Nothing was written there. Give {args.give}."
    )


class VaultOwner(Component):
    """The secret, with the fields `stack` and `id`; whatever it stands for depends on this component."""

    path: pulumi.Output[str]

    def __init__(self, name: str, args: VaultOwnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component. It looks before it writes, in a preview too, and fails with an OwnerError's text."""
        super().__init__("rhsi:index:VaultOwner", name, opts)
        self._args = args
        # Only the first run asks Vault; the secret's own condition decides where two ask at once, or nobody may ask.
        looking = pulumi.ResourceHook(f"{name}-look", worded(self._look), pulumi.ResourceHookOptions(on_dry_run=True))
        self.path = kv_secret(
            f"{name}-secret",
            mount=args.mount,
            path=args.path,
            fields={"stack": args.owner.stack, "id": args.owner.id},
            once_only=True,
            opts=self.child(hooks=pulumi.ResourceHookBinding(before_create=[looking])),
        )
        self.register_outputs({"path": self.path})

    async def _look(self, _: pulumi.ResourceHookArgs) -> None:
        args = self._args
        if args.existing and (problem := await mount_problem(args.mount, self)):
            raise OwnerError(f"rhsi:vault.mount is {args.mount!r}, which {problem}. Nothing was written to it.")
        found = await read_secret(args.mount, args.path, self)
        if found is not None:
            raise OwnerError(refusal(found, args, await args.owner.id.future()))
