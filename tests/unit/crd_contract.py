"""Reading schemas of custom resource definitions, for tests that hold the lab's against upstream's."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

Definition = dict[str, Any]


@cache  # upstream's take seconds to read
def load(folder: Path) -> dict[str, Definition]:
    """The definitions in a folder by their names."""
    found = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
    return {definition["metadata"]["name"]: definition for definition in found}


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
