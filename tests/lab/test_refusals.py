"""What `pulumi` says of settings, outputs and bugs that no run may go on with: a sentence, and never a traceback.

The tests share two stacks of which the primary stands, without databases.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.last_resort import DEBUG
from tests.lab.checkout import Checkout, Result

pytestmark = pytest.mark.lab

DATABASES = {
    "postgres": ({"enabled": True}, "has no PostgreSQL to follow: set rhsi:postgres.enabled to true there"),
    "edb": (
        {"enabled": True, "operator": "community"},
        "has no databases to replicate with: set rhsi:edb.enabled to true there",
    ),
}
KEY = f"-----BEGIN {'EC PRIVATE'} KEY-----\nAAAA0123456789\n-----END {'EC PRIVATE'} KEY-----\n"
SECRET = "-".join(["text", "of", "a", "secret"])
# Each in place of the line before it.
BUGS = {
    "the program": f"raise KeyError({SECRET!r})",
    "an apply": f"pulumi.Output.from_input(1).apply(lambda _: {{}}[{SECRET!r}])",
    "an apply in an input": (
        f"pulumi.Stash('bug', input=pulumi.Output.from_input(1).apply(lambda _: {{}}[{SECRET!r}]))"
    ),
}


@pytest.fixture(scope="module")
def checkout(copy_checkout: Callable[..., Checkout]) -> Checkout:
    made: Checkout = copy_checkout()
    made.up("site-a")
    return made


@contextmanager
def changed(checkout: Checkout, stack: str, path: str, value: object) -> Iterator[None]:
    """With another value in a stack file, which is afterwards what it was."""
    file = checkout.root / f"Pulumi.{stack}.yaml"
    before = file.read_text()
    checkout.change(stack, path, value)
    try:
        yield
    finally:
        file.write_text(before)


def refusal(result: Result) -> str:
    """What a run says that must fail, in words."""
    assert result.code != 0, result.text
    assert "Traceback" not in result.text, result.text
    assert "unhandled exception" not in result.text, result.text
    return result.text


@pytest.mark.parametrize("section", DATABASES)
def test_databases_on_the_standby_only_end_in_the_runbooks_sentence(checkout: Checkout, section: str) -> None:
    values, sentence = DATABASES[section]
    with changed(checkout, "site-b", section, values):
        preview = checkout.run("preview", "site-b")
        assert preview.code == 0, "what the primary will say is unknown in a preview"
        assert sentence in refusal(checkout.run("up", "site-b"))


@pytest.mark.parametrize("value", [["site-b"], "site-b", 5, None, {"enabled": ["site-b"]}], ids=repr)
@pytest.mark.parametrize("key", ["rhsi:cluster", "rhsi:edb"])
def test_a_value_of_another_shape_is_a_sentence(checkout: Checkout, tmp_path: Path, key: str, value: object) -> None:
    config = yaml.safe_load((checkout.root / "Pulumi.site-b.yaml").read_text())["config"]
    assert key in refusal(previewed(checkout, tmp_path, {**config, key: value}))


@pytest.mark.parametrize("config", [["rhsi:role"], "rhsi:role", 5, {"rhsi": {"role": "primary"}}, {"rhsi:role": []}])
def test_a_stack_file_of_another_shape_is_a_sentence(checkout: Checkout, tmp_path: Path, config: Any) -> None:
    refusal(previewed(checkout, tmp_path, config))


def previewed(checkout: Checkout, folder: Path, config: Any) -> Result:
    """A preview with a stack file that the lab itself could not read."""
    file = folder / "Pulumi.site-b.yaml"
    file.write_text(yaml.safe_dump({"config": config}))
    return checkout.pulumi("preview", "--stack", "site-b", "--config-file", str(file))


def test_an_export_in_the_place_of_the_replicated_databases_is_refused_before_anything(checkout: Checkout) -> None:
    export = {"pg-site-a": {"host": "db.example.com", "port": 5432}}
    with (
        changed(checkout, "site-a", "services.exports", export),
        changed(checkout, "site-a", "edb", {"enabled": True, "operator": "community"}),
    ):
        said = refusal(checkout.run("up", "site-a"))
    assert 'rhsi:services.exports.pg-site-a is "pg-site-a": the program has, or may be told to make, an object' in said
    assert not checkout.outputs("site-a")["exported_services"]


@pytest.mark.parametrize("name", ["PULUMI_K8S_AWAIT_ALL", "VAULT_SKIP_VERIFY"])
def test_a_variable_of_the_environment_that_breaks_a_promise_is_refused(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")
    assert f'The environment variable {name} is "true": ' in refusal(checkout.run("preview", "site-a"))


def test_a_private_key_that_was_pasted_with_a_certificate_is_refused_and_not_shown(
    checkout: Checkout, tmp_path: Path
) -> None:
    config = yaml.safe_load((checkout.root / "Pulumi.site-b.yaml").read_text())["config"]
    certificate = checkout.environment.vault_cacert
    assert certificate
    pasted = {**config["rhsi:vault"], "ca": certificate.read_text() + KEY}
    said = refusal(previewed(checkout, tmp_path, {**config, "rhsi:vault": pasted}))
    assert "rhsi:vault.ca is [secret]: it holds a private key, and this setting is published; remove the key" in said
    assert KEY.splitlines()[1] not in said


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_a_sentence_that_asks_for_a_report_and_shows_no_value(
    checkout: Checkout, bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = checkout.root / "components" / "sites" / "__init__.py"
    before = module.read_text()
    assert before.count("\n    return (PrimarySite") == 1
    module.write_text(
        before.replace("\n    return (PrimarySite", f"\n    import pulumi\n    {BUGS[bug]}\n    return (PrimarySite")
    )
    try:
        text = refusal(checkout.run("preview", "site-a"))
        monkeypatch.setenv(DEBUG, "true")
        more = checkout.run("preview", "site-a").text
    finally:
        module.write_text(before)
    for said in (text, more):
        assert "This program has a bug: KeyError in components/sites/__init__.py, line " in said
        assert "during `pulumi preview` of stack site-a. Please report this sentence together with the output" in said
    assert 'File "' in more
    # The traceback shows the line of the program, which has it here and nowhere else.
    assert SECRET not in text


def test_operators_on_a_cluster_without_olm_are_refused_with_what_else_installs_them(checkout: Checkout) -> None:
    with changed(checkout, "site-a", "operators.skupper", {"enabled": True}):
        said = " ".join(refusal(checkout.run("preview", "site-a")).split())
    assert "rhsi:operators needs OLM, and this cluster does not serve subscriptions.operators.coreos.com" in said
    assert "Skupper by Skupper's Helm chart `skupper`" in said
