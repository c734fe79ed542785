"""The CustomResourceDefinitions of External Secrets and OLM, as upstream's Go modules ship them.

Owns which of them the lab installs and what is taken away from them. The schemas are upstream's own.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.binaries.build import bin_folder, download, locked, log_file
from lab.binaries.recipes import EXTERNAL_SECRETS, OPERATOR_API, Recipe
from lab.binaries.toolchain import find_go
from lab.progress import Progress

EXTERNAL_SECRETS_FOLDER = "config/crds/bases"
# The kinds that the program uses, and the two that the controller watches whatever its flags say.
EXTERNAL_SECRETS_FILES = (
    "external-secrets.io_externalsecrets.yaml",
    "external-secrets.io_secretstores.yaml",
    "external-secrets.io_clustersecretstores.yaml",
    "generators.external-secrets.io_generatorstates.yaml",
)
OLM_FOLDER = "crds"
# What an installation goes through; OLM's own bookkeeping (Operator, OperatorCondition, OLMConfig) nobody reads here.
OLM_FILES = (
    "operators.coreos.com_catalogsources.yaml",
    "operators.coreos.com_clusterserviceversions.yaml",
    "operators.coreos.com_installplans.yaml",
    "operators.coreos.com_operatorgroups.yaml",
    "operators.coreos.com_subscriptions.yaml",
)
DEAD_VERSION = "v1beta1"


def external_secrets_definitions(progress: Progress) -> list[dict[str, Any]]:
    """The definitions that the External Secrets controller of the lab watches.

    Raises:
        LabError: they are neither in the cache nor in Go's module cache, and the module cannot be downloaded.
    """
    what = "the definitions of External Secrets"
    return _cached(EXTERNAL_SECRETS, EXTERNAL_SECRETS_FOLDER, EXTERNAL_SECRETS_FILES, what, progress)


def olm_definitions(progress: Progress) -> list[dict[str, Any]]:
    """The definitions of the Operator Lifecycle Manager.

    Raises:
        LabError: as `external_secrets_definitions`.
    """
    return _cached(OPERATOR_API, OLM_FOLDER, OLM_FILES, "the definitions of OLM", progress)


def _cached(recipe: Recipe, folder: str, files: Sequence[str], what: str, progress: Progress) -> list[dict[str, Any]]:
    """These files of a module, from the cache or else from Go's module cache."""
    # This module's text decides what is in the file, so it decides its name.
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    file = bin_folder() / f"{recipe.name}-definitions-{recipe.version}-{digest}.json"
    with locked(file.stem, what, progress):
        if not file.exists():
            go = find_go(recipe.oldest_go, what, progress)
            module = download(recipe, go, log_file(file.stem))
            texts = [(module / folder / name).read_bytes() for name in files]
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
