"""A secret in a KV v2 mount: the one way in which this program writes one."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_vault.kv import SecretV2

from components.component import once


def kv_secret(
    name: str,
    *,
    mount: pulumi.Input[str],
    path: str,
    fields: pulumi.Input[Mapping[str, Any]],
    opts: pulumi.ResourceOptions,
    once_only: bool = False,
) -> pulumi.Output[str]:
    """Register the secret, with all its versions this program's, and return its path, known once it is written.

    Args:
        name: logical name.
        mount: the KV v2 mount.
        path: below the mount.
        fields: of the secret; all of them are secret, whether they are marked so or not.
        opts: from `Component.child`.
        once_only: whether it is written only where there is none, and never again, whatever the fields become.
    """
    secret = SecretV2(
        name,
        mount=mount,
        name=path,
        data_json=pulumi.Output.json_dumps(fields),
        # "No version before this one". Vault looks for it in the request's options only: the provider's own `cas` goes
        # beside them, where nothing reads it (terraform-provider-vault:vault/resource_kv_secret_v2.go,
        # vault-plugin-secrets-kv:path_data.go).
        options={"cas": "0"} if once_only else None,
        delete_all_versions=True,
        opts=pulumi.ResourceOptions.merge(
            opts,
            # Both lives of a replaced secret share one path: creating first would delete what was just written.
            pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=["dataJson"] if once_only else []),
        ),
    )
    return once(secret, path)
