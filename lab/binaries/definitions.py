"""The CustomResourceDefinitions of External Secrets, as the module of the pinned controller ships them.

Owns which of them the lab installs and what is taken away from them. The schemas are upstream's own.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from lab.binaries.build import bin_folder, download, locked, log_file
from lab.binaries.recipes import EXTERNAL_SECRETS
from lab.binaries.toolchain import find_go
from lab.progress import Progress

FOLDER = "config/crds/bases"
# The kinds that the program uses, and the two that the controller watches whatever its flags say.
FILES = (
    "external-secrets.io_externalsecrets.yaml",
    "external-secrets.io_secretstores.yaml",
    "external-secrets.io_clustersecretstores.yaml",
    "generators.external-secrets.io_generatorstates.yaml",
)
DEAD_VERSION = "v1beta1"


def external_secrets_definitions(progress: Progress) -> list[dict[str, Any]]:
    """The definitions that the controller of the lab watches, from the cache or else from Go's module cache.

    Raises:
        LabError: they are in neither, and the module cannot be downloaded.
    """
    # This module's text decides what is in the file, so it decides its name.
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    file = bin_folder() / f"external-secrets-definitions-{EXTERNAL_SECRETS.version}-{digest}.json"
    with locked(file.stem, "the definitions of External Secrets", progress):
        if not file.exists():
            go = find_go(EXTERNAL_SECRETS.oldest_go, "the definitions of External Secrets", progress)
            module = download(EXTERNAL_SECRETS, go, log_file(file.stem))
            texts = [(module / FOLDER / name).read_bytes() for name in FILES]
            # JSON, because reading 40,000 lines of YAML takes seconds at every start.
            written = file.with_suffix(".new")
            written.write_text(json.dumps([trimmed(yaml.safe_load(text)) for text in texts]))
            written.rename(file)
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def trimmed(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition without what no lab needs: v1beta1 (not served), the conversion webhook, descriptions (memory)."""
    spec = {key: value for key, value in definition["spec"].items() if key != "conversion"}
    spec["versions"] = [version for version in spec["versions"] if version["name"] != DEAD_VERSION]
    for version in spec["versions"]:
        version["schema"] = without_descriptions(version["schema"])
    metadata = {"name": definition["metadata"]["name"], "labels": {"app.kubernetes.io/part-of": "rhsi-lab"}}
    return {"apiVersion": definition["apiVersion"], "kind": definition["kind"], "metadata": metadata, "spec": spec}


def without_descriptions(schema: object) -> object:
    """The schema without its `description` texts; a property of that name is an object and stays."""
    if isinstance(schema, list):
        return [without_descriptions(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_descriptions(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
    }
