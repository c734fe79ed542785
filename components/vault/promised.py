"""Whether Vault still has the secrets that another stack's outputs promise, before anything waits for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.last_resort import worded
from components.vault.reading import is_missing


@dataclass(frozen=True, kw_only=True)
class PromisedSecretsArgs:
    """What is promised.

    Attributes:
        stack: whose outputs promise it.
        mount: the KV v2 mount.
        paths: path below the mount by Secret.
        version: any text; another one asks Vault again, as another path does.
    """

    stack: str
    mount: str
    paths: Mapping[str, pulumi.Input[str]]
    version: pulumi.Input[str]


class PromisedSecrets(Component):
    """Asks Vault whether a promise is kept, before the first that waits for it; a settled stack asks nothing.

    Pulumi keeps a stack's outputs while anything of it is left, as after `pulumi destroy --exclude-protected`. Whoever
    needs such a Secret would wait for it in vain, and depends on this component instead.
    """

    def __init__(self, name: str, args: PromisedSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component. A promise that is not kept fails it, in `up` only."""
        super().__init__("rhsi:index:PromisedSecrets", name, opts)
        self._args = args
        hook = pulumi.ResourceHook(f"{name}-look", worded(self._look))
        kept = pulumi.Stash(
            f"{name}-paths",
            input={"paths": args.paths, "version": args.version},
            opts=self.child(hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])),
        )
        self.register_outputs({"id": kept.id})

    async def _look(self, hook: pulumi.ResourceHookArgs) -> None:
        args = self._args
        for secret, path in ((hook.new_inputs or {}).get("input") or {})["paths"].items():
            if await is_missing(args.mount, path, self):
                raise pulumi.RunError(
                    f"The outputs of the primary's stack {args.stack} promise {secret} at {args.mount}/{path}, but "
                    f"Vault has none: run `pulumi up -s {args.stack}` first. If that says unchanged, somebody deleted "
                    "it: raise passwordRotation of rhsi:postgres or rhsi:edb there."
                )
