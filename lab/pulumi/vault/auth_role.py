"""What the roles of all auth methods share: where they are, and how they are written, read and deleted."""

from typing import ClassVar

from lab.pulumi.values import Properties
from lab.pulumi.vault.client import VaultClient
from lab.pulumi.vault.kinds import Kind, snake


class AuthRole(Kind):
    """A role below an auth mount. A kind of role adds its fields, and what is special about writing them."""

    replacing: ClassVar[tuple[str, ...]] = ("roleName", "backend")
    _SETS: ClassVar[tuple[str, ...]] = ()
    _FIELDS: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def _path(inputs: Properties) -> str:
        return f"auth/{str(inputs['backend']).strip('/')}/role/{inputs['roleName']}"

    def _body(self, inputs: Properties) -> Properties:
        return {snake(name): inputs[name] for name in (*self._SETS, *self._FIELDS) if name in inputs}

    def _found(self, data: Properties) -> Properties:
        return {name: data[snake(name)] for name in (*self._SETS, *self._FIELDS) if snake(name) in data}

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        path = self._path(inputs)
        client.write(path, self._body(inputs))
        return path

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(id_)
        if answer is None:
            return None
        backend, _, role = id_.removeprefix("auth/").partition("/role/")
        return {**self._found(answer["data"]), "backend": state.get("backend") or backend, "roleName": role}

    def delete(self, client: VaultClient, id_: str, _state: Properties) -> None:
        """Delete the resource."""
        client.delete(id_)
