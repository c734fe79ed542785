"""Pages name settings, targets of make, commands and options that exist."""

import re

import pytest
import typer.main

from docs.generate import configuration
from lab.commands import app as lab
from lab.home import CHECKOUT
from ops.commands import app as ops
from tests.unit.test_pages import PAGES, name

WORDS = {name(page): page.read_text() for page in PAGES if page.name != "CHANGELOG.md"}
PROGRAMS = {"lab": lab.app, "ops": ops.app}
# A stack file's map takes any name there, and what is below a parameter is PostgreSQL's.
FREE = re.compile(r"^(standbys|postgres\.parameters|postgres\.users|postgres\.databases|edb\.parameters)\.")


# Each line of the reference.
KEYS = [key.name.replace(".[]", "") for key in configuration.keys()]  # noqa: SIM118 -- a function of that name
SETTINGS = {key[: end.start()] for key in KEYS for end in re.finditer(r"\.|$", key)}
TARGETS = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))


def named(text: str) -> set[str]:
    """The settings that a page names, without the number of an entry of a list; `rhsi:index:` begins a type."""
    return set(re.findall(r"rhsi:(?!index:)([a-z]\w*(?:\.[a-z]\w*)*)", text))


def unknown(program: str, words: list[str]) -> list[str]:
    """What of a line is no command or option of its program."""
    found = typer.main.get_command(PROGRAMS[program])
    for word in words:
        commands = getattr(found, "commands", {})
        if commands and not word.startswith("-"):
            if word not in commands:
                return [word]
            found = commands[word]
    if found.context_settings.get("ignore_unknown_options"):
        return []
    known = {"--help", *(option for parameter in found.params for option in parameter.opts)}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [option for option in given if option not in known]


@pytest.mark.parametrize("page", WORDS)
def test_every_setting_target_command_and_option_that_a_page_names_exists(page: str) -> None:
    text = WORDS[page]
    assert [key for key in sorted(named(text)) if key not in SETTINGS and not FREE.match(key)] == []
    assert set(re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", text, flags=re.MULTILINE)) <= TARGETS
    for program, rest in re.findall(r"python -m (lab|ops)((?: [^\s`|&;()>\"#]+)*)", text):
        assert unknown(program, rest.partition(" -- ")[0].split()) == [], f"python -m {program}{rest}"


def test_what_does_not_exist_is_found() -> None:
    assert unknown("ops", ["guess", "-s", "site-a"]) == ["guess"]
    assert unknown("ops", ["status", "-s", "site-a", "--wait"]) == ["--wait"]
    assert unknown("lab", ["link", "mend"]) == ["mend"]
