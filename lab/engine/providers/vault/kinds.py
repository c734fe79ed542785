"""The kinds of Vault resources: how each is written, read and deleted.

Property names are the Pulumi provider's (camelCase), ids are those of its Terraform bridge. Source:
terraform-provider-vault:vault/resource_{mount,auth_backend,policy,kv_secret_v2,kv_secret_backend_v2}.go and
resource_kubernetes_auth_backend_{config,role}.go.
"""

import json
import re
from typing import Any, ClassVar, Protocol

from lab.engine.providers.vault.client import VaultClient, VaultError
from lab.engine.values import Properties


def snake(name: str) -> str:
    """`tokenTtl` as `token_ttl`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)


class Kind(Protocol):
    """One kind. All values are revealed; `state` is what the stack's state holds.

    Attributes:
        replacing: inputs whose change needs another resource.
        named: whether a missing `name` is made up.
        unordered: list inputs whose order means nothing.
    """

    replacing: ClassVar[tuple[str, ...]]
    named: ClassVar[bool]
    unordered: ClassVar[tuple[str, ...]]

    def defaults(self, inputs: Properties) -> Properties:
        """Inputs that follow from others."""
        ...

    def create(self, client: VaultClient, inputs: Properties, /) -> str:
        """Write the new resource; its id."""
        ...

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties, /) -> str:
        """Write the changes; the id from now on."""
        ...

    def read(self, client: VaultClient, id_: str, state: Properties, /) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        ...

    def delete(self, client: VaultClient, id_: str, state: Properties, /) -> None:
        """Delete the resource."""
        ...


class _Base:
    replacing: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = False
    unordered: ClassVar[tuple[str, ...]] = ()

    def defaults(self, inputs: Properties) -> Properties:
        """Inputs that follow from others."""
        return inputs


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


class Mount(_Base):
    """A secrets engine. A new path moves it."""

    replacing = ("type", "local", "sealWrap", "externalEntropyAccess")

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


class AuthBackend(_Base):
    """An auth method. A new path moves it."""

    replacing = ("type", "local")

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


class Policy(_Base):
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

    def read(self, client: VaultClient, id_: str, _state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(f"sys/policies/acl/{id_}")
        return None if answer is None else {"name": id_, "policy": answer["data"]["policy"]}

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource."""
        client.delete(f"sys/policies/acl/{id_}")


class KubernetesAuthConfig(_Base):
    """How a Kubernetes auth method reaches its cluster. It is written whole, and goes with its method."""

    replacing = ("backend",)

    def defaults(self, inputs: Properties) -> Properties:
        """The method is mounted at `kubernetes`, unless a path is given."""
        return inputs if "backend" in inputs else {**inputs, "backend": "kubernetes"}

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        path = f"auth/{str(inputs['backend']).strip('/')}/config"
        body: Properties = {
            "kubernetes_host": inputs["kubernetesHost"],
            "disable_iss_validation": bool(inputs.get("disableIssValidation")),
            "use_annotations_as_alias_metadata": bool(inputs.get("useAnnotationsAsAliasMetadata")),
        }
        for key in ("kubernetesCaCert", "issuer", "disableLocalCaJwt"):
            if inputs.get(key):
                body[snake(key)] = inputs[key]
        if jwt := inputs.get("tokenReviewerJwt") or inputs.get("tokenReviewerJwtWo"):
            body["token_reviewer_jwt"] = jwt
        if inputs.get("pemKeys"):
            body["pem_keys"] = ",".join(inputs["pemKeys"])
        client.write(path, body)
        return path

    def update(self, client: VaultClient, _id: str, _olds: Properties, news: Properties) -> str:
        """Write the whole configuration again; the id from now on."""
        return self.create(client, news)

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(id_)
        if answer is None:
            return None
        names = (
            *("kubernetesCaCert", "kubernetesHost", "issuer", "disableIssValidation", "disableLocalCaJwt", "pemKeys"),
            "useAnnotationsAsAliasMetadata",
        )
        found = {name: answer["data"].get(snake(name)) for name in names}
        return {**found, "backend": state.get("backend") or id_.removeprefix("auth/").removesuffix("/config")}

    def delete(self, _client: VaultClient, _id: str, _state: Properties) -> None:
        """Nothing: the configuration goes with its method."""


