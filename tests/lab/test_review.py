"""`python -m ops review` by the real engine: quiet, a rotation, a failed preview; no secrets."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hvac
import pytest

from lab.stacks import Runner
from ops.review.comment import MARKER
from tests.lab import ci_rights, operator_rights
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.leaks import forms
from tests.lab.vault_contents import contents, of

pytestmark = pytest.mark.lab

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def checkout(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Both stacks up with the rights of deploy/, and with a database, so that there are passwords beside the code."""
    rights = operator_rights.operator(
        lab.environment, tmp_path_factory.mktemp("operator"), {"site-a": ["rhsi"], "site-b": ["rhsi"]}
    )
    made = copy_checkout(rights)
    for stack in made.stacks():
        made.change(stack.name, "postgres", {"enabled": True})
    made.up()
    return made


def review(checkout: Checkout, *arguments: str, code: int) -> Done:
    """Run it as the Makefile does, in the checkout's folder; it must end with this exit code."""
    line = ["lab", "shell", "--fresh", "--", "env", f"PYTHONPATH={checkout.root}"]
    done = subprocess.run(
        [sys.executable, "-m", *line, sys.executable, "-m", "ops", "review", *arguments],
        cwd=checkout.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def secrets(lab: Lab) -> dict[str, str]:
    """What lets somebody in: the grants' codes, the passwords in Vault, Vault's token; by where it is."""
    grants = lab.connect("site-a").resources.get(api_version="skupper.io/v2alpha1", kind="AccessGrant")
    found = {grant.metadata.name: grant.status.code for grant in grants.get(namespace="rhsi").items}
    assert found, "there is a grant"
    client = hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))
    for path, secret in of(contents(client), "secret rhsi/").items():
        fields = secret["data"]
        found |= {f"{path} {name}": fields[name] for name in ("code", "password") if name in fields}
    assert any(name.endswith(" code") for name in found)
    assert any(name.endswith(" password") for name in found)
    return {**found, "Vault's token": lab.vault_token}


def assert_without_secrets(lab: Lab, *texts: str) -> None:
    shown = [name for name, value in secrets(lab).items() for form in forms(value) if any(form in one for one in texts)]
    assert shown == []


def test_two_stacks_that_are_as_they_should_be_are_one_line(checkout: Checkout, lab: Lab) -> None:
    done = review(checkout, "--expect-no-changes", code=0)
    marker, _, *said = done.stdout.splitlines()
    assert marker == MARKER
    (line,) = said
    assert line.startswith("**`pulumi preview`: nothing to do** for `site-a`, `site-b` (")
    assert_without_secrets(lab, done.stdout, done.stderr)


def test_a_rotation_in_the_checkouts_file_says_that_the_link_rotates(
    checkout: Checkout, lab: Lab, tmp_path: Path
) -> None:
    number = checkout.next_rotation()
    done = review(checkout, code=0)
    grants = f"`rhsi/rhsi-site-b-grant-{number - 1} → rhsi/rhsi-site-b-grant-{number}`"
    assert f"- **replace** AccessGrant {grants} (the new one comes first): The link rotates" in done.stdout
    assert "| `site-b` |  |  |  |  |" in done.stdout, "its part comes after the primary's `up`"
    file = tmp_path / "review.md"
    asked = review(checkout, "--json", "--expect-no-changes", "--output", str(file), code=1)
    primary, standby = json.loads(asked.stdout)["stacks"]
    assert primary["counts"]["replace"] == 1
    assert standby["counts"] == {}
    assert file.read_text() == done.stdout
    assert_without_secrets(lab, done.stdout, done.stderr, asked.stdout, asked.stderr)


def test_after_the_primarys_up_the_standby_claims_again_and_nothing_reads_as_deleted(
    checkout: Checkout, lab: Lab
) -> None:
    checkout.up("site-a")
    done = review(checkout, code=0)
    assert "- **replace** Job `rhsi/create-access-token-from-vault`: The claim runs again" in done.stdout
    assert "env.ROTATION.value: 1 → 2" in done.stdout
    assert "delete" not in done.stdout.partition("#### site-b")[2]
    # `pulumi preview --diff` says of the Job's owner no more than that.
    shown = checkout.run("preview", "site-b", "--diff")
    assert shown.code == 0, shown.text
    assert "metadata.ownerReferences (hidden)" in shown.text
    assert "- blockOwnerDeletion" not in shown.text
    assert_without_secrets(lab, done.stdout, done.stderr, shown.text)


@pytest.mark.parametrize(("job", "options"), [("preview", []), ("drift", ["--refresh"])])
def test_the_rights_of_docs_ci_are_enough_to_review(
    checkout: Checkout, lab: Lab, tmp_path: Path, job: str, options: list[str]
) -> None:
    checkout.up()
    ci_rights.grant(lab.environment)
    variables = ci_rights.credentials(lab.environment, tmp_path, job)
    runner = Runner(checkout.environment, checkout.root)
    runner.prepare(checkout.stacks())
    done = subprocess.run(
        [sys.executable, "-m", "ops", "review", "--cwd", str(runner.project), "--expect-no-changes", *options],
        cwd=checkout.root,
        env={**runner.environ(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to do" in done.stdout


def test_a_preview_that_fails_is_its_sentence_beside_the_other_stacks_review(checkout: Checkout, lab: Lab) -> None:
    checkout.change("site-b", "timeouts.claim", "soon")
    try:
        done = review(checkout, code=2)
    finally:
        checkout.change("site-b", "timeouts.claim", "5m")
    failed = done.stdout.partition("#### site-b")[2]
    assert "The preview failed:" in failed
    assert "rhsi:timeouts.claim is" in failed
    assert "| `site-a` |  |  |  |  |" in done.stdout
    assert "nothing to do" in done.stdout
    assert_without_secrets(lab, done.stdout, done.stderr)
