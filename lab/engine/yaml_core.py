"""YAML as Pulumi reads it (gopkg.in/yaml.v3): `on`, `no` and `1:30` are strings, dates stay text."""

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """The safe loader without YAML 1.1's guesses."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"(?:[-+]?[0-9]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)


def load(text: str) -> Any:
    """The document.

    Raises:
        yaml.YAMLError: it is malformed.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
