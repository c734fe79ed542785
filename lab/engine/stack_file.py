"""A stack's configuration file, `Pulumi.<stack>.yaml` beside Pulumi.yaml or where `--config-file` says.

Secrets stand in it as `secure: <ciphertext>`, anywhere in a value. Source: pulumi:sdk/go/common/workspace/project.go.
"""

import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.engine import paths, yaml_core
from lab.engine.backend import write_atomically
from lab.engine.errors import EngineError
from lab.engine.secrets import Crypter

_TYPED = re.compile(r"true|false|-?(0|[1-9][0-9]*)")


@dataclass
class StackFile:
    """The file's content; `document` keeps what the engine does not know. Comments are lost when it is written."""

    path: Path
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "StackFile":
        """Read the file; one that does not exist is an empty one.

        Raises:
            EngineError: it is not YAML, or not a mapping.
        """
        try:
            document = yaml_core.load(path.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            document = {}
        except yaml.YAMLError as error:
            raise EngineError(f"could not unmarshal {path}: {error}") from error
        if not isinstance(document, dict) or not isinstance(document.get("config") or {}, dict):
            raise EngineError(f"{path} must be a mapping, and so must its 'config'")
        return cls(path, document)

    @property
    def config(self) -> dict[str, Any]:
        """The values by key, with secrets still encrypted."""
        return self.document.get("config") or {}

    @property
    def salt(self) -> str | None:
        """`encryptionsalt`, if the file has one."""
        return self.document.get("encryptionsalt")

    def save(self) -> None:
        """Write the file."""
        write_atomically(self.path, yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True))

    def set(self, key: str, value: Any, *, path: bool) -> None:
        """Set a value; with `path` the key is a property path such as `rhsi:standbys.site-b.rotation`.

        Raises:
            EngineError: something on the way is no mapping and no list.
        """
        parts = paths.parse(key) if path else (key,)
        if not parts:
            raise EngineError("the configuration key is empty")
        target: Any = self.document.setdefault("config", {})
        if target is None:
            target = self.document["config"] = {}
        for part, following in itertools.pairwise(parts):
            target = _step(target, part, [] if isinstance(following, int) else {}, key)
        _assign(target, parts[-1], value, key)

    def get(self, key: str, *, path: bool) -> tuple[bool, Any]:
        """Whether the key is set, and its value with secrets still encrypted."""
        return paths.get(self.config, paths.parse(key) if path else (key,))


def _step(target: Any, part: str | int, empty: Any, key: str) -> Any:
    if isinstance(target, dict) and isinstance(part, str):
        if target.get(part) is None:
            target[part] = empty
        return target[part]
    if isinstance(target, list) and isinstance(part, int) and part < len(target):
        return target[part]
    raise EngineError(
        f"invalid path {key!r}: {part!r} lies in something that is neither an object nor long enough a list"
    )


def _assign(target: Any, part: str | int, value: Any, key: str) -> None:
    if isinstance(target, dict) and isinstance(part, str):
        target[part] = value
    elif isinstance(target, list) and isinstance(part, int) and part <= len(target):
        target[part : part + 1] = [value]
    else:
        raise EngineError(
            f"invalid path {key!r}: {part!r} lies in something that is neither an object nor long enough a list"
        )


def open_secrets(value: Any, crypter: Crypter) -> tuple[Any, bool]:
    """A value with its secrets decrypted, and whether it had any.

    Raises:
        PassphraseError: they were encrypted with another passphrase.
    """
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            return crypter.decrypt(value["secure"]), True
        items = {key: open_secrets(item, crypter) for key, item in value.items()}
        return {key: item for key, (item, _) in items.items()}, any(found for _, found in items.values())
    if isinstance(value, list):
        opened = [open_secrets(item, crypter) for item in value]
        return [item for item, _ in opened], any(found for _, found in opened)
    return value, False


def typed(text: str, *, path: bool) -> Any:
    """A value from the command line. Only below a path do integers and booleans keep their types, as with Pulumi."""
    return json.loads(text) if path and _TYPED.fullmatch(text) else text
