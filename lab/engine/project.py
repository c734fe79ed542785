"""Pulumi.yaml, and a stack's configuration: defaults, types, secrets.

Source: pulumi:pkg/workspace/config.go (rules and words), sdk/go/common/workspace/project.go.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.engine import yaml_core
from lab.engine.errors import EngineError
from lab.engine.secrets import Crypter
from lab.engine.stack_file import StackFile, open_secrets

_INTEGER = re.compile(r"[+-]?[0-9]+")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": (str, int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True)
class Project:
    """A project: its name, where its program is, and the schema of its configuration."""

    name: str
    folder: Path
    main: Path
    schema: dict[str, dict[str, Any]]

    @classmethod
    def find(cls, start: Path) -> "Project":
        """The project of the nearest Pulumi.yaml, from `start` upwards.

        Raises:
            EngineError: there is none, it is no mapping, or its runtime is not Python.
        """
        for folder in (start, *start.parents):
            for file in (folder / "Pulumi.yaml", folder / "Pulumi.yml"):
                if file.is_file():
                    return cls._read(file)
        raise EngineError(
            f"no Pulumi.yaml project file found (searching upwards from {start}). If you have not created a project "
            "yet, use `pulumi new` to do so"
        )

    @classmethod
    def _read(cls, file: Path) -> "Project":
        try:
            document = yaml_core.load(file.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise EngineError(f"could not unmarshal {file}: {error}") from error
        if not isinstance(document, dict) or not document.get("name"):
            raise EngineError(f"{file} is no project: it has no 'name'")
        runtime = document.get("runtime", "")
        if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
            raise EngineError(f"{file}: this engine runs Python programs only, not runtime {runtime!r}")
        schema = {key: _schema_entry(value) for key, value in (document.get("config") or {}).items()}
        main = file.parent / document["main"] if document.get("main") else file.parent
        return cls(str(document["name"]), file.parent, main, schema)

    def qualify(self, key: str) -> str:
        """A configuration key with its namespace, which is the project where none is written."""
        return key if ":" in key else f"{self.name}:{key}"

    def configuration(self, stack: str, file: StackFile, crypter: Crypter) -> tuple[dict[str, str], list[str]]:
        """A stack's whole configuration as programs get it: every value as text (objects as JSON), and the secret keys.

        Raises:
            EngineError: a required value is missing or has the wrong type; the words are Pulumi's.
        """
        values = {self.qualify(key): value for key, value in file.config.items()}
        missing = []
        for key, entry in sorted(self.schema.items()):
            qualified = self.qualify(key)
            if qualified in values:
                continue
            if "default" in entry or "value" in entry:
                values[qualified] = entry.get("default", entry.get("value"))
            elif qualified == f"{self.name}:{key}":
                missing.append(key)
        if missing:
            raise EngineError(
                f"Stack '{stack}' is missing configuration value{'s' if len(missing) > 1 else ''} {_listed(missing)}"
            )
        opened = {key: open_secrets(value, crypter) for key, value in values.items()}
        for key, entry in sorted(self.schema.items()):
            value, is_secret = opened.get(self.qualify(key), (None, False))
            _check(stack, key, entry, value, is_secret=is_secret)
        texts = {key: _text(value) for key, (value, _) in opened.items()}
        return texts, sorted(key for key, (_, is_secret) in opened.items() if is_secret)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, default=str)


def _schema_entry(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"default": value}


def _listed(keys: list[str]) -> str:
    quoted = [f"'{key}'" for key in keys]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _check(stack: str, key: str, entry: dict[str, Any], value: Any, *, is_secret: bool) -> None:
    if "type" not in entry:
        return
    if entry.get("secret") and not is_secret:
        raise EngineError(f"Stack '{stack}' with configuration key '{key}' must be encrypted as it's secret")
    if not _fits(value, entry["type"], entry.get("items")):
        raise EngineError(f"Stack '{stack}' with configuration key '{key}' must be of type '{_type_name(entry)}'")


def _type_name(entry: dict[str, Any]) -> str:
    if entry["type"] == "array":
        return f"array<{_type_name(entry.get('items') or {'type': 'string'})}>"
    return str(entry["type"])


def _fits(value: Any, type_: str, items: dict[str, Any] | None) -> bool:
    """Whether a value has the type; text that reads as a number or a boolean counts as one."""
    if isinstance(value, str) and type_ in ("integer", "boolean"):
        return value in ("true", "false") if type_ == "boolean" else bool(_INTEGER.fullmatch(value))
    if type_ == "array" and isinstance(value, list) and items:
        return all(_fits(item, items["type"], items.get("items")) for item in value)
    if isinstance(value, bool):
        return type_ == "boolean"
    return isinstance(value, _TYPES.get(type_, object))
