"""Looking at what Vault has: through the provider, and without leaving a trace.

A token for previews need not be allowed to read, nor be there at all: what cannot be read counts as absent to
`read_secret` and `read_api`. `is_absent` and `is_missing` ask for certainty, each in its own direction.
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from components.owner import OwnerError

# The function for KV version 1 reads any path as it is. The generic one puts `data` into a path in a KV v2 mount
# (terraform-provider-vault:vault/data_source_kv_secret.go, kv_helpers.go).
_READ = "vault:kv/getSecret:getSecret"
# What it says where Vault answers 404 (the same file).
_ABSENT = "no secret found at"
# What is said of an empty folder (terraform-provider-vault: vault/kv_helpers.go, kvListRequest). Reading a secret's
# subkeys would tell as well, but where there is no secret the provider crashes (data_source_kv_subkeys_v2.go).
_EMPTY = "no secrets found at"


async def read_secret(mount: str, path: str, component: pulumi.Resource) -> Mapping[str, str] | None:
    """The fields of a KV v2 secret, empty for a deleted one; None where there is none, or none that may be read.

    Args:
        mount: the KV v2 mount.
        path: below the mount.
        component: whose provider asks.
    """
    found = await _asked("vault:kv/getSecretV2:getSecretV2", {"mount": mount, "name": path}, component)
    return None if found is None else found.get("data") or {}


async def read_api(path: str, component: pulumi.Resource) -> Mapping[str, Any] | None:
    """The answer at a path of Vault's API, or None where there is none, or none that may be read."""
    found = await _asked(_READ, {"path": path}, component)
    answer = None if found is None else json.loads(found["dataJson"])
    return answer if isinstance(answer, Mapping) else None


async def is_absent(path: str, component: pulumi.Resource) -> bool:
    """Whether Vault has nothing at a path of its API, for what is about to be written there without a condition.

    A preview writes nothing, so there what cannot be read counts as absent.

    Raises:
        OwnerError: an `up` cannot tell, and would perhaps write over what another stack made.
    """
    try:
        await _invoke(_READ, {"path": path}, component)
    except Exception as error:
        # The SDK has no narrower kind for "the provider said no".
        if _ABSENT in str(error) or pulumi.runtime.is_dry_run():
            return True
        raise OwnerError(
            f"Nobody can tell whether {path} in Vault is another stack's already, so nothing was written there. Give "
            f"the token `read` on that path, or repeat this once Vault answers: {error}"
        ) from error
    return False


async def is_missing(mount: str, path: str, component: pulumi.Resource) -> bool:
    """Whether Vault is certain that it has no such secret; False also where it is away or may not be asked.

    It is asked by name, and no value is read.

    Args:
        mount: the KV v2 mount.
        path: below the mount.
        component: whose provider asks.
    """
    folder, _, name = path.rpartition("/")
    try:
        found = await _invoke("vault:kv/getSecretsListV2:getSecretsListV2", {"mount": mount, "name": folder}, component)
    except Exception as error:
        # The SDK has no narrower kind for "the provider said no".
        return _EMPTY in str(error)
    return name not in found["names"]


async def _invoke(function: str, arguments: dict[str, Any], component: pulumi.Resource) -> Any:
    return await pulumi.runtime.invoke_async(function, arguments, pulumi.InvokeOptions(parent=component))


async def _asked(function: str, arguments: dict[str, Any], component: pulumi.Resource) -> Mapping[str, Any] | None:
    try:
        found = await _invoke(function, arguments, component)
    except Exception as error:
        # The SDK has no narrower kind for "the provider said no".
        pulumi.log.debug(f"{function} of {arguments}: {error}", component)
        return None
    return found if isinstance(found, Mapping) else None
