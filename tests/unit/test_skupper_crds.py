"""The lab's CRDs for Skupper say nothing that upstream's do not say, and enforce what upstream enforces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from lab.home import CHECKOUT
from lab.skupper import crds

UPSTREAM = CHECKOUT.parent / "shared" / "crds" / "skupper"
RULES = ("type", "format", "enum", "oneOf", "minimum", "maximum", "minLength", "maxLength", "pattern")
OURS = {cast("str", definition["metadata"]["name"]): definition for definition in crds.definitions()}

needs_upstream = pytest.mark.skipif(
    not UPSTREAM.is_dir(),
    reason="../shared/crds/skupper, which holds upstream's CRDs, does not exist beside the checkout",
)


def upstream() -> dict[str, Any]:
    found = [yaml.safe_load(path.read_text()) for path in sorted(UPSTREAM.glob("*.yaml"))]
    return {definition["metadata"]["name"]: definition for definition in found}


def schema(definition: dict[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema with its path; list items as `[]`, map values as `{}`."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in node:
        yield from fields(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from fields(node["additionalProperties"], f"{path}{{}}")


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_schema_is_strict_and_keeps_no_unknown_fields(name: str) -> None:
    for path, node in fields(schema(OURS[name])):
        assert "x-kubernetes-preserve-unknown-fields" not in node, path
        assert node["type"] != "object" or "properties" in node or "additionalProperties" in node, path


def test_every_kind_that_the_emulator_handles_has_a_definition() -> None:
    assert sorted(OURS) == [
        f"{plural}.skupper.io"
        for plural in (
            "accessgrants",
            "accesstokens",
            "certificates",
            "connectors",
            "links",
            "listeners",
            "routeraccesses",
            "securedaccesses",
            "sites",
        )
    ]


@needs_upstream
@pytest.mark.parametrize("name", sorted(OURS))
def test_names_and_scope_are_upstreams(name: str) -> None:
    ours, theirs = OURS[name]["spec"], upstream()[name]["spec"]
    assert {field: ours[field] for field in ("group", "scope", "names")} == {
        field: theirs[field] for field in ("group", "scope", "names")
    }
    version = ("name", "served", "storage", "subresources")
    assert [{field: found[field] for field in version} for found in ours["versions"]] == [
        {field: found[field] for field in version} for found in theirs["versions"]
    ]


@needs_upstream
@pytest.mark.parametrize("name", sorted(OURS))
def test_columns_are_upstreams(name: str) -> None:
    def columns(definition: dict[str, Any]) -> list[tuple[str, str, str]]:
        found = definition["spec"]["versions"][0]["additionalPrinterColumns"]
        return [(column["name"], column["type"], column["jsonPath"]) for column in found]

    assert columns(OURS[name]) == columns(upstream()[name])


@needs_upstream
@pytest.mark.parametrize("name", sorted(OURS))
def test_every_field_exists_upstream_with_the_same_rules(name: str) -> None:
    theirs = dict(fields(schema(upstream()[name])))
    for path, node in fields(schema(OURS[name])):
        assert path in theirs, f"{path} does not exist upstream"
        ours, wanted = ({rule: found[rule] for rule in RULES if rule in found} for found in (node, theirs[path]))
        assert ours == wanted, path


@needs_upstream
@pytest.mark.parametrize("name", sorted(OURS))
def test_required_fields_are_upstreams(name: str) -> None:
    theirs = dict(fields(schema(upstream()[name])))
    for path, node in fields(schema(OURS[name])):
        assert sorted(node.get("required", [])) == sorted(theirs[path].get("required", [])), path


@needs_upstream
@pytest.mark.parametrize("name", sorted(OURS))
def test_no_field_of_a_spec_is_left_out(name: str) -> None:
    """A manifest that upstream takes must not lose a field here; status fields may be fewer."""
    ours = {path for path, _ in fields(schema(OURS[name])) if path.startswith(".spec")}
    assert ours == {path for path, _ in fields(schema(upstream()[name])) if path.startswith(".spec")}


def test_the_definitions_are_found_beside_the_module() -> None:
    assert Path(crds.FOLDER).is_dir()
    assert len(OURS) == len(list(crds.FOLDER.glob("*.yaml")))
