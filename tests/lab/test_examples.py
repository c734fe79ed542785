"""Every stack file of the reference, previewed by the real engine on clusters that have none of it yet.

One that builds upon something that is not there says so.
"""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from docs.generate.stack_files import Example, examples
from tests.examples import secrets
from tests.lab.checkout import Checkout

STACKS = {"primary": "site-a", "standby": "site-b"}
NO_OLM = "rhsi:operators needs OLM, and this cluster does not serve subscriptions.operators.coreos.com"
# What an example builds upon that these clusters do not have, and how its preview says so. Settings like these meet it
# in test_operators.py and test_ways_in.py.
MISSING = {
    "existing-store.standby": "resource 'vault' does not exist",
    "skupper.standby": "resource 'network/branch' does not exist",
    "operators.primary": NO_OLM,
    "operators.standby": NO_OLM,
    "operators-pinned.standby": NO_OLM,
}
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
        if missing := MISSING.get(example.file.stem):
            assert result.code != 0, result.text
            assert missing in " ".join(result.text.split())
        else:
            assert result.code == 0, result.text
