"""What every login of a cluster to Vault shares: whose it is, where it is made, and the policy that it ends in.

Owns the policy. It comes before everything else of a standby in Vault, for it tells whose the site is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_vault as vault

from components.component import Component
from components.last_resort import worded
from components.owner import OwnerError
from components.vault.reading import is_absent

TOKEN_TTL_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class VaultLoginArgs:
    """A cluster's login to Vault.

    Attributes:
        site: whose cluster it is, for the mount's description.
        policy: name of policy and role.
        folder: what they may read, below the mount.
        shared: paths of single secrets that they may read besides, below the mount.
        namespace: of the service account.
        other_namespaces: where an account of the same name may log in too; see `ReaderAccount`.
        service_account: the account that logs in.
        auth_path: the auth mount, one for each cluster.
        manage_auth: whether mount and configuration are this stack's; policy and role always are.
        kv_mount: the KV v2 mount, as the policy's namespace sees it.
        audiences: audiences of the client's token; empty means the API server's own.
    """

    site: str
    policy: str
    folder: str
    namespace: str
    service_account: str
    auth_path: str
    kv_mount: str
    shared: tuple[str, ...]
    other_namespaces: tuple[str, ...]
    manage_auth: bool
    audiences: tuple[str, ...]


def policy_hcl(kv_mount: str, folder: str, shared: Sequence[str] = ()) -> str:
    """The site's policy: read the values below its own folder and what it shares with others, nothing else."""
    paths = [f"{folder}/*", *shared]
    return "\n".join(f'path "{kv_mount}/data/{path}" {{\n  capabilities = ["read"]\n}}\n' for path in paths)


def policy_refusal(args: VaultLoginArgs) -> str:
    """Why a policy of this name cannot be made where there is one."""
    return (
        f"Policy {args.policy} in Vault exists already: another stack is the standby {args.site} of this mount, "
        "or was, or a run of this one was killed while it made the policy. Nothing was written. Give this site another "
        "name (rhsi:site), or its environment another rhsi:vault.mount or rhsi:vault.prefix. If no other stack has it, "
        f"`vault policy delete {args.policy}`, then run this again."
    )


def site_policy(component: Component, name: str, args: VaultLoginArgs) -> vault.Policy:
    """Register the policy. Where there is one of its name, the run fails with an OwnerError's text."""

    async def look(_: pulumi.ResourceHookArgs) -> None:
        if not await is_absent(f"sys/policies/acl/{args.policy}", component):
            raise OwnerError(policy_refusal(args))

    # Vault writes a policy over another one without a word.
    looking = pulumi.ResourceHook(f"{name}-look", worded(look), pulumi.ResourceHookOptions(on_dry_run=True))
    return vault.Policy(
        f"{name}-policy",
        name=args.policy,
        policy=policy_hcl(args.kv_mount, args.folder, args.shared),
        opts=component.child(delete_before_replace=True, hooks=pulumi.ResourceHookBinding(before_create=[looking])),
    )
