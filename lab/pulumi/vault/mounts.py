"""Secrets engines, auth methods and policies.

Source: terraform-provider-vault:vault/resource_{mount,auth_backend,policy}.go.
"""

import re

from lab.pulumi.values import Properties
from lab.pulumi.vault.client import VaultClient, VaultError
from lab.pulumi.vault.kinds import Kind


def _mount_at(client: VaultClient, path: str) -> Properties | None:
    try:
        answer = client.read(path)
    except VaultError as error:
        if error.status == 400 and re.search("No (secret|auth) engine (mount )?at", str(error)):
            return None
        raise
    return None if answer is None else dict(answer.get("data") or answer)


def _seconds(inputs: Properties, key: str) -> str:
    return f"{int(inputs.get(key) or 0)}s"


class Mount(Kind):
    """A secrets engine. A new path moves it."""

    replacing = ("type", "local", "sealWrap", "externalEntropyAccess")
    computed = ("accessor", "defaultLeaseTtlSeconds", "maxLeaseTtlSeconds")

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        body = {
            "type": inputs["type"],
            "description": inputs.get("description", ""),
            "config": {
                "default_lease_ttl": _seconds(inputs, "defaultLeaseTtlSeconds"),
                "max_lease_ttl": _seconds(inputs, "maxLeaseTtlSeconds"),
            },
            "local": bool(inputs.get("local")),
            "seal_wrap": bool(inputs.get("sealWrap")),
            "options": inputs.get("options") or {},
        }
        client.write(f"sys/mounts/{inputs['path']}", body, "POST")
        return str(inputs["path"])

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; the id from now on."""
        if news["path"] != id_:
            client.write("sys/remount", {"from": id_, "to": news["path"]}, "POST")
        body: Properties = {
            "default_lease_ttl": _seconds(news, "defaultLeaseTtlSeconds"),
            "max_lease_ttl": _seconds(news, "maxLeaseTtlSeconds"),
            "options": news.get("options") or {},
        }
        if olds.get("description") != news.get("description"):
            body["description"] = news.get("description", "")
        client.write(f"sys/mounts/{news['path']}/tune", body, "POST")
        return str(news["path"])

    def read(self, client: VaultClient, id_: str, _state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        mount = _mount_at(client, f"sys/mounts/{id_}")
        if mount is None:
            return None
        config = mount.get("config") or {}
        return {
            "path": id_,
            "type": mount.get("type"),
            "description": mount.get("description", ""),
            "accessor": mount.get("accessor"),
            "options": mount.get("options") or {},
            "local": bool(mount.get("local")),
            "sealWrap": bool(mount.get("seal_wrap")),
            "externalEntropyAccess": bool(mount.get("external_entropy_access")),
            "defaultLeaseTtlSeconds": config.get("default_lease_ttl", 0),
            "maxLeaseTtlSeconds": config.get("max_lease_ttl", 0),
        }

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource, with everything in it."""
        client.delete(f"sys/mounts/{id_}")


class AuthBackend(Kind):
    """An auth method. A new path moves it."""

    replacing = ("type", "local")
    computed = ("accessor",)

    def defaults(self, inputs: Properties) -> Properties:
        """The path is the type, unless one is given."""
        return inputs if "path" in inputs else {**inputs, "path": inputs["type"]}

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        body = {
            "type": inputs["type"],
            "description": inputs.get("description", ""),
            "local": bool(inputs.get("local")),
        }
        client.write(f"sys/auth/{inputs['path']}", body, "POST")
        return str(inputs["path"])

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; the id from now on."""
        if news["path"] != id_:
            client.write("sys/remount", {"from": f"auth/{id_}", "to": f"auth/{news['path']}"}, "POST")
        if olds.get("description") != news.get("description"):
            client.write(f"sys/mounts/auth/{news['path']}/tune", {"description": news.get("description", "")}, "POST")
        return str(news["path"])

    def read(self, client: VaultClient, id_: str, _state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        mount = _mount_at(client, f"sys/auth/{id_}")
        if mount is None:
            return None
        # The real provider reads it too, and so needs the right to.
        client.read(f"sys/mounts/auth/{id_}/tune")
        return {
            "path": id_,
            "type": mount.get("type"),
            "description": mount.get("description", ""),
            "accessor": mount.get("accessor"),
            "local": bool(mount.get("local")),
        }

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource, with every role in it."""
        client.delete(f"sys/auth/{id_}")


class Policy(Kind):
    """An ACL policy; creating one overwrites another of that name."""

    replacing = ("name",)
    named = True

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        name = str(inputs["name"])
        if client.read(f"sys/policies/acl/{name}") is not None and inputs.get("allowOverwrite") is False:
            raise VaultError(0, f'policy "{name}" already exists and allowOverwrite is false')
        client.write(f"sys/policies/acl/{name}", {"policy": inputs["policy"]})
        return name

    def update(self, client: VaultClient, id_: str, _olds: Properties, news: Properties) -> str:
        """Write the changes; the id from now on."""
        client.write(f"sys/policies/acl/{id_}", {"policy": news["policy"]})
        return id_

    def read(self, client: VaultClient, id_: str, _state: Properties) -> Properties:
        """What Vault says about the resource. As upstream, one that is gone is one that allows nothing."""
        answer = client.read(f"sys/policies/acl/{id_}")
        return {"name": id_, "policy": "" if answer is None else answer["data"]["policy"]}

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource."""
        client.delete(f"sys/policies/acl/{id_}")
