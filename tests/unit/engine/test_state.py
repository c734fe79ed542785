"""Secrets, interruptions, locks, and what stacks know of each other."""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine.backend import StackName
from lab.engine.errors import EngineError, StackNotFoundError
from lab.engine.run import Run
from lab.engine.secrets import Crypter, PassphraseError
from lab.engine.state import Deployment, Operation, Resource, deployment_from_json, deployment_to_json
from lab.engine.values import UNKNOWN, Secret
from tests.unit.engine.bench import Bench

# Written by pulumi 3.259 with this passphrase.
PASSPHRASE = "correct horse"
SALT = "v1:A/aSl3pVafQ=:v1:jv2hehA/nRaZwtsf:dN64HN3KHlQfnhbdHHs1VGBiPu7JIQ=="
CIPHERTEXT = "v1:k3YLyD6IvsWg7/up:bOMJn8e2jAGJFR8ywo42mfTBsTgw7jE="


def test_what_pulumi_encrypted_can_be_decrypted() -> None:
    crypter = Crypter(PASSPHRASE, SALT)
    assert crypter.decrypt(CIPHERTEXT) == "grüße"
    assert crypter.decrypt(crypter.encrypt("x")) == "x"
    assert crypter.salt_text == SALT


def test_a_wrong_passphrase_is_told_from_the_salt() -> None:
    with pytest.raises(PassphraseError, match=r"^incorrect passphrase$"):
        Crypter("wrong", SALT).decrypt(CIPHERTEXT)


def test_a_run_with_a_wrong_passphrase_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.up('Thing("a", value=pulumi.Output.secret("x"))')
    before = bench.file()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    assert bench.up() == []
    assert str(bench.error) == "incorrect passphrase"
    assert bench.file() == before


def test_the_salt_is_kept_in_the_stack_file_of_a_stack_that_had_none(bench: Bench) -> None:
    bench.up("")
    salt = bench.saved()["secrets_providers"]["state"]["salt"]
    assert f"encryptionsalt: {salt}" in (bench.folder / "Pulumi.dev.yaml").read_text()


SECRETS = """
a = Thing("a", value=pulumi.Output.secret("hush-input"), opts=options(additional_secret_outputs=["code"]))
Thing("b", value=a.code.apply(lambda code: f"derived-{code}"))
pulumi.export("code", a.code)
pulumi.export("plain", "seen")
print(f"value is {pulumi.Config().get('password')}")
"""


def test_no_secret_stands_in_the_state_or_on_the_display(bench: Bench) -> None:
    bench.up(SECRETS)
    assert bench.outputs() == {"code": Secret("code-1"), "plain": "seen"}
    for hidden in ("hush-input", "code-1"):
        assert hidden not in bench.file()
        assert hidden not in bench.text
    assert "code : [secret]" in bench.text


def test_an_unchanged_secret_keeps_its_ciphertext(bench: Bench) -> None:
    bench.up(SECRETS)
    before = [bench.resource(name)["outputs"] for name in ("a", "b")]
    bench.up()
    assert [bench.resource(name)["outputs"] for name in ("a", "b")] == before


def test_secret_configuration_is_hidden_in_what_a_program_prints(bench: Bench) -> None:
    stack = bench.open()
    stack.file.set("proj:password", {"secure": stack.crypter.encrypt("hush-config")}, path=False)
    stack.file.save()
    bench.up(SECRETS)
    assert "value is [secret]" in bench.text


def test_outputs_survive_a_failure_and_go_when_they_are_no_longer_exported(bench: Bench) -> None:
    bench.up('pulumi.export("x", 1); pulumi.export("y", 1)')
    bench.up('pulumi.export("x", 2); Thing("a", fail="create")')
    assert bench.outputs() == {"x": 2, "y": 1}
    bench.up('pulumi.export("x", 2)')
    assert bench.outputs() == {"x": 2}


def test_a_failing_program_shows_its_own_frames_and_deletes_nothing(bench: Bench) -> None:
    bench.up('Thing("a")')
    assert bench.up('raise ValueError("boom")') == []
    assert "error: Program failed with an unhandled exception:" in bench.text
    assert "ValueError: boom" in bench.text
    assert "runpy" not in bench.text
    assert bench.names() == ["a"]


def test_a_run_error_is_told_without_a_traceback(bench: Bench) -> None:
    bench.up('raise pulumi.RunError("one sentence")')
    assert "error: one sentence\n" in bench.text
    assert "Traceback" not in bench.text


def test_an_interrupted_creation_stays_pending_until_somebody_has_looked(bench: Bench) -> None:
    bench.up("")
    stack = bench.open()
    lost = Resource("urn:pulumi:dev::proj::fake:index:Thing::lost", "fake:index:Thing")
    deployment = Deployment(stack.deployment().resources, [Operation(lost, "creating"), Operation(lost, "updating")])
    bench.backend.save(stack.name, deployment_to_json(deployment, stack.crypter))
    bench.up()
    assert "warning: Attempting to deploy or update resources with 2 pending operations" in bench.text
    assert "Thing::lost, interrupted while creating" in bench.text
    assert [operation["type"] for operation in bench.saved()["pending_operations"]] == ["creating"]
    bench.refresh(clear_pending_creates=True)
    assert "pending_operations" not in bench.saved()


