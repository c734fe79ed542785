"""The real `pulumi` in the lab's shell: every command that a person types on a real system, on both stacks."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.home import CHECKOUT
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

STACKS = ("site-a", "site-b")
EARLIER = Path(__file__).parent / "fixtures"
"""States of both stacks as of commit 0ddcb8f, exported by Pulumi 3.274.1, with every secret replaced."""

PROVIDERS = {"kubernetes", "vault"}
"""They name every option now, so that no variable of the environment does."""

UPDATED = {
    "site-a": {
        *PROVIDERS,
        # The server's script lost its comments.
        "primary-postgres-primary-postgres-server",
        # They name their owner.
        "primary-skupper-namespace",
        "primary-edb-namespace",
    },
    "site-b": {
        *PROVIDERS,
        "standby-skupper-namespace",
        "standby-edb-namespace",
        # This lab's addresses and authorities are not that lab's.
        "standby-store-store",
        "standby-edb-store-store",
        # A standby follows or is not Ready, and is reached all the same.
        "standby-postgres-standby-postgres-server",
        "standby-postgres-standby-postgres-service",
        # Passwords are read anew with each grant.
        *(f"standby-postgres-{user}-external-secret" for user in ("appuser", "replicator")),
        *(
            f"standby-edb-credentials-{secret}-external-secret"
            for secret in ("own-superuser", "own-app", "own-replicator", "peer-app", "peer-replicator")
        ),
        # Links that it removes are those that stand, and it looks at the SecretStore too.
        "standby-link-claim-role",
        # Its bootstrap, which never runs again.
        "standby-edb-site-cluster-cluster",
        "standby-vault-auth-config",
    },
}
"""What the present program changes in place, by logical name."""

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def no_namespace(args, report):
    if args.resource_type == "kubernetes:core/v1:Namespace":
        report("a namespace was seen")


PolicyPack(
    name="pack",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="no-namespace", description="d", validate=no_namespace)],
)
"""


def lab_command(*arguments: str, code: int = 0) -> str:
    """What `python -m lab` prints; it must end with this exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def shell(*command: str, code: int = 0) -> str:
    """What a command prints in the lab's shell."""
    return lab_command("shell", "--", *command, code=code)


