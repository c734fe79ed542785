"""What a stack is by its settings, its outputs and its state, without one secret.

Settings are read by the program's own `components.settings`. Where a value is secret, `pulumi config` leaves out the
whole key that it lies below; what is beside it stands in the stack file, with a placeholder for the secret itself. So
whether a secret value is right is not known here, only that there is one. Does not know of clusters or Vault.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, SettingsError, load
from components.settings.kubeconfig import contexts
from ops.engine import EngineError, ask, ask_json
from ops.project import project_name, short_name, stack_file

PLACEHOLDER = "secret-that-only-the-engine-can-read"
"""What stands for a secret value: long enough for a password."""

EC_KEY = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
"""What stands for a secret below the name `key`, which has to look like one."""


class StackError(Exception):
    """A stack that cannot be read, in one sentence."""


class NoStackError(StackError):
    """The backend has no such stack."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The settings of a stack as the program gets them.

    Attributes:
        values: by key without `rhsi:`, text as it is, the rest as JSON; placeholders for what is secret.
        secret: the keys with a secret in or below them.
        unread: secret keys of whose values nothing is known.
    """

    values: Mapping[str, str]
    secret: frozenset[str]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource in a stack's state: its URN, its Pulumi type and its id, which for an object is `namespace/name`."""

    urn: str
    type: str
    id: str


@dataclass(frozen=True, kw_only=True)
class State:
    """What a stack has made, and the number by which it tells its own things (components/owner.py), empty without."""

    resources: tuple[Resource, ...] = ()
    owner: str = ""

    def has(self, type_name: str, identity: str) -> bool:
        """Whether a resource of this Pulumi type and id is in it."""
        return any((one.type, one.id) == (type_name, identity) for one in self.resources)


def configuration(project: Path, stack: str) -> Configuration:
    """What the engine would hand to the program.

    Raises:
        NoStackError: there is no such stack.
        StackError: `pulumi config` failed: no login, no backend.
        ProjectError: the folder is no project.
    """
    prefix = f"{project_name(project)}:"
    found = _object(project, "config", "--json", "--stack", stack)
    own = {key.removeprefix(prefix): entry for key, entry in found.items() if key.startswith(prefix)}
    values = {key: str(entry["value"]) for key, entry in own.items() if entry.get("value") is not None}
    secret = frozenset(key for key, entry in own.items() if entry.get("secret"))
    written = file_configuration(project, stack).values if secret else {}
    readable = {key: written[key] for key in secret if key in written}
    return Configuration(
        values={**values, **readable}, secret=secret, unread=tuple(sorted(secret - readable.keys() - values.keys()))
    )


def file_configuration(project: Path, stack: str) -> Configuration:
    """What the stack's file says, without the engine: for a stack that does not exist yet.

    Raises:
        StackError: the file is absent or no YAML.
        ProjectError: the folder is no project.
    """
    file, prefix = stack_file(project, stack), f"{project_name(project)}:"
    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise StackError(f"{file.name} cannot be read: {_line(error)}.") from error
    config = document.get("config") if isinstance(document, dict) else None
    own = {
        str(key).removeprefix(prefix): value
        for key, value in (config.items() if isinstance(config, dict) else ())
        if str(key).startswith(prefix)
    }
    return Configuration(
        values={key: _text(_without_secrets(value, key)) for key, value in own.items()},
        secret=frozenset(key for key, value in own.items() if _has_secret(value)),
    )


def settings(configured: Configuration, stack: str) -> Settings:
    """The program's own view of these settings, on this machine.

    Raises:
        SettingsError: with every mistake at once, as `pulumi up` would say it.
    """
    return load(
        configured.values,
        stack=short_name(stack),
        vault_addr=os.environ.get("VAULT_ADDR", ""),
        secret_keys=configured.secret,
        environment=os.environ,
        known_contexts=contexts(os.environ),
    )


def settings_of(project: Path, stack: str) -> Settings:
    """Both in one: the settings of a stack.

    Raises:
        StackError: it cannot be read, or has mistakes; all of them are in the text.
        ProjectError: the folder is no project.
    """
    try:
        return settings(configuration(project, stack), stack)
    except SettingsError as error:
        raise StackError(str(error)) from error


def outputs(project: Path, stack: str) -> dict[str, Any]:
    """The stack's outputs; a secret one is `[secret]`.

    Raises:
        StackError: it has no state, or its secrets provider refuses.
    """
    return _object(project, "stack", "output", "--json", "--stack", stack)


def state(project: Path, stack: str) -> State:
    """What the stack's state knows: of all but the owner's number no inputs, no outputs.

    Raises:
        StackError: it cannot be read.
    """
    deployment = _object(project, "stack", "export", "--stack", stack).get("deployment") or {}
    listed = deployment.get("resources") or []
    owners = [one for one in listed if one.get("type") == "pulumi:index:Stash" and one["urn"].endswith("::owner")]
    return State(
        resources=tuple(
            Resource(urn=one["urn"], type=one["type"], id=one["id"])
            for one in listed
            if one.get("id") and not one.get("external") and not one.get("delete")
        ),
        owner=str((owners[0].get("outputs") or {}).get("output") or "") if owners else "",
    )


def decrypt(project: Path, stack: str) -> None:
    """Let the engine decrypt the stack's state, as `up` does; nothing of it comes here.

    Raises:
        StackError: the passphrase or secrets provider is another one, or away.
    """
    if _has_key(project, stack):
        # `up` opens the key in the stack file before anything else. So does this, for a page of the history that has no
        # update in it, and so no secret. Without a key in the file it would write one.
        _ask(project, "stack", "history", "--show-secrets", "--page-size", "1", "--page", NO_PAGE, "--stack", stack)
    # It reads all of the state, which may have another key. `stack output` leaves secrets alone, and so succeeds with
    # any passphrase.
    _ask(project, "stack", "--stack", stack)


NO_PAGE = "1000000"
"""A page of the history that no stack has."""


def _has_key(project: Path, stack: str) -> bool:
    """Whether the stack file has what tells a passphrase, or a cloud's key, from another one."""
    try:
        document = yaml.safe_load(stack_file(project, stack).read_text())
    except (OSError, UnicodeError, yaml.YAMLError):
        return False
    return isinstance(document, dict) and bool(document.get("encryptionsalt") or document.get("encryptedkey"))


def _ask(project: Path, *arguments: str) -> str:
    try:
        return ask(project, *arguments)
    except EngineError as error:
        raise _stack_error(error) from error


def _stack_error(error: EngineError) -> StackError:
    # pulumi:pkg/backend/backenderr/backenderr.go, StackNotFoundError
    return NoStackError(str(error)) if "no stack named" in str(error) else StackError(str(error))


def _object(project: Path, *arguments: str) -> dict[str, Any]:
    try:
        found = ask_json(project, *arguments)
    except EngineError as error:
        raise _stack_error(error) from error
    if not isinstance(found, dict):
        raise StackError(f"`pulumi {' '.join(arguments)}` printed no object.")
    return found


def _without_secrets(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"secure"}:
            return EC_KEY if key == "key" else PLACEHOLDER
        return {name: _without_secrets(one, str(name)) for name, one in value.items()}
    return [_without_secrets(one, key) for one in value] if isinstance(value, list) else value


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(_has_secret(one) for one in value.values())
    return isinstance(value, list) and any(_has_secret(one) for one in value)


def _text(value: Any) -> str:
    """A value as Pulumi hands it over."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
