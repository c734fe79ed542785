"""The stack's page in Pulumi Cloud: what each kind of stack has on it, and that nothing on it is a value."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.sites import readme
from components.sites.readme import TEMPLATE, stack_readme
from lab.home import CHECKOUT
from tests.unit.recorder import record
from tests.unit.urns import VARIANTS, Variant


def exported(variant: Variant, **changed: Any) -> dict[str, Any]:
    settings = {**variant.settings, **changed}
    graph = record(settings, stack=variant.stack, primary_outputs=variant.primary_outputs, vault=variant.vault)
    return graph.exports


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_page_names_only_outputs_that_the_stack_has(variant: str) -> None:
    told = exported(VARIANTS[variant])
    page = told["readme"]
    for path in re.findall(r"\$\{outputs\.([^}]*)\}", page):
        value: Any = told
        for name in path.split("."):
            assert name in value, f"${{outputs.{path}}}"
            value = value[name]
        assert isinstance(value, str | int | float), f"${{outputs.{path}}} is one value"
    assert not re.search(r"<!--|<name>|<stack>|\n\n\n", page)


def test_a_primary_has_a_line_for_each_standby_and_its_services() -> None:
    page = exported(VARIANTS["primary with everything"])["readme"]
    assert "The **primary** of this network" in page
    for standby in ("site-b", "site-c"):
        assert f"- {standby}: `pulumi config set --path 'rhsi:standbys.{standby}.rotation' NUMBER -s site-a`\n" in page
    assert {"- `orders`", "- `stock`", "- `prices`"} <= set(page.splitlines())
    assert "A **standby**" not in page


def test_a_standby_has_its_link_and_where_applications_write() -> None:
    page = exported(VARIANTS["standby with everything"])["readme"]
    assert "| `${outputs.link}` | ${outputs.link_status} | `${outputs.remote_site}` | ${outputs.rotation} |" in page
    assert "| writes | `${outputs.postgres.primary}.${outputs.namespace}.svc:${outputs.postgres.port}` |" in page
    assert "`pulumi preview -s site-b`" in page
    assert "The **primary**" not in page


def test_a_stack_without_databases_has_no_words_about_them() -> None:
    page = exported(VARIANTS["primary"])["readme"]
    assert not re.search("PostgreSQL|databases|Services", page)


def test_a_rotation_leaves_the_page_alone() -> None:
    variant = VARIANTS["primary"]
    rotated = exported(variant, standbys={"site-b": {"rotation": 4}})
    assert rotated["standbys"] != exported(variant)["standbys"]
    assert rotated["readme"] == exported(variant)["readme"]


def test_a_preview_knows_the_page() -> None:
    variant = VARIANTS["standby"]
    previewed = record(variant.settings, stack=variant.stack, primary_outputs={}, preview=True)
    assert previewed.outputs_of("standby")["readme"] == exported(variant)["readme"]


def test_the_file_is_where_pulumi_users_look_for_it() -> None:
    assert TEMPLATE == CHECKOUT / "Pulumi.README.md"


def test_a_project_without_the_file_has_no_such_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(readme, "TEMPLATE", tmp_path / "Pulumi.README.md")
    assert "readme" not in exported(VARIANTS["primary"])


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"a": "x", "map": {"one": 1, "two": 2}}, "site-a\nA\n- one\n- two\nend\n"),
        ({"map": {}}, "site-a\nend\n"),
        ({"a": "", "map": {"b": {}}}, "site-a\nA\n- b\nend\n"),
        ({"a": None}, "site-a\nend\n"),
    ],
)
def test_parts_stay_or_go_with_their_output(outputs: dict[str, Any], text: str) -> None:
    template = "<stack>\n<!-- if a -->\nA\n<!-- end -->\n<!-- each map -->\n- <name>\n<!-- end -->\nend\n"
    assert stack_readme(template, outputs, "site-a") == text


def test_a_deeper_output_may_be_asked_for() -> None:
    template = "<!-- if a.b -->\nA\n<!-- end -->\n"
    assert stack_readme(template, {"a": {"b": 1}}, "s") == "A\n"
    assert not stack_readme(template, {"a": "text"}, "s")


@pytest.mark.parametrize(
    "template",
    ["<!-- if a -->\nA\n", "A\n<!-- end -->\n", "<!-- if a -->\n<!-- if b -->\nB\n<!-- end -->\n<!-- end -->\n"],
)
def test_half_a_part_is_a_sentence_with_the_way_out(template: str) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"^Pulumi\.README\.md has '<!-- (if|end).*' without its other half: begin"
    ):
        stack_readme(template, {"a": 1, "b": 2}, "s")
