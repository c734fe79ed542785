"""A secret in a KV v2 mount: the one way in which this program writes one."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_vault.kv import SecretV2

from components.component import once


def kv_secret(
    name: str,
    *,
    mount: str,
    path: str,
    fields: pulumi.Input[Mapping[str, Any]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the secret, with all its versions this program's, and return its path, known once it is written.

    Args:
        name: logical name.
        mount: the KV v2 mount.
        path: below the mount.
        fields: of the secret; all of them are secret, whether they are marked so or not.
        opts: from `Component.child`.
    """
    secret = SecretV2(
        name,
        mount=mount,
        name=path,
        data_json=pulumi.Output.json_dumps(fields),
        delete_all_versions=True,
        # Both lives of a replaced secret share one path: creating first would delete what was just written.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True)),
    )
    return once(secret, path)
