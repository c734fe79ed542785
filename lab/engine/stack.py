"""One stack: its name, configuration, secrets and state, together.

Source: pulumi:pkg/cmd/pulumi/stack/secrets.go (where the salt comes from), pkg/backend/backend.go (`GetStackOutputs`).
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.engine.backend import Backend, StackName
from lab.engine.errors import EngineError, StackNotFoundError, UsageError
from lab.engine.project import Project
from lab.engine.providers.base import ProviderError
from lab.engine.secrets import Crypter, PassphraseError, read_passphrase
from lab.engine.stack_file import StackFile
from lab.engine.state import Deployment, deployment_from_json, value_from_json, with_plaintext
from lab.engine.urn import STACK_TYPE
from lab.engine.values import Properties, Secret
from lab.engine.wire import SIGNATURE_KEY

Tell = Callable[[str, str, str], None]


class Stack:
    """A stack that exists. `tell` gets messages (URN, severity, text) that are no errors."""

    def __init__(self, project: Project, backend: Backend, name: StackName, file: StackFile) -> None:
        if not backend.exists(name):
            raise StackNotFoundError(name.stack)
        self.project = project
        self.backend = backend
        self.name = name
        self.file = file
        self.tell: Tell = lambda urn, severity, text: None  # noqa: ARG005 - nobody listens yet

    @classmethod
    def open(cls, project: Project, backend: Backend, stack: str | None, config_file: str | None) -> "Stack":
        """The stack by the name that the command line gives.

        Raises:
            UsageError: none was given.
            StackNotFoundError: there is no such stack.
        """
        if not stack:
            raise UsageError("no stack selected; specify a stack name with --stack")
        name = StackName.parse(stack, project.name)
        return cls(project, backend, name, load_file(project, name, config_file))

    @cached_property
    def _saved(self) -> dict[str, Any]:
        return self.backend.load(self.name)

    @cached_property
    def crypter(self) -> Crypter:
        """The stack's own; the salt comes from its file, else from its state, else it is made and kept in the file.

        Raises:
            PassphraseError: there is no passphrase.
        """
        salt = self.file.salt or _salt_of(self._saved)
        crypter = Crypter(read_passphrase(), salt)
        if self.file.salt is None:
            self.file.document["encryptionsalt"] = crypter.salt_text
            self.file.save()
        return crypter

    def configuration(self) -> tuple[dict[str, str], list[str]]:
        """Configuration as programs get it, and the keys of its secrets.

        Raises:
            EngineError: a value is missing, wrong, or cannot be decrypted.
        """
        try:
            return self.project.configuration(self.name.stack, self.file, self.crypter)
        except PassphraseError:
            raise
        except EngineError as error:
            raise EngineError(f"validating stack config: {error}") from error

    def deployment(self) -> Deployment:
        """The state.

        Raises:
            PassphraseError: its secrets were encrypted with another passphrase.
        """
        deployment = deployment_from_json(self._saved, self._state_crypter)
        if self._state_crypter is not self.crypter:
            for resource in deployment.resources:
                # Encrypted with another salt: written anew.
                resource.inputs, resource.outputs = _fresh(resource.inputs), _fresh(resource.outputs)
        return deployment

    def exported(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The state as its file holds it, or with its secrets in plain text.

        Raises:
            PassphraseError: its secrets were encrypted with another passphrase.
        """
        if not show_secrets:
            return self._saved
        revealed: dict[str, Any] = with_plaintext(self._saved, self._state_crypter)
        return revealed

    @cached_property
    def _state_crypter(self) -> Crypter:
        salt = _salt_of(self._saved)
        return self.crypter if salt in (None, self.crypter.salt_text) else Crypter(read_passphrase(), salt)

    def outputs_of(self, full_name: str) -> Properties:
        """The outputs of another stack, for a StackReference; secrets that cannot be decrypted are left out.

        Raises:
            ProviderError: there is no such stack.
        """
        try:
            name = StackName.parse(full_name, self.project.name)
            saved = self.backend.load(name)
        except (StackNotFoundError, EngineError) as error:
            raise ProviderError(f'unknown stack "{full_name}"') from error
        root: dict[str, Any] = next(
            (item for item in saved.get("resources", []) if item["type"] == STACK_TYPE and not item.get("delete")), {}
        )
        outputs: Properties = root.get("outputs", {})
        if SIGNATURE_KEY not in str(outputs):
            return outputs
        try:
            crypter = Crypter(read_passphrase(), _salt_of(saved))
            return {key: value_from_json(value, crypter, remember=False) for key, value in outputs.items()}
        except PassphraseError:
            self.tell("", "info", f"eliding undecryptable secrets for stack reference '{full_name}'")
            return {key: _elided(value) for key, value in outputs.items()}


def load_file(project: Project, name: StackName, config_file: str | None) -> StackFile:
    """The stack's configuration file: the one that is named, else the one beside Pulumi.yaml."""
    return StackFile.load(Path(config_file) if config_file else project.folder / f"Pulumi.{name.stack}.yaml")


def _salt_of(saved: dict[str, Any]) -> str | None:
    salt: str | None = ((saved.get("secrets_providers") or {}).get("state") or {}).get("salt")
    return salt


def _fresh(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_fresh(value.value))
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    return [_fresh(item) for item in value] if isinstance(value, list) else value


def _elided(value: Any) -> Any:
    if isinstance(value, dict):
        return {} if "ciphertext" in value else {key: _elided(item) for key, item in value.items()}
    return [_elided(item) for item in value] if isinstance(value, list) else value