def test_the_state_names_what_is_being_made_while_it_is_made(bench: Bench) -> None:
    run = threading.Thread(target=bench.up, args=('Thing("a", hold="create")',))
    run.start()
    assert bench.cloud.begun.wait(30)
    pending = bench.saved()["pending_operations"]
    bench.cloud.released.set()
    run.join()
    assert [(item["type"], item["resource"]["type"]) for item in pending] == [("creating", "fake:index:Thing")]
    assert "pending_operations" not in bench.saved()


def test_a_stack_in_use_is_locked_and_cancel_frees_it(bench: Bench) -> None:
    name = StackName("proj", "dev")
    with bench.backend.lock(name):
        bench.up("")
        assert str(bench.error).startswith(
            "the stack is currently locked by 1 lock(s). Either wait for the other process"
        )
        assert "created by" in str(bench.error)
        bench.backend.cancel(name)
        bench.up("")
        assert bench.error is None


def test_a_preview_does_not_mind_a_lock(bench: Bench) -> None:
    with bench.backend.lock(StackName("proj", "dev")):
        bench.preview('Thing("a")')
    assert bench.error is None


def test_a_lock_is_released_after_a_failure(bench: Bench) -> None:
    bench.up('Thing("a", fail="create")')
    assert not list((bench.folder / ".pulumi" / "locks").rglob("*.json"))


def test_another_stacks_outputs_arrive_with_their_secrets(bench: Bench) -> None:
    bench.up('pulumi.export("plain", {"n": 1}); pulumi.export("hidden", pulumi.Output.secret("hush"))')
    bench.make_stack("other")
    bench.stack = "other"
    bench.up(
        """
        reference = pulumi.StackReference("organization/proj/dev")
        pulumi.export("plain", reference.get_output("plain"))
        pulumi.export("hidden", reference.require_output("hidden"))
        pulumi.export("missing", reference.get_output("missing").apply(lambda value: value is None))
        """
    )
    assert bench.outputs() == {"plain": {"n": 1}, "hidden": Secret("hush"), "missing": True}
    assert "hush" not in bench.file()


def test_a_reference_to_a_stack_that_does_not_exist_fails_in_pulumis_words(bench: Bench) -> None:
    bench.preview('pulumi.StackReference("organization/proj/nope")')
    assert 'error: Preview failed: unknown stack "organization/proj/nope"' in bench.text
    assert bench.error is not None


def test_undecryptable_outputs_of_another_stack_are_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.up('pulumi.export("plain", 1); pulumi.export("hidden", pulumi.Output.secret("hush"))')
    bench.make_stack("other")
    bench.stack = "other"
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    bench.up('pulumi.export("plain", pulumi.StackReference("organization/proj/dev").get_output("plain"))')
    assert bench.outputs() == {"plain": 1}
    assert "eliding undecryptable secrets for stack reference 'organization/proj/dev'" in bench.text


def test_a_stash_keeps_its_first_value_where_changes_are_ignored(bench: Bench) -> None:
    program = """
    stash = pulumi.Stash("s", input=pulumi.Output.secret({0!r}), opts=options(ignore_changes=["input"]))
    pulumi.export("kept", stash.output)
    """
    bench.up(program.format("first"))
    bench.up(program.format("second"), expect_no_changes=True)
    assert bench.error is None
    assert bench.outputs() == {"kept": Secret("first")}
    assert "first" not in bench.file()


def test_a_cancelled_run_saves_what_was_made_and_frees_the_stack(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Run] = []

    @contextlib.contextmanager
    def remember(run: Run) -> Iterator[None]:
        runs.append(run)
        yield

    monkeypatch.setattr("lab.engine.deploy.cancelling", remember)
    thread = threading.Thread(target=bench.up, args=('a = Thing("a", hold="create"); Thing("b", value=a.code)',))
    thread.start()
    assert bench.cloud.begun.wait(30)
    runs[0].cancel()
    thread.join(30)
    assert bench.names() == ["a"]
    assert "error: update canceled" in bench.text
    assert bench.error is not None
    assert not list((bench.folder / ".pulumi" / "locks").rglob("*.json"))


def test_a_deployment_reads_back_as_it_was_written() -> None:
    crypter = Crypter("x")
    resource = Resource(
        urn="urn:pulumi:s::p::t:i:T::n",
        type="t:i:T",
        id="1",
        inputs={"a": Secret({"b": [1, None, True]}), "u": UNKNOWN},
        property_dependencies={"a": ["urn:x"]},
        custom_timeouts={"create": 90.0},
        init_errors=["not yet"],
    )
    text = json.dumps(deployment_to_json(Deployment([resource], [Operation(resource, "creating")]), crypter))
    read = deployment_from_json(json.loads(text), crypter)
    assert read.resources[0].same_as(resource)
    assert read.pending[0].type == "creating"


def test_an_unknown_stack_has_an_exit_code_of_its_own(bench: Bench) -> None:
    bench.stack = "nope"
    with pytest.raises(StackNotFoundError, match="no stack named 'nope' found") as caught:
        bench.open()
    assert caught.value.exit_code == 6


def test_a_backend_must_be_an_existing_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/nowhere")
    with pytest.raises(EngineError, match="PULUMI_BACKEND_URL must be file://"):
        type(bench.backend).from_environment()
