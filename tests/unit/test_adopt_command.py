"""`python -m ops adopt`: what it finds by the real clients, what it writes and prints; `pulumi` is a script here."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from lab.home import CHECKOUT
from ops.commands.app import app
from tests.unit import fake_pulumi, hand_made
from tests.unit.http_api import HttpApi, http_api, write_kubeconfig
from tests.unit.recorder import OWNER_ID, PRIMARY, STANDBY

PULUMI = f"""#!{sys.executable}
import json, sys
from pathlib import Path

here, words = Path(__file__).parent, sys.argv[1:]
stack = words[words.index("--stack") + 1]
file = here / ".".join([stack, "config" if words[0] == "config" else words[1], "json"])
if not file.exists():
    sys.exit(f"error: no stack named '{{stack}}' found")
print(file.read_text())
"""


class Project:
    """A project folder with both stacks, the cluster and Vault that their settings name, and a `pulumi` on PATH."""

    def __init__(self, folder: Path, api: HttpApi) -> None:
        self.folder, self.api = folder, api
        self._tools = fake_pulumi.install(folder, PULUMI)
        self.configure("site-a", {**PRIMARY, "standbys": {"site-b": {}}})
        self.configure("site-b", STANDBY)

    def configure(self, stack: str, values: dict[str, Any]) -> None:
        """Give a stack these settings; it has made nothing."""
        (self.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": {}}))
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        entries = {f"rhsi:{key}": {"value": text, "secret": False} for key, text in texts.items()}
        (self._tools / f"{stack}.config.json").write_text(json.dumps(entries))
        self.has_made(stack)

    def has_made(self, stack: str, *resources: dict[str, Any]) -> None:
        """Let the stack's state have these."""
        document = {"deployment": {"resources": list(resources)}}
        (self._tools / f"{stack}.export.json").write_text(json.dumps(document))

    def forget(self, stack: str) -> None:
        """Let there be no such stack."""
        (self._tools / f"{stack}.config.json").unlink()

    def adopt(self, stack: str, *arguments: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(app, ["adopt", "-s", stack, "-C", str(self.folder), *arguments])

    def plan(self, stack: str, *arguments: str) -> dict[str, Any]:
        """Run it with `--json`."""
        result = self.adopt(stack, "--json", *arguments)
        plan: dict[str, Any] = json.loads(result.stdout)
        assert result.exit_code == (1 if plan["in_the_way"] else 0), result.output
        return plan


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with http_api() as api:
        made = Project(tmp_path, api)
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", {"site-a": api.url, "site-b": api.url})
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        monkeypatch.setenv("VAULT_ADDR", api.url)
        monkeypatch.setenv("PATH", str(tmp_path / "tools"), prepend=":")
        yield made


def words(notes: list[dict[str, str]]) -> str:
    return "\n".join(f"{note['text']} {note.get('command', '')}" for note in notes)


def ids(plan: dict[str, Any]) -> list[str]:
    return [one["id"] for one in plan["imports"]]


def test_a_primary_made_by_hand_needs_its_namespace_and_its_mount_imported(project: Project) -> None:
    project.api.answers = hand_made.primary()
    plan = project.plan("site-a")
    assert ids(plan) == ["rhsi", "rhsi"]
    assert "rhsi:cluster.createNamespace false -s site-a" in words(plan["decide"])
    assert "rhsi:vault.manageMount false -s site-a" in words(plan["decide"])
    assert "Site rhsi/rhsi-primary" in words(plan["taken_over"])
    assert "AccessGrant rhsi/rhsi-standby-grant" in words(plan["left"])
    assert "Connector rhsi/postgres-primary" in words(plan["left"])
    assert "delete accessgrant rhsi-standby-grant" in words(plan["afterwards"])
    assert "kv destroy -mount=rhsi -versions=1,2 site-b/link-token" in words(plan["afterwards"])
    assert plan["first"] == []


def test_a_standby_made_by_hand_needs_the_way_into_vault_imported_and_its_old_job_gone(project: Project) -> None:
    project.api.answers = hand_made.standby()
    plan = project.plan("site-b")
    assert ids(plan) == ["rhsi", "rhsi-site-b", "kubernetes-site-b", "auth/kubernetes-site-b/role/rhsi-site-b"]
    assert words(plan["first"]).endswith("oc --context site-b -n rhsi delete job create-access-token-from-vault")
    for stands in ("SecretStore rhsi/vault-rhsi", "ExternalSecret rhsi/rhsi-link-token", "rhsi/rhsi-vault-reader"):
        assert stands in words(plan["taken_over"])
    assert "auth/kubernetes-site-b/config in Vault: it is written anew without the stored" in words(plan["taken_over"])
    assert "Link rhsi/standby-from-vault (Ready)" in words(plan["left"])
    assert "delete link.skupper.io/standby-from-vault accesstoken" in words(plan["afterwards"])


def test_the_file_declares_providers_and_components_before_what_it_imports(project: Project) -> None:
    project.api.answers = hand_made.standby()
    plan = project.plan("site-b")
    assert plan["file"] == str(project.folder / "import-site-b.json")
    resources = json.loads((project.folder / "import-site-b.json").read_text())["resources"]
    providers = [one for one in resources if one["type"].startswith("pulumi:providers:")]
    assert [one["name"] for one in providers] == ["kubernetes-creating", "vault"]
    assert all(one["version"] and one["inputs"] and "id" not in one for one in providers)
    components = {one["name"]: one for one in resources if one.get("component")}
    assert components["standby"] == {"type": "rhsi:index:StandbySite", "name": "standby", "component": True}
    assert {one.get("parent") for one in components.values()} == {None, "standby"}
    imported = [one for one in resources if "id" in one]
    assert [one["id"] for one in imported] == ids(plan)
    assert all(one["parent"] in components for one in imported)
    names = [one["name"] for one in resources]
    assert len(names) == len(set(names))
    assert plan["steps"][0] == f"pulumi import --file {plan['file']} --generate-code=false -s site-b"


def test_the_file_goes_where_it_is_wanted_and_is_not_written_without_need(project: Project, tmp_path: Path) -> None:
    project.api.answers = hand_made.primary()
    wanted = tmp_path / "elsewhere.json"
    assert project.plan("site-a", "--output", str(wanted))["file"] == str(wanted)
    assert wanted.exists()
    wanted.unlink()
    project.api.answers = {}
    plan = project.plan("site-a", "--output", str(wanted))
    assert (plan["imports"], plan["file"], wanted.exists()) == ([], None, False)
    assert plan["steps"] == ["pulumi preview --diff -s site-a", "pulumi up -s site-a"]


def test_an_earlier_import_file_is_written_anew_and_another_file_never(project: Project, tmp_path: Path) -> None:
    project.api.answers = hand_made.primary()
    wanted = tmp_path / "file.json"
    for _ in range(2):
        project.plan("site-a", "--output", str(wanted))
    for content in ('{"deployment": {}}', "no JSON"):
        wanted.write_text(content)
        result = project.adopt("site-a", "--output", str(wanted))
        assert (result.exit_code, wanted.read_text()) == (2, content)
        assert "is no import file: name another one with --output" in result.stderr
    result = project.adopt("site-a", "--output", str(tmp_path / "absent" / "file.json"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_file_of_an_earlier_plan_is_not_taken_for_this_ones(project: Project) -> None:
    project.api.answers = hand_made.primary()
    assert "earlier plan" not in project.adopt("site-a").stderr
    project.api.answers = {}
    assert "import-site-a.json is of an earlier plan, do not import it any more." in project.adopt("site-a").stderr


def test_the_commands_name_the_stack_as_it_was_typed(project: Project) -> None:
    project.api.answers = hand_made.primary()
    for kind in ("config", "export"):
        (project.folder / "tools" / "acme").mkdir(exist_ok=True)
        (project.folder / "tools" / f"site-a.{kind}.json").rename(project.folder / f"tools/acme/site-a.{kind}.json")
    plan = project.plan("acme/site-a")
    file = project.folder / "import-site-a.json"
    assert plan["steps"] == [
        f"pulumi import --file {file} --generate-code=false -s acme/site-a",
        "pulumi preview --diff -s acme/site-a",
        "pulumi up -s acme/site-a",
    ]
    assert words(plan["decide"]).count("-s acme/site-a") == len(plan["decide"])


def test_a_stack_with_nothing_to_adopt_hears_so(project: Project) -> None:
    assert "Nothing is left to adopt." in project.adopt("site-a").stdout


def test_what_is_the_stacks_already_is_not_imported_again(project: Project) -> None:
    project.api.answers = hand_made.primary()
    project.has_made(
        "site-a",
        {
            "urn": "urn:pulumi:site-a::rhsi::rhsi:index:PrimarySite$rhsi:index:KvStore$vault:index/mount:Mount::"
            "primary-kv-mount",
            "type": "vault:index/mount:Mount",
            "id": "rhsi",
        },
    )
    plan = project.plan("site-a")
    assert [one["type"] for one in plan["imports"]] == ["kubernetes:core/v1:Namespace"]


def test_after_up_only_what_was_left_is_told(project: Project) -> None:
    project.api.answers = hand_made.standby()
    claim = {
        "metadata": {"name": "rhsi-owner", "namespace": "rhsi"},
        "data": {"stack": "o/rhsi/site-b", "id": OWNER_ID},
    }
    project.api.answers["/api/v1/namespaces/rhsi/configmaps/rhsi-owner"] = claim
    made = {
        "kubernetes:core/v1:Namespace::standby-skupper-namespace": "rhsi",
        "kubernetes:skupper.io/v2alpha1:Site::site": "rhsi/rhsi-standby",
        "kubernetes:batch/v1:Job::job": "rhsi/create-access-token-from-vault",
        "kubernetes:external-secrets.io/v1:SecretStore::store": "rhsi/vault-rhsi",
        "kubernetes:external-secrets.io/v1:ExternalSecret::secret": "rhsi/rhsi-link-token",
        "kubernetes:core/v1:ServiceAccount::account": "rhsi/rhsi-vault-reader",
        "vault:kubernetes/authBackendConfig:AuthBackendConfig::config": "auth/kubernetes-site-b/config",
    }
    resources = [{"urn": f"urn::{key}", "type": key.rpartition("::")[0], "id": one} for key, one in made.items()]
    owner = {"urn": "urn::owner", "type": "pulumi:index:Stash", "id": "owner", "outputs": {"output": OWNER_ID}}
    project.has_made("site-b", *resources, owner)
    plan = project.plan("site-b")
    assert plan["in_the_way"] == plan["first"] == plan["taken_over"] == []
    assert "Link rhsi/standby-from-vault" in words(plan["afterwards"])


def test_nothing_is_asked_but_questions_and_no_secret_is_told_or_written(project: Project) -> None:
    for stack, answers in (("site-a", hand_made.primary()), ("site-b", hand_made.standby())):
        project.api.answers = answers
        told = project.adopt(stack).output + project.adopt(stack, "--json").output
        told += (project.folder / f"import-{stack}.json").read_text()
        assert hand_made.CODE not in told
        assert "test-token" not in told
    assert {method for method, _ in project.api.asked} == {"GET"}
    asked = {path for _, path in project.api.asked}
    assert not [path for path in asked if path.endswith("/secrets") or "/secrets/" in path]
    # Of all secrets in Vault the one that names the owner of the others.
    assert [path for path in asked if "/data/" in path] == ["/v1/rhsi/data/site-b/owner-primary"]


def test_the_text_has_every_part_and_ends_with_what_comes_afterwards(project: Project) -> None:
    project.api.answers = hand_made.standby()
    result = project.adopt("site-b")
    assert result.exit_code == 0
    order = [
        "Decide before the first",
        "Imported into the state",
        "Taken over",
        "Left alone",
        "Do this before",
        "Then, with site-a up\n",
        "Remove",
    ]
    places = [result.stdout.index(part) for part in order]
    assert places == sorted(places)


def test_a_stack_that_cannot_be_read_ends_with_two(project: Project) -> None:
    project.forget("site-a")
    result = project.adopt("site-a")
    assert result.exit_code == 2
    assert "no stack named 'site-a' found" in result.stderr
    assert not (project.folder / "import-site-a.json").exists()


def test_without_a_token_for_vault_there_is_no_plan(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    result = project.adopt("site-a")
    assert result.exit_code == 2
    assert "VAULT_TOKEN is not set" in result.stderr
    assert project.api.asked == []


def test_a_login_that_may_not_look_at_what_decides_gets_no_file(project: Project) -> None:
    project.api.answers = hand_made.primary()
    project.api.answers["/v1/sys/mounts/rhsi"] = (403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
    result = project.adopt("site-a")
    assert result.exit_code == 1
    assert "Vault refuses sys/mounts/rhsi" in result.stdout
    assert not (project.folder / "import-site-a.json").exists()


@pytest.mark.parametrize(("status", "said"), [(403, "permission denied"), (405, "unsupported operation")])
def test_a_mount_without_a_readable_configuration_is_imported_and_the_plan_says_so(
    project: Project, status: int, said: str
) -> None:
    project.api.answers = hand_made.primary()
    project.api.answers["/v1/rhsi/config"] = (status, {"errors": [said]})
    plan = project.plan("site-a")
    assert ids(plan) == ["rhsi", "rhsi"]
    (sentence,) = plan["unseen"]
    assert said in sentence


def test_a_login_that_may_not_list_deployments_gets_a_plan_that_says_so(project: Project) -> None:
    project.api.answers = hand_made.primary()
    project.api.answers["/apis/apps/v1/namespaces/rhsi/deployments"] = (403, {"message": "forbidden"})
    result = project.adopt("site-a")
    assert result.exit_code == 0
    assert "deployments: forbidden" in result.stdout


def test_a_vault_without_such_a_mount_is_no_failure(project: Project) -> None:
    project.api.answers = hand_made.primary()
    project.api.answers["/v1/sys/mounts/rhsi"] = (400, {"errors": ["No secret engine mount at rhsi/"]})
    assert [one["type"] for one in project.plan("site-a")["imports"]] == ["kubernetes:core/v1:Namespace"]


@pytest.mark.parametrize(
    ("stack", "answers"), [("site-a", hand_made.primary()), ("site-b", hand_made.standby())], ids=["primary", "standby"]
)
def test_the_page_shows_what_the_command_prints(project: Project, stack: str, answers: dict[str, Any]) -> None:
    project.api.answers = answers
    printed = project.adopt(stack).stdout.replace(f"{project.folder}/", "")
    assert f"$ python -m ops adopt -s {stack}\n{printed}```" in (CHECKOUT / "docs" / "adoption.md").read_text()
