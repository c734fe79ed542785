"""What stacks tell each other: written and read through one set of classes, and documented from it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components import outputs
from docs import outputs as documentation
from tests.unit.recorder import PRIMARY_OUTPUTS, STANDBY, record
from tests.unit.urns import VARIANTS, Variant

PAGE = Path(__file__).parents[2] / "docs" / "outputs.md"
GRANT = PRIMARY_OUTPUTS["standbys"]["site-b"]


def exported(variant: Variant) -> dict[str, Any]:
    return record(variant.settings, stack=variant.stack, primary_outputs=variant.primary_outputs).exports


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every path in a tree of outputs, with the keys that a user chooses as the page has them."""
    for name, one in value.items() if isinstance(value, Mapping) else ():
        parent = path.rsplit(".", maxsplit=1)[-1]
        here = f"{path}.{documentation.KEYS.get(parent, name)}".lstrip(".")
        yield here
        if parent != "standbys" or name != "secrets":
            yield from paths(one, here)


def test_the_page_is_what_the_classes_say() -> None:
    assert PAGE.read_text() == documentation.page(), "`python -m docs.outputs > docs/outputs.md` writes it anew"


@pytest.mark.parametrize("shape", [outputs.Primary, outputs.Standby])
def test_every_field_has_a_meaning_and_every_value_an_example(shape: type) -> None:
    for row in documentation.rows(shape, ""):
        _, name, kind, meaning, example, _ = (part.strip() for part in row.split("|"))
        assert meaning, f"{name} says what it is"
        assert bool(example) == (not kind.startswith("map") or name.endswith("secrets`")), name


@pytest.mark.parametrize(
    ("variant", "shape"),
    [("primary with everything", outputs.Primary), ("standby with everything", outputs.Standby)],
)
def test_the_page_tells_of_every_output_and_of_no_other(variant: str, shape: type) -> None:
    documented = {row.split("`")[1] for row in documentation.rows(shape, "")}
    found = {path for path in paths(exported(VARIANTS[variant])) if not path.endswith(">")}
    assert {path for path in found if ".secrets." not in path} == documented


@pytest.mark.parametrize(
    ("variant", "shape"),
    [("primary", outputs.Primary), ("primary with everything", outputs.Primary), ("standby", outputs.Standby)],
)
def test_what_a_stack_tells_is_read_as_it_was_meant(
    variant: str, shape: type[outputs.Primary | outputs.Standby]
) -> None:
    told = exported(VARIANTS[variant])
    assert outputs.exports(outputs.read(shape, told, stack="site-a", path="")) == told


def test_whole_numbers_arrive_as_floats_and_are_read_as_integers() -> None:
    rotation = outputs.read(outputs.Grant, GRANT, stack="site-a", path="standbys.site-b").rotation
    assert (rotation, type(rotation)) == (3, int)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"expires": None}, "standbys.site-b.expires"),
        ({"rotation": "3"}, "standbys.site-b.rotation"),
        ({"rotation": 2.5}, "standbys.site-b.rotation"),
        ({"secrets": []}, "standbys.site-b.secrets"),
        ({"secrets": {"edb-ca": None}}, "standbys.site-b.secrets.edb-ca"),
    ],
)
def test_an_output_of_another_shape_is_a_sentence_with_the_way_out(change: dict[str, Any], path: str) -> None:
    with pytest.raises(outputs.OutputError) as refusal:
        outputs.read(outputs.Grant, {**GRANT, **change}, stack="site-a", path="standbys.site-b")
    assert str(refusal.value) == (
        f"The stack site-a does not tell its output {path} as this program reads it: run `pulumi up -s site-a` with "
        "the same version of the program first."
    )


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
