"""Functions of the package: reads that leave nothing in the state.

Source: terraform-provider-vault:vault/data_source_kv_secret_v2.go, data_source_kv_secrets_list_v2.go,
data_source_kv_secret.go, kv_helpers.go.
"""

import json
from typing import Any

from lab.pulumi.values import Properties, secret
from lab.pulumi.vault.client import VaultClient, VaultError


def read_secret_v2(client: VaultClient, arguments: Properties) -> Properties:
    """A secret of a KV v2 mount; of a deleted version only the metadata.

    Raises:
        VaultError: there is none, or Vault refused.
    """
    path = f"{arguments['mount']}/data/{arguments['name']}"
    answer = _secret_at(client, path)
    data, metadata = answer["data"].get("data"), answer["data"].get("metadata") or {}
    return {
        **{key: arguments[key] for key in ("mount", "name", "version", "namespace") if key in arguments},
        "id": path,
        "path": path,
        "data": secret(_texts(data or {})),
        "dataJson": secret(json.dumps(data)),
        "createdTime": metadata.get("created_time", ""),
        "deletionTime": metadata.get("deletion_time", ""),
        "destroyed": bool(metadata.get("destroyed")),
        "version": metadata.get("version"),
        "customMetadata": _texts(metadata.get("custom_metadata") or {}),
    }


def list_secrets_v2(client: VaultClient, arguments: Properties) -> Properties:
    """The names in a folder of a KV v2 mount.

    Raises:
        VaultError: there is nothing, or Vault refused.
    """
    path = f"{arguments['mount']}/metadata/{arguments['name']}"
    try:
        answer = client.read(f"{path}?list=true")
    except VaultError as error:
        raise VaultError(error.status, f'error listing from Vault at path "{path}", err={error}') from error
    if answer is None:
        raise VaultError(0, f'no secrets found at "{path}"')
    return {**arguments, "id": path, "path": path, "names": secret(answer["data"]["keys"])}


def read_path(client: VaultClient, arguments: Properties) -> Properties:
    """What Vault answers at a path, whatever engine is there; the original is meant for KV version 1.

    Raises:
        VaultError: there is nothing, or Vault refused.
    """
    path = str(arguments["path"])
    answer = _secret_at(client, path)
    data = answer.get("data") or {}
    return {
        **arguments,
        "id": path,
        "data": secret(_texts(data)),
        "dataJson": secret(json.dumps(data)),
        "leaseId": answer.get("lease_id", ""),
        "leaseDuration": answer.get("lease_duration", 0),
        "leaseRenewable": bool(answer.get("renewable")),
    }


def _secret_at(client: VaultClient, path: str) -> Properties:
    try:
        answer = client.read(path)
    except VaultError as error:
        raise VaultError(error.status, f'error reading secret "{path}" from Vault: {error}') from error
    if answer is None:
        raise VaultError(0, f'no secret found at "{path}"')
    return answer


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
