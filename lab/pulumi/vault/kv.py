"""Secrets in KV v2 mounts.

Source: terraform-provider-vault:vault/resource_kv_secret_v2.go, resource_kv_secret_backend_v2.go.
"""

import json
from typing import Any

from lab.pulumi.values import Properties
from lab.pulumi.vault.client import VaultClient, VaultError
from lab.pulumi.vault.kinds import Kind, snake


class SecretV2(Kind):
    """A secret in a KV v2 mount. Its data is never read back, so a change made elsewhere is not seen."""

    replacing = ("mount", "name")
    named = True

    def writing(self, inputs: Properties) -> str:  # noqa: ARG002 - see below
        """The client's own words will do: a patient write names its path."""
        return ""

    def _write(self, client: VaultClient, inputs: Properties) -> str:
        path = f"{inputs['mount']}/data/{inputs['name']}"
        try:
            data = json.loads(inputs.get("dataJson") or inputs.get("dataJsonWo") or "")
        except ValueError as error:
            # The real provider prints the data here; this one must not.
            raise VaultError(0, f"data_json [secret] syntax error: {error.args[0].split(':')[0]}") from None
        # Beside the options, where Vault does not look: only `options.cas` has an effect.
        body: Properties = {"data": data, "options": inputs.get("options") or {}, "cas": inputs.get("cas", 0)}
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
        answer = client.read(id_)
        if answer is None:
            return None
        metadata = (answer.get("data") or {}).get("metadata") or {}
        return {**found, "data": {}, "metadata": {key: _text(value) for key, value in metadata.items()}}

    def delete(self, client: VaultClient, id_: str, state: Properties) -> None:
        """Delete the latest version, or all of them."""
        mount, _, name = id_.partition("/data/")
        path = f"{mount}/{'metadata' if state.get('deleteAllVersions') else 'data'}/{name}"
        try:
            # A secret that is gone is no error to Vault, a mount that is gone is one.
            client.delete(path, missing_ok=False)
        except VaultError as error:
            raise VaultError(error.status, f'error deleting "{path}" from Vault: "{error}"') from error


class SecretBackendV2(Kind):
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
