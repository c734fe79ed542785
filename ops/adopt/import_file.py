"""The file for `pulumi import --file`.

Form: pulumi:pkg/cmd/pulumi/operations/import.go, importFile and importSpec; providers among the resources since #23972,
which is older than the oldest engine that Pulumi.yaml allows. A component has no id and is marked as one; what is in
the state already under the same URN and id the engine leaves as it is, so that a file may be imported twice. Holds no
secret: tokens come from the environment of `pulumi import`, and Vault's secrets are not imported.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.settings import Settings
from ops.adopt import providers
from ops.adopt.catalogue import Adoptable


class FileError(Exception):
    """A file that cannot or must not be written, in one sentence."""


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Write the document, over an import file too, for what stands may have changed since.

    Raises:
        FileError: the file is something else, or cannot be written.
    """
    try:
        if file.exists() and not _is_import_file(file.read_text()):
            raise FileError(f"{file} exists and is no import file: name another one with --output.")
        file.write_text(json.dumps(document, indent=2) + "\n")
    except (OSError, UnicodeError) as error:
        raise FileError(f"{file} cannot be written: {' '.join(str(error).split())}.") from error


def _is_import_file(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.keys() == {"resources"}


def import_file(
    found: Sequence[Adoptable], settings: Settings, environment: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """The document, to be written as JSON: providers, then components, then what is imported.

    Args:
        found: what exists and is to become the stack's.
        settings: the stack's.
        environment: see `providers.inputs`.
    """
    used = list(dict.fromkeys(one.provider for one in found))
    declared = [
        {
            "type": f"pulumi:providers:{providers.package(name)}",
            "name": name,
            "version": providers.plugin_version(name),
            "inputs": providers.inputs(name, settings, environment),
        }
        for name in used
    ]
    components: dict[str, dict[str, Any]] = {}
    for one in found:
        above: dict[str, str] = {}
        for parent in one.parents:
            components[parent.name] = {"type": parent.type, "name": parent.name, "component": True, **above}
            above = {"parent": parent.name}
    imported = [
        {
            "type": one.type,
            "name": one.name,
            "id": one.id,
            "parent": one.parents[-1].name,
            "provider": one.provider,
            "version": providers.plugin_version(one.provider),
        }
        for one in found
    ]
    return {"resources": [*declared, *components.values(), *imported]}
