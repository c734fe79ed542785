"""What a stack is by its settings, outputs and state: read by a `pulumi` that answers as the real one does."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from components.settings import SettingsError
from ops import stacks
from ops.engine import EngineError, ask
from ops.project import ProjectError, chosen, stack_names
from ops.stacks import NoStackError, StackError
from tests.unit import fake_pulumi

PULUMI = f"""#!{sys.executable}
import json, sys
from pathlib import Path

here = Path(__file__).parent
(here / "asked").write_text(" ".join(sys.argv[1:]))
answer = json.loads((here / "answer.json").read_text())
sys.stderr.write(answer["stderr"])
sys.stdout.write(answer["stdout"])
sys.exit(answer["code"])
"""
STACK_FILE = """\
encryptionsalt: v1:abc
config:
  rhsi:role: primary
  rhsi:cluster: {context: site-a}
  rhsi:vault: {address: "https://vault:8200"}
  rhsi:postgres:
    enabled: true
    applicationPassword: {secure: "v1:cipher"}
  other:key: value
"""
# As `pulumi config --json` prints it: the whole of `rhsi:postgres` is left out, for a secret is in it.
CONFIG = {
    "rhsi:role": {"value": "primary", "secret": False},
    "rhsi:cluster": {"value": '{"context":"site-a"}', "objectValue": {"context": "site-a"}, "secret": False},
    "rhsi:vault": {"value": '{"address":"https://vault:8200"}', "secret": False},
    "rhsi:postgres": {"secret": True},
    "other:key": {"value": "value", "secret": False},
}


class Project:
    """A project folder, and a `pulumi` on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, fake_pulumi.install(folder, PULUMI)
        (folder / "Pulumi.site-a.yaml").write_text(STACK_FILE)

    def answers(self, document: Any, *, code: int = 0, stderr: str = "") -> None:
        answer = {"stdout": json.dumps(document), "code": code, "stderr": stderr}
        (self.tools / "answer.json").write_text(json.dumps(answer))

    @property
    def asked(self) -> str:
        return (self.tools / "asked").read_text()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setenv("PATH", str(made.tools))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    for name in ("VAULT_ADDR", "VAULT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    return made


def test_a_section_with_a_secret_in_it_is_read_around_the_secret(project: Project) -> None:
    project.answers(CONFIG)
    found = stacks.settings_of(project.folder, "site-a")
    assert found.postgres.enabled
    assert found.postgres.application_password
    assert found.postgres.application_password.get_secret_value() == stacks.PLACEHOLDER
    assert project.asked == "config --json --stack site-a --non-interactive"


def test_a_secret_of_which_nothing_is_known_is_named_and_left_out(project: Project) -> None:
    project.answers({**CONFIG, "rhsi:edb": {"secret": True}})
    configured = stacks.configuration(project.folder, "org/rhsi/site-a")
    assert configured.unread == ("edb",)
    assert stacks.settings(configured, "org/rhsi/site-a").site == "site-a"


def test_all_mistakes_come_at_once_and_no_secret_shows(project: Project) -> None:
    project.answers({**CONFIG, "rhsi:revoke": {"value": "often", "secret": False}, "rhsi:role": {"value": "boss"}})
    with pytest.raises(SettingsError) as error:
        stacks.settings(stacks.configuration(project.folder, "site-a"), "site-a")
    assert "rhsi:revoke is" in str(error.value)
    assert "rhsi:role is" in str(error.value)
    assert "cipher" not in str(error.value)


def test_a_stack_that_does_not_exist_is_read_from_its_file(project: Project) -> None:
    project.answers({}, code=255, stderr="error: no stack named 'site-a' found\n")
    with pytest.raises(NoStackError, match=r"`pulumi config .*` failed: no stack named 'site-a' found"):
        stacks.configuration(project.folder, "site-a")
    configured = stacks.file_configuration(project.folder, "site-a")
    assert stacks.settings(configured, "site-a").cluster.context == "site-a"
    with pytest.raises(StackError, match=r"Pulumi\.site-c\.yaml cannot be read"):
        stacks.file_configuration(project.folder, "site-c")


def test_a_key_that_has_to_look_like_one_does(project: Project) -> None:
    (project.folder / "Pulumi.site-a.yaml").write_text("config:\n  rhsi:edb: {ca: {key: {secure: x}}}\n")
    configured = stacks.file_configuration(project.folder, "site-a")
    assert json.loads(configured.values["edb"]) == {"ca": {"key": stacks.EC_KEY}}
    assert configured.secret == {"edb"}


def test_outputs_are_those_that_pulumi_shows_without_secrets(project: Project) -> None:
    project.answers({"site": "site-a"})
    assert stacks.outputs(project.folder, "site-a") == {"site": "site-a"}
    assert "--show-secrets" not in project.asked
    project.answers({}, code=255, stderr="warning: x\nerror: could not decrypt: incorrect passphrase.\n")
    with pytest.raises(StackError, match="failed: could not decrypt: incorrect passphrase"):
        stacks.outputs(project.folder, "site-a")


def test_the_key_of_the_stack_file_is_tried_and_no_secret_can_come_of_it(project: Project) -> None:
    """A state without secrets opens with any passphrase, and `up` refuses the wrong one all the same."""
    project.answers({}, code=255, stderr="error: decrypting secrets: incorrect passphrase\n")
    with pytest.raises(StackError, match="incorrect passphrase"):
        stacks.decrypt(project.folder, "site-a")
    assert project.asked.startswith(
        f"stack history --show-secrets --page-size 1 --page {stacks.NO_PAGE} --stack site-a"
    )
    # Without a key in the file, the engine would make one and write it.
    (project.folder / "Pulumi.site-a.yaml").write_text("config: {}\n")
    with pytest.raises(StackError):
        stacks.decrypt(project.folder, "site-a")
    assert project.asked == "stack --stack site-a --non-interactive"


def test_of_the_state_only_names_are_read(project: Project) -> None:
    made = {"urn": "urn:1", "type": "kubernetes:core/v1:ConfigMap", "id": "rhsi/rhsi-owner", "inputs": {"data": "x"}}
    read = {**made, "urn": "urn:2", "external": True}
    going = {**made, "urn": "urn:3", "delete": True}
    component = {"urn": "urn:4", "type": "rhsi:index:Foundation"}
    number = {
        "urn": "urn:pulumi:site-a::rhsi::rhsi:index:Foundation$pulumi:index:Stash::owner",
        "type": "pulumi:index:Stash",
        "outputs": {"output": "abc"},
    }
    project.answers({"deployment": {"resources": [made, read, going, component, number]}})
    found = stacks.state(project.folder, "site-a")
    assert found.resources == (stacks.Resource(urn="urn:1", type="kubernetes:core/v1:ConfigMap", id="rhsi/rhsi-owner"),)
    assert found.owner == "abc"
    assert found.has("kubernetes:core/v1:ConfigMap", "rhsi/rhsi-owner")
    assert not found.has("kubernetes:core/v1:ConfigMap", "rhsi/other")


def test_a_machine_without_pulumi_is_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.folder))
    with pytest.raises(EngineError, match=r"`pulumi` cannot be run .*: install it"):
        ask(project.folder, "version")


def test_a_reason_of_several_lines_is_told_whole(project: Project) -> None:
    project.answers({}, code=255, stderr="warning: x\nerror: yaml: unmarshal errors:\n  line 62: mapping key twice\n")
    with pytest.raises(
        EngineError, match=r"`pulumi version` failed: yaml: unmarshal errors: line 62: mapping key twice\.$"
    ):
        ask(project.folder, "version")


def test_the_stacks_are_those_that_were_named_or_all_with_a_file(project: Project) -> None:
    (project.folder / "Pulumi.site-b.yaml").touch()
    assert chosen(project.folder, []) == ["site-a", "site-b"]
    assert chosen(project.folder, ["site-b", "site-b"]) == ["site-b"]
    with pytest.raises(ProjectError, match=r"has no Pulumi\.yaml"):
        chosen(project.tools, [])


def test_stack_files_may_have_a_folder_of_their_own(project: Project) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: rhsi\nstackConfigDir: stacks\n")
    (project.folder / "stacks").mkdir()
    (project.folder / "stacks" / "Pulumi.site-c.yaml").touch()
    assert stack_names(project.folder) == ["site-c"]
