"""Schemas of custom resource definitions, for tests that hold manifests and the lab's definitions against upstream's.

Upstream's lie in `fixtures/crds`, each as an extract: a line for each field with its rules, without descriptions and
without what neither the program nor the lab uses. `python -m tests.unit.crd_extract` refreshes them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

Definition = dict[str, Any]
FOLDER = Path(__file__).parent / "fixtures" / "crds"
STEP = re.compile(r"\.([^.\[{]+)|(\[\])|(\{\})")


@cache
def load(project: str) -> dict[str, Definition]:
    """Upstream's definitions by name, of a project that has a file there; its `source` names the version.

    A definition has what `schema`, `columns` and `identity` read.
    """
    found = json.loads((FOLDER / f"{project}.json").read_text())["definitions"]
    return {name: _definition(extract) for name, extract in found.items()}


def _definition(extract: Definition) -> Definition:
    return {"spec": {**extract["spec"], "versions": [{**extract["version"], "schema": _tree(extract["fields"])}]}}


def _tree(rules: dict[str, Definition]) -> Definition:
    """The schema whose `fields` these are."""
    root: Definition = {}
    for path, own in rules.items():
        node = root
        for name, items, _ in STEP.findall(path):
            if name:
                node = node.setdefault("properties", {}).setdefault(name, {})
            else:
                node = node.setdefault("items" if items else "additionalProperties", {})
        node.update(own)
    return {"openAPIV3Schema": root}


def schema(definition: Definition) -> Definition:
    """The schema of the first version."""
    return cast("Definition", definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def fields(node: Definition, path: str = "") -> Iterator[tuple[str, Definition]]:
    """Every part of a schema with its path; list items as `[]`, map values as `{}`."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in node:
        yield from fields(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from fields(node["additionalProperties"], f"{path}{{}}")


def columns(definition: Definition) -> list[tuple[str, str, str]]:
    """What `kubectl get` shows."""
    found = definition["spec"]["versions"][0]["additionalPrinterColumns"]
    return [(column["name"], column["type"], column["jsonPath"]) for column in found]


def identity(definition: Definition) -> list[Definition]:
    """Group, scope, names, versions and subresources."""
    spec = definition["spec"]
    version = ("name", "served", "storage", "subresources")
    return [
        {field: spec[field] for field in ("group", "scope", "names")},
        *({field: found[field] for field in version} for found in spec["versions"]),
    ]


def schemas(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """Schemas by Pulumi type token."""
    return {
        f"kubernetes:{crd['spec']['group']}/{version['name']}:{crd['spec']['names']['kind']}": version["schema"][
            "openAPIV3Schema"
        ]
        for crd in definitions
        for version in crd["spec"]["versions"]
        if version["served"]
    }
