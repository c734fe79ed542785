"""The lab's CRDs for Skupper say nothing that upstream's do not say, and enforce what upstream enforces."""

from pathlib import Path
from typing import cast

import pytest

from lab.stand_ins.skupper import crds
from tests.unit.crd_contract import columns, fields, identity, load, schema

RULES = ("type", "format", "enum", "oneOf", "minimum", "maximum", "minLength", "maxLength", "pattern")
OURS = {cast("str", definition["metadata"]["name"]): definition for definition in crds.definitions()}


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


@pytest.mark.parametrize("name", sorted(OURS))
def test_names_scope_and_columns_are_upstreams(name: str) -> None:
    assert identity(OURS[name]) == identity(load("skupper")[name])
    assert columns(OURS[name]) == columns(load("skupper")[name])


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_field_exists_upstream_with_the_same_rules(name: str) -> None:
    theirs = dict(fields(schema(load("skupper")[name])))
    for path, node in fields(schema(OURS[name])):
        assert path in theirs, f"{path} does not exist upstream"
        ours, wanted = ({rule: found[rule] for rule in RULES if rule in found} for found in (node, theirs[path]))
        assert ours == wanted, path


@pytest.mark.parametrize("name", sorted(OURS))
def test_required_fields_are_upstreams(name: str) -> None:
    theirs = dict(fields(schema(load("skupper")[name])))
    for path, node in fields(schema(OURS[name])):
        assert sorted(node.get("required", [])) == sorted(theirs[path].get("required", [])), path


@pytest.mark.parametrize("name", sorted(OURS))
def test_no_field_of_a_spec_is_left_out(name: str) -> None:
    """A manifest that upstream takes must not lose a field here; status fields may be fewer."""
    ours = {path for path, _ in fields(schema(OURS[name])) if path.startswith(".spec")}
    assert ours == {path for path, _ in fields(schema(load("skupper")[name])) if path.startswith(".spec")}


def test_the_definitions_are_found_beside_the_module() -> None:
    assert Path(crds.FOLDER).is_dir()
    assert len(OURS) == len(list(crds.FOLDER.glob("*.yaml")))
