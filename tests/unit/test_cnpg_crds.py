"""The lab's CRDs for CloudNativePG say nothing that upstream's do not say, and enforce what upstream enforces."""

import json
from typing import cast

import pytest

from lab.stand_ins.cnpg import crds
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB
from tests.unit.crd_contract import Definition, columns, fields, identity, load, schema

RULES = (
    "type",
    "format",
    "enum",
    "default",
    "anyOf",
    "minimum",
    "maximum",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "x-kubernetes-int-or-string",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
)
OURS = {cast("str", definition["metadata"]["name"]): definition for definition in crds.definitions()}
PLUGINS = "objectstores.barmancloud.cnpg.io"
SHARED = sorted(name for name in OURS if name.endswith(COMMUNITY.name))


def rules(node: Definition) -> Definition:
    """The rules of one part of a schema. How a CEL expression is broken into lines does not matter, nor their order."""
    found = {rule: node[rule] for rule in RULES if rule in node}
    if validations := found.get("x-kubernetes-validations"):
        found["x-kubernetes-validations"] = sorted(
            (" ".join(one["rule"].split()), " ".join(one["message"].split())) for one in validations
        )
    return found


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_schema_is_strict_and_keeps_no_unknown_fields(name: str) -> None:
    for path, node in fields(schema(OURS[name])):
        assert "x-kubernetes-preserve-unknown-fields" not in node, path
        open_ended = path == ".metadata" or "properties" in node or "additionalProperties" in node
        assert node.get("type") != "object" or open_ended, path


def test_both_groups_have_the_same_kinds_and_schemas() -> None:
    for name in SHARED:
        theirs = OURS[name.replace(COMMUNITY.name, EDB.name)]
        assert json.loads(json.dumps(OURS[name]).replace(COMMUNITY.name, EDB.name)) == theirs
    assert len(OURS) == 2 * len(SHARED) + 1


def upstream(name: str) -> Definition:
    """Upstream's definition of that name, the operator's or the plugin's."""
    return load("plugin-barman-cloud" if name == PLUGINS else "cloudnative-pg")[name]


@pytest.mark.parametrize("name", [*SHARED, PLUGINS])
def test_names_scope_and_columns_are_upstreams(name: str) -> None:
    assert identity(OURS[name]) == identity(upstream(name))
    assert name == PLUGINS or columns(OURS[name]) == columns(upstream(name))


@pytest.mark.parametrize("name", [*SHARED, PLUGINS])
def test_every_field_exists_upstream_with_the_same_rules(name: str) -> None:
    theirs = dict(fields(schema(upstream(name))))
    for path, node in fields(schema(OURS[name])):
        assert path in theirs, f"{path} does not exist upstream"
        wanted = rules(theirs[path])
        if path in PARTLY:
            wanted["x-kubernetes-validations"] = [
                rule for rule in wanted["x-kubernetes-validations"] if not any(gone in rule[0] for gone in PARTLY[path])
            ]
            wanted = {rule: value for rule, value in wanted.items() if value != []}
        assert rules(node) == wanted, path


# Rules about fields that the lab's schema leaves out.
PARTLY = {
    ".spec.bootstrap.initdb": ("builtinLocale", "icuLocale", "icuRules"),
    ".spec.pgbouncer": ("imageCatalogRef",),
    ".spec.postgresql": ("syncReplicaElectionConstraint",),
    ".spec.postgresql.synchronous": ("podFailureDomainKeys",),
}


@pytest.mark.parametrize("name", [*SHARED, PLUGINS])
def test_required_fields_are_upstreams(name: str) -> None:
    theirs = dict(fields(schema(upstream(name))))
    for path, node in fields(schema(OURS[name])):
        assert sorted(node.get("required", [])) == sorted(theirs[path].get("required", [])), path


@pytest.mark.parametrize("kind", ["publications", "subscriptions", "scheduledbackups"])
def test_no_field_of_a_small_kind_is_left_out(kind: str) -> None:
    name = f"{kind}.{COMMUNITY.name}"
    ours = {path for path, _ in fields(schema(OURS[name]))}
    theirs = {path for path, _ in fields(schema(load("cloudnative-pg")[name]))}
    assert theirs - ours == {".apiVersion", ".kind"}
