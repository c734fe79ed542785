"""examples/consumer on the lab: another project's stack reads the standby's outputs and writes over the link."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.home import CHECKOUT
from lab.stand_ins.pods import logs
from tests.lab.checkout import Checkout, Result
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

STACK, NAMESPACE = "site-b", "rhsi"
CONFIG = {
    "rhsiStack": f"organization/rhsi/{STACK}",
    "context": STACK,
    # As its README says for another kind of cluster than OpenShift.
    "image": "docker.io/library/postgres:16-bookworm",
    "runAsUser": "999",
}


@dataclass
class Consumer:
    """The example in a folder of its own, beside the stacks of a checkout."""

    folder: Path
    checkout: Checkout

    def pulumi(self, *arguments: str) -> Result:
        """Run a command of `pulumi` there."""
        return self.checkout.pulumi("--cwd", str(self.folder), *arguments, "--stack", STACK, "--non-interactive")


@pytest.fixture(scope="module")
def consumer(copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """The example, configured as its README says, beside stacks with the streaming database of which nothing stands."""
    checkout = copy_checkout()
    for stack in checkout.stacks():
        checkout.change(stack.name, "postgres", {"enabled": True})
    # The backend knows a stack from its first preview on.
    assert checkout.run("preview", STACK).code == 0
    made = Consumer(tmp_path_factory.mktemp("consumer"), checkout)
    shutil.copytree(CHECKOUT / "examples" / "consumer", made.folder, dirs_exist_ok=True)
    assert made.checkout.pulumi("--cwd", str(made.folder), "stack", "init", STACK).code == 0
    for key, value in CONFIG.items():
        assert made.pulumi("config", "set", key, value).code == 0
    yield made
    assert made.pulumi("destroy", "--yes", "--skip-preview").code == 0
    assert made.pulumi("stack", "rm", "--yes").code == 0


def test_a_preview_before_rhsi_is_up_says_what_to_do_first(consumer: Consumer) -> None:
    result = consumer.pulumi("preview")
    assert result.code != 0, result.text
    said = (
        f"organization/rhsi/{STACK} has no output [a-z]+: bring that stack up first, with `rhsi:postgres.enabled: true`"
    )
    assert re.search(said, " ".join(result.text.split())), result.text
    assert "Traceback" not in result.text


def test_the_client_writes_to_the_primary_and_a_second_run_changes_nothing(consumer: Consumer, lab: Lab) -> None:
    consumer.checkout.up()
    result = consumer.pulumi("up", "--yes", "--skip-preview")
    assert result.code == 0, result.text
    assert 'used: "postgres-primary.rhsi.svc"' in result.text
    ((_, _, said),) = logs.read(lab.home, STACK, NAMESPACE, "rhsi-consumer")
    assert "site-b writes to a server that leads" in said
    again = consumer.pulumi("preview", "--expect-no-changes", "--policy-pack", str(CHECKOUT / "policy"))
    assert again.code == 0, again.text
    assert "✅ rhsi@v1.0.0" in again.text, "it complies with rhsi's own policies"
