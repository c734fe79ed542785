"""Everything in Vault that two environments could take from each other, to compare before and after."""

from typing import Any

import hvac
from hvac.exceptions import InvalidPath

KEPT = frozenset({"token/", "cubbyhole/", "identity/", "sys/"})


def contents(client: hvac.Client) -> dict[str, Any]:
    """Secrets with their versions, mounts, policies, auth mounts with configuration and roles, each by its path."""
    found: dict[str, Any] = {}
    for path, mount in client.sys.list_mounted_secrets_engines()["data"].items():
        if path not in KEPT:
            found[f"mount {path}"] = (mount["type"], mount["options"], mount["accessor"])
            if mount["options"] == {"version": "2"}:
                found |= _secrets(client, path.rstrip("/"))
    for name in client.sys.list_policies()["data"]["policies"]:
        found[f"policy {name}"] = client.sys.read_policy(name)["data"]["rules"] if name != "root" else ""
    for path, mount in client.sys.list_auth_methods()["data"].items():
        if path not in KEPT:
            found[f"auth {path}"] = (mount["type"], mount["accessor"])
            found |= _logins(client, path.rstrip("/"))
    return found


def of(found: dict[str, Any], *words: str) -> dict[str, Any]:
    """The part whose paths have one of these words in them."""
    return {path: value for path, value in found.items() if any(word in path for word in words)}


def _secrets(client: hvac.Client, mount: str, folder: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _listed(client, f"{mount}/metadata/{folder}"):
        if name.endswith("/"):
            found |= _secrets(client, mount, folder + name)
        else:
            found[f"secret {mount}/{folder}{name}"] = client.read(f"{mount}/data/{folder}{name}")["data"]
    return found


def _logins(client: hvac.Client, path: str) -> dict[str, Any]:
    config = client.read(f"auth/{path}/config")
    found: dict[str, Any] = {f"config {path}": config and config["data"]}
    for role in _listed(client, f"auth/{path}/role"):
        found[f"role {path}/{role}"] = client.read(f"auth/{path}/role/{role}")["data"]
    return found


def _listed(client: hvac.Client, path: str) -> list[str]:
    try:
        answer = client.list(path)
    except InvalidPath:
        return []
    return list(answer["data"]["keys"]) if answer else []