class KubernetesAuthRole(_Base):
    """A role of a Kubernetes auth method."""

    replacing = ("roleName", "backend")
    _SETS: ClassVar[tuple[str, ...]] = (
        "boundServiceAccountNames",
        "boundServiceAccountNamespaces",
        "tokenPolicies",
        "tokenBoundCidrs",
    )
    _FIELDS: ClassVar[tuple[str, ...]] = (
        *("audience", "aliasNameSource", "boundServiceAccountNamespaceSelector", "tokenTtl", "tokenMaxTtl"),
        *("tokenExplicitMaxTtl", "tokenPeriod", "tokenNumUses", "tokenNoDefaultPolicy", "tokenType"),
    )
    unordered = _SETS

    def defaults(self, inputs: Properties) -> Properties:
        """The method is mounted at `kubernetes`, unless a path is given."""
        return inputs if "backend" in inputs else {**inputs, "backend": "kubernetes"}

    def _body(self, inputs: Properties) -> Properties:
        return {snake(name): inputs[name] for name in (*self._SETS, *self._FIELDS) if name in inputs}

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        path = f"auth/{str(inputs['backend']).strip('/')}/role/{inputs['roleName']}"
        client.write(path, self._body(inputs))
        return path

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; what is no longer set becomes Vault's default. The id from now on."""
        cleared = {snake(name): [] if name in self._SETS else "" for name in olds if name in (*self._SETS, "audience")}
        client.write(id_, {**cleared, **self._body(news)})
        return id_

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(id_)
        if answer is None:
            return None
        data = answer["data"]
        backend, _, role = id_.removeprefix("auth/").partition("/role/")
        found = {name: data[snake(name)] for name in (*self._SETS, *self._FIELDS) if snake(name) in data}
        return {**found, "backend": state.get("backend") or backend, "roleName": role}

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource."""
        client.delete(id_)


class SecretV2(_Base):
    """A secret in a KV v2 mount. Its data is never read back, so a change made elsewhere is not seen."""

    replacing = ("mount", "name")
    named = True

    def _write(self, client: VaultClient, inputs: Properties) -> str:
        path = f"{inputs['mount']}/data/{inputs['name']}"
        try:
            data = json.loads(inputs.get("dataJson") or inputs.get("dataJsonWo") or "")
        except ValueError as error:
            # The real provider prints the data here; this one must not.
            raise VaultError(0, f"data_json [secret] syntax error: {error.args[0].split(':')[0]}") from None
        body: Properties = {"data": data, "options": inputs.get("options") or {}}
        if inputs.get("cas"):
            body["cas"] = inputs["cas"]
        client.write_patiently(path, body)
        if custom := inputs.get("customMetadata"):
            fields = {snake(key): value for key, value in custom.items() if key != "data"}
            metadata = {**fields, **({"custom_metadata": custom["data"]} if "data" in custom else {})}
            client.write(f"{inputs['mount']}/metadata/{inputs['name']}", metadata)
        return path

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the first version; its id."""
        return self._write(client, inputs)

    def update(self, client: VaultClient, _id: str, _olds: Properties, news: Properties) -> str:
        """Write another version; the id from now on."""
        return self._write(client, news)

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """Its path and the metadata of its latest version, or None if nothing is left of it."""
        mount, _, name = id_.partition("/data/")
        found: Properties = {"path": id_, "mount": mount, "name": name}
        if state.get("disableRead"):
            return found
        try:
            answer = client.read(id_)
        except VaultError as error:
            raise VaultError(error.status, f"error reading from Vault: {error}") from error
        if answer is None:
            return None
        metadata = (answer.get("data") or {}).get("metadata") or {}
        return {**found, "data": {}, "metadata": {key: _text(value) for key, value in metadata.items()}}

    def delete(self, client: VaultClient, id_: str, state: Properties) -> None:
        """Delete the latest version, or all of them."""
        mount, _, name = id_.partition("/data/")
        client.delete(f"{mount}/{'metadata' if state.get('deleteAllVersions') else 'data'}/{name}")


class SecretBackendV2(_Base):
    """The configuration of a KV v2 mount; it goes with the mount."""

    replacing = ("mount",)

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the configuration; its id."""
        path = f"{inputs['mount']}/config"
        body = {snake(key): inputs[key] for key in ("maxVersions", "casRequired") if key in inputs}
        if "deleteVersionAfter" in inputs:
            body["delete_version_after"] = f"{int(inputs['deleteVersionAfter'])}s"
        client.write_patiently(path, body)
        return path

    def update(self, client: VaultClient, _id: str, _olds: Properties, news: Properties) -> str:
        """Write the configuration again; the id from now on."""
        return self.create(client, news)

    def read(self, client: VaultClient, id_: str, _state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(id_)
        if answer is None:
            return None
        data = answer["data"]
        found = {"maxVersions": data.get("max_versions"), "casRequired": data.get("cas_required")}
        return {**found, "mount": id_.removesuffix("/config")}

    def delete(self, _client: VaultClient, _id: str, _state: Properties) -> None:
        """Nothing: the configuration goes with the mount."""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


KINDS: dict[str, Kind] = {
    "vault:index/mount:Mount": Mount(),
    "vault:index/authBackend:AuthBackend": AuthBackend(),
    "vault:index/policy:Policy": Policy(),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": KubernetesAuthConfig(),
    "vault:kubernetes/authBackendRole:AuthBackendRole": KubernetesAuthRole(),
    "vault:kv/secretV2:SecretV2": SecretV2(),
    "vault:kv/secretBackendV2:SecretBackendV2": SecretBackendV2(),
}
