"""Every stack file of the reference, previewed by the real engine on clusters that have none of it yet."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from docs.stack_files import Example, examples
from tests.examples import secrets
from tests.lab.checkout import Checkout

STACKS = {"primary": "site-a", "standby": "site-b"}
SUBJECTS = sorted({example.subject for example in examples()})


def on_the_lab(example: Example) -> dict[str, Any]:
    """The file's content for the lab's clusters, which its stacks are named after."""
    content: dict[str, Any] = yaml.safe_load(example.file.read_text())
    config = content["config"]
    config["rhsi:cluster"]["context"] = STACKS[example.role]
    if example.role == "standby":
        config["rhsi:primaryStack"] = STACKS["primary"]
    return content


@pytest.fixture(scope="module")
def checkout(copy_checkout: Callable[..., Checkout]) -> Checkout:
    return copy_checkout()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_engine_previews_the_stack_files_of(checkout: Checkout, subject: str) -> None:
    files = [example for example in examples() if example.subject == subject]
    for example in files:
        stack = STACKS[example.role]
        (checkout.root / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(on_the_lab(example)))
        result = checkout.run("preview", stack, secrets=secrets(example))
        assert result.code == 0, result.text
