"""What stacks tell each other: written and read through one set of classes, and documented from it."""

import dataclasses
import itertools
import json
import math
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pytest

from components import outputs
from components.sites.peer import peer_edb, peer_grant, peer_postgres, peer_routing_prefix, published_path
from components.sites.vault import published_ca
from docs.generate import outputs as documentation
from lab.home import CHECKOUT
from tests.unit.recorder import PRIMARY_OUTPUTS, STACK, STANDBY, record, settings_of
from tests.unit.urns import VARIANTS, Variant

PAGE = CHECKOUT / "docs" / "outputs.md"
GRANT = PRIMARY_OUTPUTS["standbys"]["site-b"]


def exported(variant: Variant) -> dict[str, Any]:
    graph = record(variant.settings, stack=variant.stack, primary_outputs=variant.primary_outputs, vault=variant.vault)
    return graph.exports


def everything(role: str) -> dict[str, Any]:
    """All outputs of a role: those with everything, and with tables of its own, which exclude the demonstration's."""
    told, own = (exported(VARIANTS[f"{role} with {what}"]) for what in ("everything", "tables of its own"))
    return {**told, "edb": {**told["edb"], "published": own["edb"]["published"]}}


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every path in a tree of outputs, with the keys that a user chooses as the page has them."""
    for name, one in value.items() if isinstance(value, Mapping) else ():
        parent = path.rsplit(".", maxsplit=1)[-1]
        here = f"{path}.{documentation.KEYS.get(parent, name)}".lstrip(".")
        yield here
        if (parent != "standbys" or name != "secrets") and here not in {"links", "edb.published"}:
            yield from paths(one, here)


def test_the_page_is_what_the_classes_say() -> None:
    assert PAGE.read_text() == documentation.page(), (
        "`python -m docs.generate.outputs > docs/outputs.md` writes it anew"
    )


@pytest.mark.parametrize("shape", [outputs.Primary, outputs.Standby])
def test_every_field_has_a_meaning_and_every_value_an_example(shape: type) -> None:
    for row in documentation.rows(shape, ""):
        _, name, kind, meaning, example, _ = (part.strip() for part in row.split("|"))
        assert meaning, f"{name} says what it is"
        of_names = name.endswith(("secrets`", "links`", "published`"))
        assert bool(example) == (not kind.startswith("map") or of_names), name


@pytest.mark.parametrize(
    ("role", "variant", "shape"),
    [
        ("primary", "primary with a promoted standby", outputs.Primary),
        ("standby", "promoted standby", outputs.Standby),
    ],
)
def test_the_page_tells_of_every_output_and_of_no_other(role: str, variant: str, shape: type) -> None:
    documented = {row.split("`")[1] for row in documentation.rows(shape, "")}
    told = itertools.chain(paths(everything(role)), paths(exported(VARIANTS[variant])))
    found = {path for path in told if not path.endswith(">")}
    assert {path for path in found if ".secrets." not in path} == documented


@pytest.mark.parametrize(
    ("variant", "shape"),
    [
        ("primary", outputs.Primary),
        ("primary with everything", outputs.Primary),
        ("primary with tables of its own", outputs.Primary),
        ("primary that owns little", outputs.Primary),
        ("standby", outputs.Standby),
    ],
)
def test_what_a_stack_tells_is_read_as_it_was_meant(
    variant: str, shape: type[outputs.Primary | outputs.Standby]
) -> None:
    told = exported(VARIANTS[variant])
    assert outputs.exports(outputs.read(shape, told, stack="site-a", path="")) == told


def test_whole_numbers_arrive_as_floats_and_are_read_as_integers() -> None:
    rotation = outputs.read(outputs.Grant, GRANT, stack="site-a", path="standbys.site-b").rotation
    assert (rotation, type(rotation)) == (3, int)


def test_an_output_of_another_shape_is_a_sentence_with_the_way_out() -> None:
    with pytest.raises(outputs.OutputError) as refusal:
        outputs.read(outputs.Grant, {**GRANT, "expires": None}, stack="site-a", path="standbys.site-b")
    assert str(refusal.value) == (
        "The stack site-a does not tell its output standbys.site-b.expires as this program reads it: run `pulumi up -s "
        "site-a` with the same version of the program first."
    )


# Each wrong for every type but those named beside it. Missing is the whole field.
MISSING = object()
WRONG: list[tuple[Any, set[object]]] = [
    (MISSING, set()),
    (None, set()),
    ("", set()),
    ("text", {str}),
    (5, {int}),
    (5.5, set()),
    (math.nan, set()),
    (math.inf, set()),
    (True, {bool}),
    ([], set()),
    (["text"], set()),
    ({}, {Mapping}),
    ({"text": None}, set()),
    ({"text": ["text"]}, set()),
]


def places(shape: Any, value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Every field of a class, in a value of it: its path, what it holds and whether it may be missing or empty."""
    for field in dataclasses.fields(shape):
        held, optional = outputs.kind(field.type)
        if optional and field.name not in value:
            continue
        here, inner = (*path, field.name), value[field.name]
        yield here, typing.get_origin(held) or held, optional
        if dataclasses.is_dataclass(held):
            yield from places(held, inner, here)
        elif typing.get_origin(held) and dataclasses.is_dataclass(entry := outputs.kind(typing.get_args(held)[1])[0]):
            for name in inner:
                yield from places(entry, inner[name], (*here, name))


def changed(value: Mapping[str, Any], path: tuple[str, ...], wrong: Any) -> dict[str, Any]:
    """A tree of outputs with another value at one place."""
    first, *rest = path
    if rest:
        return {**value, first: changed(value[first], tuple(rest), wrong)}
    return {name: one for name, one in {**value, first: wrong}.items() if one is not MISSING}