@pytest.fixture(scope="module")
def stacks(lab: Lab) -> Iterator[Lab]:
    """Both stacks, brought up as `make up` does."""
    try:
        lab_command("up")
        yield lab
    finally:
        lab_command("destroy", "--yes")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a test's own, with a stack `dev` in the lab's backend."""
    options = {"toolchain": "pip", "virtualenv": sys.prefix}
    (tmp_path / "Pulumi.yaml").write_text(
        json.dumps({"name": tmp_path.name[:50], "runtime": {"name": "python", "options": options}})
    )
    (tmp_path / "__main__.py").write_text("import pulumi\n")
    shell("pulumi", "-C", str(tmp_path), "stack", "init", "dev")
    return tmp_path


@pytest.mark.usefixtures("stacks")
@pytest.mark.parametrize("name", STACKS)
def test_nothing_is_left_to_do_after_up_whether_pulumi_looks_or_not(name: str) -> None:
    shell("pulumi", "preview", "-s", name, "--expect-no-changes")
    shell("pulumi", "refresh", "-s", name, "--yes", "--skip-preview", "--expect-no-changes")
    shell("pulumi", "up", "-s", name, "--yes", "--skip-preview", "--expect-no-changes")


@pytest.mark.usefixtures("stacks")
def test_outputs_are_read_as_on_a_real_system() -> None:
    assert shell("pulumi", "stack", "output", "link", "-s", "site-b").strip() == "standby-from-vault-1"
    outputs = json.loads(shell("pulumi", "stack", "output", "--json", "-s", "site-a"))
    assert outputs["standbys"]["site-b"]["rotation"] == 1


def test_pulumi_new_copies_a_program_that_does_the_same_and_says_what_comes_next(stacks: Lab, tmp_path: Path) -> None:
    template, made = tmp_path / "template", tmp_path / "made"
    shutil.copytree(CHECKOUT / "components", template / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for file in (CHECKOUT / "__main__.py", *CHECKOUT.glob("Pulumi*.*")):
        shutil.copy(file, template / file.name)
    said = shell("pulumi", "new", str(template), "--dir", str(made), "--yes", "--generate-only")
    assert "docs/getting-started/openshift.md has the prerequisites" in said
    project, source = (yaml.safe_load((folder / "Pulumi.yaml").read_text()) for folder in (made, template))
    assert (project["name"], "template" in project) == ("rhsi", False)
    # It adds a tag of its own.
    assert project["config"].items() >= source["config"].items()
    # What `pulumi install` does, and the lab's settings: the stack that stands is the copy's, too.
    (made / ".venv").symlink_to(sys.prefix)
    shutil.copy(stacks.home.root / "stacks" / "Pulumi.site-a.yaml", made)
    shell("pulumi", "-C", str(made), "preview", "-s", "site-a", "--expect-no-changes")


@pytest.mark.usefixtures("stacks")
@pytest.mark.parametrize("name", STACKS)
def test_a_setting_from_the_command_line_leaves_the_comments_of_a_stack_file_where_they_are(
    name: str, tmp_path: Path
) -> None:
    def comments() -> list[str]:
        return [line for line in (tmp_path / f"Pulumi.{name}.yaml").read_text().splitlines() if "# " in line]

    for file in CHECKOUT.glob("Pulumi*.*"):
        shutil.copy(file, tmp_path)
    before = comments()
    for key in ("cluster.createNamespace", "cluster.namespace", "standbys.site-c.redemptions", "services.x", "protect"):
        shell("pulumi", "-C", str(tmp_path), "config", "set", "--path", f"rhsi:{key}", "1", "-s", name)
    assert comments() == before


@pytest.mark.usefixtures("stacks")
def test_a_preview_is_read_by_a_program() -> None:
    plan = json.loads(shell("pulumi", "preview", "-s", "site-b", "--json"))
    assert {step["op"] for step in plan["steps"]} <= {"same", "read"}
    assert plan["changeSummary"]["same"] > 70


@pytest.mark.usefixtures("stacks")
def test_the_engine_is_satisfied_with_its_plugins_and_the_language_host() -> None:
    text = shell("sh", "-c", "pulumi preview -s site-a 2>&1")
    assert "warning" not in text
    about = json.loads(shell("pulumi", "about", "--json", "-s", "site-a"))
    assert about["runtime"]["executable"] == str(Path(sys.prefix, "bin", "python"))
    assert {plugin["name"] for plugin in about["plugins"]} >= {"python"}


@pytest.mark.usefixtures("stacks")
def test_a_policy_pack_of_the_sdk_decides_about_a_preview(tmp_path: Path) -> None:
    options = {"toolchain": "pip", "virtualenv": sys.prefix}
    runtime = {"name": "python", "options": options}
    (tmp_path / "PulumiPolicy.yaml").write_text(json.dumps({"name": "pack", "version": "0.0.1", "runtime": runtime}))
    (tmp_path / "__main__.py").write_text(PACK)
    command = f"pulumi preview -s site-a --policy-pack '{tmp_path}' 2>&1"
    text = lab_command("shell", "--", "sh", "-c", f"{command}; test $? -ne 0")
    assert "[mandatory]  no-namespace  (kubernetes:core/v1:Namespace: primary-skupper-namespace)" in text


@pytest.mark.usefixtures("stacks")
def test_what_exists_is_imported(project: Path) -> None:
    shell("pulumi", "-C", str(project), "config", "set", "kubernetes:context", "site-a", "-s", "dev")
    imports = {
        "kubernetes:core/v1:ConfigMap": "kube-public/kube-root-ca.crt",
        "vault:index/mount:Mount": "rhsi",
    }
    for kind, identity in imports.items():
        shell("pulumi", "-C", str(project), "import", kind, "one", identity, "-s", "dev", "--yes", "--protect=false")
    state = json.loads(shell("pulumi", "-C", str(project), "stack", "export", "-s", "dev"))
    found = {resource["type"]: resource.get("id") for resource in state["deployment"]["resources"]}
    assert imports.items() <= found.items()
    # The imported things belong to the lab: the stack forgets them.
    shell("pulumi", "-C", str(project), "stack", "rm", "dev", "--yes", "--force")
    shell("kubectl", "--context", "site-a", "-n", "kube-public", "get", "configmap", "kube-root-ca.crt")


@pytest.mark.usefixtures("stacks")
def test_the_other_programs_of_a_real_system_work_too() -> None:
    assert "standby-from-vault-1" in shell("kubectl", "--context", "site-b", "-n", "rhsi", "get", "links.skupper.io")
    assert "link-token" in shell("bao", "kv", "list", "rhsi/site-b")
    assert "link-token" in shell("vault", "kv", "list", "rhsi/site-b")
    assert "psql" in shell("psql", "--version")
    assert shell("oc", "config", "current-context").strip() in STACKS
    assert lab_command("shell", "--", "sh", "-c", "exit 7", code=7) == ""


@pytest.mark.usefixtures("stacks")
def test_the_environment_is_printed_for_a_shell_of_ones_own() -> None:
    text = lab_command("env")
    done = subprocess.run(
        ["/bin/sh", "-c", f"{text}\npulumi stack ls --json"], capture_output=True, text=True, check=True
    )
    assert {stack["name"] for stack in json.loads(done.stdout)} >= set(STACKS)


@pytest.mark.usefixtures("stacks")
def test_a_setting_of_the_shell_stays_until_the_lab_writes_the_stack_files_anew() -> None:
    key = ("--path", "rhsi:timeouts.grant", "-s", "site-a")
    shell("pulumi", "config", "set", *key, "119s")
    assert shell("pulumi", "config", "get", *key).strip() == "119s"
    lab_command("preview", "-s", "site-a")
    shell("pulumi", "config", "get", *key, code=1)


def plan_from_earlier(name: str, folder: Path) -> dict[str, Any]:
    """The preview of an earlier version's state, which is put into a backend of its own."""
    backend = folder / "state"
    backend.mkdir(exist_ok=True)
    pulumi = f"cd '{folder}' && PULUMI_BACKEND_URL='{backend.as_uri()}' pulumi"
    copy = f"cp Pulumi.yaml 'Pulumi.{name}.yaml' '{folder}' && sed -i /^encryptionsalt:/d '{folder}/Pulumi.{name}.yaml'"
    shell("sh", "-c", f"{copy} && {pulumi} stack init {name}")
    state = json.loads((EARLIER / f"state-{name}.json").read_text())
    salt = yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text())["encryptionsalt"]
    state["deployment"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
    (folder / "earlier.json").write_text(json.dumps(state))
    shell("sh", "-c", f"{pulumi} stack import -s {name} --file earlier.json")
    plan: dict[str, Any] = json.loads(shell("sh", "-c", f"{pulumi} preview -s {name} --json"))
    return plan


@pytest.mark.usefixtures("stacks")
def test_a_state_of_an_earlier_version_is_taken_over_without_replacing_or_deleting_anything(tmp_path: Path) -> None:
    for name in STACKS:
        # The earlier version claimed nothing, and the stacks that stand are other ones: these have their own numbers.
        shell("bao", "kv", "metadata", "delete", "-mount=rhsi", "site-b/owner-primary")
        plan = plan_from_earlier(name, tmp_path)
        assert plan["changeSummary"]["same"] > 50
        replaced = [step["urn"] for step in plan["steps"] if step["op"] not in {"same", "read", "update", "create"}]
        # A Job of another script is another Job; the claim's finds its Link and leaves it alone.
        assert {urn.split("$")[-1].split("::")[0] for urn in replaced} <= {"kubernetes:batch/v1:Job"}
        updated = {step["urn"].split("::")[-1] for step in plan["steps"] if step["op"] == "update"}
        assert updated == UPDATED[name]
