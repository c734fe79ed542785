"""The stack files as the lab reads them: what is refused, at once and with the place."""

from pathlib import Path

import pytest

from lab.home import CHECKOUT, LabError
from lab.stacks import discover
from lab.stacks.strict import StrictError, load

PRIMARY = "config:\n  rhsi:role: primary\n"


def refused(folder: Path, **files: str) -> str:
    """What is said of these files, `site_a="..."` for Pulumi.site-a.yaml, beside the checkout's own project file."""
    (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text())
    for name, text in files.items():
        (folder / f"Pulumi.{name.replace('_', '-')}.yaml").write_text(text)
    with pytest.raises(LabError) as error:
        discover(folder)
    return str(error.value)


def test_the_checkouts_own_files_are_two_stacks_the_primary_first() -> None:
    assert [stack.name for stack in discover()] == ["site-a", "site-b"]


def test_a_key_that_is_there_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    text = refused(tmp_path, site_a=f"{PRIMARY}  rhsi:standbys: {{}}\n  rhsi:role: standby\n")
    assert "  - Pulumi.site-a.yaml, line 4: the key 'rhsi:role' is there already, in line 2; remove one." in text
    nested = f"{PRIMARY}  rhsi:standbys:\n    site-b: {{rotation: 1, rotation: 2}}\n    site-b:\n"
    text = refused(tmp_path, site_a=nested)
    assert "line 4: the key 'rotation' is there already, in line 4" in text
    assert "line 5: the key 'site-b' is there already, in line 4" in text


def test_merged_keys_are_no_duplicates() -> None:
    text = "base: &base {rotation: 1, redemptions: 1}\nsite-b:\n  <<: *base\n  rotation: 2\nlist: [*base, *base]\n"
    assert load(text)["site-b"] == {"rotation": 2, "redemptions": 1}


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "a: *nowhere", "a: 2026-99-99", "- \x00"])
def test_what_is_no_yaml_is_a_mistake_and_no_traceback(text: str) -> None:
    with pytest.raises(StrictError, match="is no YAML"):
        load(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config:\n- rhsi:role: primary\n", "has a list below `config:`: write keys such as `rhsi:role"),
        ("config: primary\n", "has the single value 'primary' below `config:`"),
        ("- a\n", "is a list: it must have the key `config:`"),
        (f"{PRIMARY}  standbys:\n    site-b:\n", "has the key 'standbys' without a prefix: write rhsi:standbys."),
        (f"{PRIMARY}  stanbys: {{}}\n", "has the key 'stanbys' without a prefix: write rhsi:standbys."),
        (f"{PRIMARY}  rhis:vault: {{}}\n", "has the key 'rhis:vault' of another program: write rhsi:vault."),
        (f"{PRIMARY}rhsi:vault: {{}}\n", "has the key 'rhsi:vault' outside of `config:`: indent it below."),
        ("conifg:\n  rhsi:role: primary\n", "has the key 'conifg': write config."),
    ],
)
def test_a_file_of_the_wrong_form_is_named_with_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    assert f"  - Pulumi.site-a.yaml {said}" in refused(tmp_path, site_a=text)


def test_keys_of_pulumi_and_of_its_providers_are_none_of_the_programs(tmp_path: Path) -> None:
    text = f'{PRIMARY}  pulumi:disable-default-providers: ["*"]\n  kubernetes:context: site-a\nencryptionsalt: v1:x\n'
    (tmp_path / "Pulumi.site-a.yaml").write_text(text)
    (stack,) = discover(tmp_path)
    assert stack.is_primary


@pytest.mark.parametrize("name", ["Pulumi.site-a copy.yaml", "Pulumi.site-a (1).yaml", "Pulumi.site-ä.yaml"])
def test_a_stray_copy_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PRIMARY)
    assert f"{name} is in the way" in refused(tmp_path, site_a=PRIMARY)


def test_a_file_that_pulumi_would_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.site-b.yml").write_text(PRIMARY)
    (tmp_path / "Pulumi.site-c.yaml").mkdir()
    (tmp_path / "Pulumi.site-d.yaml").write_bytes(b"\xff")
    text = refused(tmp_path, site_a=PRIMARY)
    assert "Pulumi.site-b.yml would be ignored" in text
    assert "Pulumi.site-c.yaml cannot be read" in text
    assert "Pulumi.site-d.yaml cannot be read" in text


def test_all_mistakes_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    text = refused(tmp_path, site_a=f"{PRIMARY}  standbys: {{}}\n  vault: {{}}\n", site_b="config: []\n")
    assert text.splitlines()[0] == "The stack files cannot be used:"
    assert len(text.splitlines()) == 4


def test_an_empty_file_is_a_stack_without_settings_and_no_file_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"has no stack file: add Pulumi\.site-a\.yaml"):
        discover(tmp_path)
    (tmp_path / "Pulumi.site-a.yaml").write_text("")
    assert [stack.config for stack in discover(tmp_path)] == [{}]


@pytest.mark.parametrize(
    "file",
    [CHECKOUT / "Pulumi.yaml", *CHECKOUT.glob("Pulumi.*.yaml"), *(CHECKOUT / "docs" / "examples").glob("*.yaml")],
    ids=lambda file: file.name,
)
def test_no_file_of_pulumi_has_a_key_twice_which_the_engine_refuses(file: Path) -> None:
    assert load(file.read_text())


def test_the_template_asks_for_declared_keys_that_pulumi_new_can_set() -> None:
    project = load((CHECKOUT / "Pulumi.yaml").read_text())
    for key, asked in project["template"]["config"].items():
        # It saves each answer as one text: nothing within a section.
        assert project["config"][key]["type"] == "string"
        assert asked["description"]
        assert asked.keys() <= {"description", "default", "secret"}