SHAPES = {
    "primary": outputs.Primary,
    "primary with a promoted standby": outputs.Primary,
    "standby": outputs.Standby,
    "promoted standby": outputs.Standby,
}


@pytest.mark.parametrize("variant", SHAPES)
def test_every_output_of_every_wrong_shape_is_that_sentence_and_nothing_else(variant: str) -> None:
    told = exported(VARIANTS[variant]) if variant in VARIANTS and " " in variant else everything(variant)
    shape = SHAPES[variant]
    found = list(places(shape, told))
    assert len(found) > len(dataclasses.fields(shape)), "the fields of what they hold are among them"
    for path, held, optional in found:
        for wrong, right in WRONG:
            fits = held in right or (optional and wrong in (MISSING, None))
            may_be_empty = path[-2:] in {("edb", "subscription"), ("network_observer", "secret")} and wrong == ""
            dotted = ".".join(path)
            error = refusal(shape, changed(told, path, wrong))
            if fits or may_be_empty:
                assert not error, f"{dotted} may be {wrong!r}"
            else:
                assert f"does not tell its output .{dotted}" in error, f"{dotted} is {wrong!r}"


def refusal(shape: type, value: Any) -> str:
    """What reading says of a tree of outputs; nothing for a good one."""
    try:
        outputs.read(shape, value, stack="site-a", path="")
    except outputs.OutputError as error:
        return str(error)
    return ""


READ = {"standbys": peer_grant, "postgres": peer_postgres, "edb": peer_edb, "routing_prefix": peer_routing_prefix}
"""Who reads which of the primary's outputs."""


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in WRONG if wrong is not MISSING], ids=repr)
@pytest.mark.parametrize("output", READ)
def test_a_standby_reads_no_wrong_output_and_says_one_sentence(output: str, wrong: Any) -> None:
    loaded = settings_of({**STANDBY, "edb": {"enabled": True, "operator": "community"}}, stack="site-b")
    # Deeper places: test_every_output_of_every_wrong_shape above.
    for value in (wrong, {"site-b": wrong}, {"site-b": {**GRANT, "secrets": wrong}}):
        if output == "routing_prefix" and value == "text":
            continue
        with pytest.raises(pulumi.RunError, match=r"^[^\n]*run `pulumi up -s site-a`[^\n]*$"):
            (READ[output](value, loaded), published_path(value, loaded, "edb-site-b-app"))


@pytest.mark.parametrize("output", READ)
@pytest.mark.parametrize("wrong", [MISSING, [], "text", {"site-b": []}], ids=["missing", "list", "text", "map"])
def test_a_run_of_a_standby_ends_with_a_sentence_whatever_its_primary_says(output: str, wrong: Any) -> None:
    wanted = {**STANDBY, "postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}
    primary = {name: one for name, one in {**PRIMARY_OUTPUTS, output: wrong}.items() if one is not MISSING}
    if (output, wrong) == ("routing_prefix", "text"):
        return
    with pytest.raises(pulumi.RunError, match=r"run `pulumi up -s site-a`"):
        record(wanted, stack="site-b", primary_outputs=primary)
    if wrong is MISSING:
        assert record(wanted, stack="site-b", primary_outputs=primary, preview=True).resources, "unknown in a preview"


def test_what_an_older_version_of_the_program_told_is_read() -> None:
    state = json.loads((CHECKOUT / "tests/lab/fixtures/state-site-a.json").read_text())["deployment"]["resources"]
    (told,) = [one["outputs"] for one in state if one["type"] == STACK]
    wanted = {**STANDBY, "postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}
    assert record(wanted, stack="site-b", primary_outputs=told).exports["rotation"] == 1


@pytest.mark.parametrize("section", ["postgres", "edb"])
def test_a_primary_without_the_databases_is_told_as_that_and_not_as_a_missing_secret(section: str) -> None:
    told = exported(VARIANTS["primary"])
    wanted = {**STANDBY, section: {"enabled": True, **({"operator": "community"} if section == "edb" else {})}}
    with pytest.raises(
        pulumi.RunError, match=f"set rhsi:{section}.enabled to true there and run `pulumi up -s site-a`"
    ):
        record(wanted, stack="site-b", primary_outputs=told)
    assert record(wanted, stack="site-b", primary_outputs=told, preview=True).resources


@pytest.mark.parametrize("data", [None, {}, {"ca.crt": ""}])
def test_a_cluster_that_publishes_no_ca_is_a_sentence(data: dict[str, str] | None) -> None:
    with pytest.raises(pulumi.RunError, match=r"kube-root-ca\.crt has no ca\.crt: set rhsi:cluster\.ca"):
        published_ca(data)


def test_a_standby_ends_with_that_sentence_where_its_primary_tells_less() -> None:
    less = {key: value for key, value in GRANT.items() if key != "expires"}
    with pytest.raises(Exception, match=r"does not tell its output standbys.site-b.expires .* `pulumi up -s site-a`"):
        record(STANDBY, stack="site-b", primary_outputs={**PRIMARY_OUTPUTS, "standbys": {"site-b": less}})


def test_a_secret_that_the_primary_has_not_published_is_a_sentence_in_up_and_unknown_in_preview() -> None:
    empty = {**PRIMARY_OUTPUTS, "standbys": {"site-b": {**GRANT, "secrets": {}}}}
    wanted = {**STANDBY, "postgres": {"enabled": True}, "edb": {"enabled": True, "operator": "community"}}
    sentence = r"stack site-a has published no Secret \S+ for site-b: run `pulumi up -s site-a` first"
    with pytest.raises(Exception, match=sentence):
        record(wanted, stack="site-b", primary_outputs=empty)
    assert record(wanted, stack="site-b", primary_outputs=empty, preview=True).resources
