"""Refreshes the extracts of upstream's CRDs: `python -m tests.unit.crd_extract ../shared/crds`.

The argument is a folder with upstream's YAML files, unchanged, in a folder for each project. After a refresh from
another version, `SOURCES` has to name it. External Secrets' second set comes out of the Go module that the lab builds.
"""

import functools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.binaries.definitions import external_secrets_definitions
from lab.binaries.recipes import EXTERNAL_SECRETS
from lab.progress import Silent
from lab.stand_ins.cnpg import crds as cnpg
from lab.stand_ins.skupper import crds as skupper
from tests.unit.crd_contract import FOLDER, Definition, fields, schema

SOURCES = {
    "skupper": "skupperproject/skupper, main of 2026-07-23 after 2.2.1 (80b1ba6de37f), config/crd/bases, Apache-2.0",
    "cloudnative-pg": "cloudnative-pg/cloudnative-pg, v1.30.0-86 (a95a534dbe08), config/crd/bases, Apache-2.0",
    "plugin-barman-cloud": "cloudnative-pg/plugin-barman-cloud, after v0.14.0 (9967e2c), config/crd/bases, Apache-2.0",
    "external-secrets": "external-secrets/external-secrets, v2.9.0 (cc5bfbc2234a), config/crds/bases, Apache-2.0",
}
OF_THE_LAB = "external-secrets-of-the-lab"
"""The older CRDs of the controller that the lab runs: a manifest has to be valid for both."""
LEFT_OUT = ("description", "example", "properties", "items")
WHOLE = ("publications", "subscriptions", "scheduledbackups")
"""Kinds of CloudNativePG of which the lab has every field, the status too; of the others it has a part."""
PROVIDER = ".spec.provider."
"""Of more than thirty providers of External Secrets, the program uses `vault`."""


@functools.cache
def own_fields() -> dict[str, set[str]]:
    """The paths of the lab's own definitions, by name."""
    ours = [*skupper.definitions(), *cnpg.definitions()]
    return {one["metadata"]["name"]: {path for path, _ in fields(schema(one))} for one in ours}


def is_used(name: str, path: str) -> bool:
    """Whether the program or the lab could use a field of a definition: the others are not extracted."""
    if name.endswith(".external-secrets.io"):
        return not path.startswith(".status") and (not path.startswith(PROVIDER) or path.startswith(f"{PROVIDER}vault"))
    if name.startswith(WHOLE) or (name.endswith(".skupper.io") and path.startswith(".spec")):
        return True
    return path in own_fields()[name]


def extract(definition: Definition) -> Definition:
    """A definition's only served version, with the rules of each field that is used."""
    name = definition["metadata"]["name"]
    (version,) = [version for version in definition["spec"]["versions"] if version["served"]]
    kept = ("name", "served", "storage", "subresources", "additionalPrinterColumns")
    nodes = fields(version["schema"]["openAPIV3Schema"])
    return {
        "spec": {key: definition["spec"][key] for key in ("group", "scope", "names")},
        "version": {key: version[key] for key in kept if key in version},
        "fields": {path: rules(node) for path, node in nodes if is_used(name, path)},
    }


def rules(node: Definition) -> Definition:
    """All that a schema says of one field itself; the extract has its parts as fields of their own."""
    return {
        key: value
        for key, value in node.items()
        if key not in LEFT_OUT and not (key == "additionalProperties" and isinstance(value, dict))
    }


def kinds() -> set[str]:
    """The definitions that the program's manifests and the lab's own definitions are held against."""
    return {*own_fields(), *(f"{plural}.external-secrets.io" for plural in ("externalsecrets", "secretstores"))}


def write(project: str, source: str, definitions: Iterable[Definition]) -> None:
    """Write the extract of one project, with a line for each field."""
    known = kinds()
    found = {one["metadata"]["name"]: extract(one) for one in definitions if one["metadata"]["name"] in known}
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = lines({"source": source, "definitions": found}, depth=4)
    (FOLDER / f"{project}.json").write_text(f"{text}\n")


def lines(value: Any, depth: int) -> str:
    """JSON with one line for each part down to this depth."""
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {lines(part, depth - 1)}" for key, part in value.items()) + "\n}"


def read(folder: Path) -> list[Definition]:
    """The definitions in a folder of upstream's files."""
    return [yaml.load(file.read_text(), Loader=yaml.CSafeLoader) for file in sorted(folder.glob("*.yaml"))]


def main(folder: Path) -> None:
    """Refresh every extract."""
    for project, source in SOURCES.items():
        write(project, source, read(folder / project))
    source = f"{EXTERNAL_SECRETS.module} {EXTERNAL_SECRETS.version}, config/crds/bases, Apache-2.0"
    write(OF_THE_LAB, source, external_secrets_definitions(Silent()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
