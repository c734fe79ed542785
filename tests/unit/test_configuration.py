"""The configuration reference: it is current, it is complete, and every example in it is one that the program runs."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from docs.generate import configuration
from docs.generate.configuration import Key
from docs.generate.stack_files import Example, example_of, examples
from lab.home import CHECKOUT
from tests.examples import secrets
from tests.unit.recorder import PRIMARY_OUTPUTS, record, reveal

EXAMPLES = examples()
KEYS = configuration.keys()
# What a stack file has no place for: text that only the machine has, or a secret.
WITHOUT_EXAMPLE = {"PEM", "secret", "map of secret"}


def given(example: Example) -> dict[str, Any]:
    """An example's settings with its secrets."""
    values = copy.deepcopy(example.values)
    for path, secret in secrets(example).items():
        *above, key = path.split(".")
        block = values
        for name in above:
            block = block.setdefault(name, {})
        block[key] = secret
    return values


def stack_of(example: Example) -> str:
    return str(example.values.get("site") or {"primary": "site-a", "standby": "site-b"}[example.role])


def primary_of(example: Example) -> Mapping[str, Any]:
    """The outputs of the primary of a standby's example; where it has none, those of a primary with everything."""
    for other in EXAMPLES:
        if other.subject == example.subject and other.role == "primary":
            graph = record(given(other), stack=stack_of(other), vault={})
            return {name: reveal(value) for name, value in graph.exports.items()}
    return PRIMARY_OUTPUTS


def test_the_page_is_current() -> None:
    found = (CHECKOUT / "docs" / "configuration.md").read_text()
    assert found == configuration.page(), "run `python -m docs.generate.configuration > docs/configuration.md`"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_has_a_meaning_and_an_example(key: Key) -> None:
    assert key.meaning, f"rhsi:{key.name} needs a docstring below its field"
    if key.type not in WITHOUT_EXAMPLE:
        found = example_of(key.path, EXAMPLES)
        assert found is not None, f"no file in docs/examples has rhsi:{key.name}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.stem)
def test_the_program_previews_and_runs_every_example(example: Example) -> None:
    outputs = primary_of(example) if example.role == "standby" else None
    settings, stack = given(example), stack_of(example)
    previewed = record(settings, stack=stack, preview=True, primary_outputs=outputs, vault={})
    run = record(settings, stack=stack, primary_outputs=outputs, vault={})
    assert reveal(run.exports["site"]) == stack
    assert previewed.resources.keys() <= run.resources.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.stem)
def test_an_example_is_named_after_its_role(example: Example) -> None:
    assert example.values["role"] == example.role
    assert example.file.read_text().startswith("# ")
