"""`python -m ops doctor` as a whole: what is said at once, in which order, and how it ends."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops import engine
from ops.clusters import ClusterError
from ops.commands.app import app
from ops.doctor import examination, secrets, tools
from ops.doctor.examination import CHECKS, Diagnosis
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.report import as_json, as_text, exit_code
from ops.doctor.running import Check, run
from ops.doctor.scene import Scene
from tests.unit import fake_pulumi
from tests.unit.doctor_world import PRIMARY, STANDBY, World, told

PULUMI = f"""#!{sys.executable}
import json, sys
from importlib import metadata
from pathlib import Path

arguments = sys.argv[1:]
answers = json.loads((Path(__file__).parent / "answers.json").read_text())
stack = arguments[arguments.index("--stack") + 1] if "--stack" in arguments else ""
found = answers.get(" ".join([*arguments[:2], stack]).strip(), answers.get(arguments[0]))
if isinstance(found, str) and found.startswith("error"):
    sys.exit(found)
print(found if isinstance(found, str) else json.dumps(found))
"""


class Project:
    """A project folder, and a `pulumi` on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, fake_pulumi.install(folder, PULUMI)
        self.answers: dict[str, Any] = {"version": "v3.274.1", "plugin": []}

    def stack(self, name: str, raw: dict[str, Any]) -> None:
        (self.folder / f"Pulumi.{name}.yaml").touch()
        self.answers[f"config --json {name}"] = {
            f"rhsi:{key}": {"value": value if isinstance(value, str) else json.dumps(value), "secret": False}
            for key, value in raw.items()
        }
        self.answers[f"stack export {name}"] = {"deployment": {}}
        self.answers[f"stack output {name}"] = {}
        self.answers[f"stack --stack {name}"] = "Current stack is ..."

    def doctor(self, *arguments: str) -> Result:
        (self.tools / "answers.json").write_text(json.dumps(self.answers))
        return CliRunner().invoke(app, ["doctor", "-C", str(self.folder), *arguments])


@pytest.fixture
def project(lab: World, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(lab.folder)
    monkeypatch.setenv("PATH", str(made.tools))
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    return made


def document(result: Result) -> dict[str | None, list[dict[str, Any]]]:
    """Findings by stack; the machine's have none."""
    return {one["stack"]: one["findings"] for one in json.loads(result.output)["stacks"]}


def test_all_mistakes_of_all_stacks_are_told_and_the_other_stacks_are_looked_at(project: Project) -> None:
    project.stack("site-a", {**PRIMARY, "revoke": "often", "timeouts": {"grant": "soon"}})
    project.stack("site-b", STANDBY)
    result = project.doctor("--json")
    assert result.exit_code == 1
    found = document(result)
    mistakes = [one["sentence"] for one in found["site-a"] if one["subject"] == "settings"]
    assert len(mistakes) == 2
    assert any(one.startswith("rhsi:revoke is") for one in mistakes)
    assert {one["subject"] for one in found["site-b"]} >= {"settings", "cluster", "kinds", "vault"}


def test_a_stack_that_does_not_exist_yet_is_read_from_its_file(project: Project) -> None:
    project.stack("site-a", PRIMARY)
    project.answers["config --json site-a"] = "error: no stack named 'site-a' found"
    (project.folder / "Pulumi.site-a.yaml").write_text(
        json.dumps({"config": {f"rhsi:{key}": value for key, value in PRIMARY.items()}})
    )
    found = document(project.doctor("--json"))["site-a"]
    (missing,) = [one for one in found if one["subject"] == "stack"]
    assert (missing["state"], missing["fix"]) == ("error", "pulumi stack init site-a")
    assert any(one["sentence"] == "All settings can be used: primary site-a." for one in found)


def test_a_state_that_the_passphrase_does_not_open_is_an_error(project: Project) -> None:
    project.stack("site-a", PRIMARY)
    project.answers["stack --stack site-a"] = "error: failed to decrypt: incorrect passphrase"
    (found,) = [one for one in document(project.doctor("--json"))["site-a"] if one["subject"] == "state"]
    assert (found["state"], "incorrect passphrase" in found["sentence"]) == ("error", True)
    assert "PULUMI_CONFIG_PASSPHRASE" in found["fix"]


def test_a_cluster_that_is_away_is_said_once_and_hides_nothing_of_vault(project: Project, lab: World) -> None:
    project.stack("site-a", PRIMARY)
    lab.vault.answers["/v1/sys/health"] = {"sealed": False, "version": "2"}
    kubeconfig = Path(lab.environment["KUBECONFIG"])
    kubeconfig.write_text(kubeconfig.read_text().replace(lab.site_a.url, "http://127.0.0.1:1"))
    result = project.doctor("--json")
    found = document(result)["site-a"]
    assert [one["state"] for one in found if one["subject"] == "cluster"] == ["error"]
    (unseen,) = [one for one in found if one["subject"] == "not seen"]
    assert unseen["sentence"].startswith("kinds, controllers, grants, rights, names, clocks: Context site-a")
    assert any("unsealed" in one["sentence"] for one in found)


def test_a_standbys_primary_is_read_without_being_asked_for(project: Project, lab: World) -> None:
    project.stack("site-a", PRIMARY)
    project.stack("site-b", STANDBY)
    for api in (lab.site_a, lab.site_b):
        api.answers["/version"] = {"gitVersion": "v1.34.1"}
    found = document(project.doctor("--json", "-s", "site-b"))
    assert list(found) == [None, "site-b"]
    assert any(one["subject"] == "clocks" and one["state"] == "ok" for one in found["site-b"])


def test_a_folder_that_is_no_project_is_a_mistake_on_the_command_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "-C", str(tmp_path)])
    assert result.exit_code == 2
    assert "has no Pulumi.yaml" in result.output


def test_a_mistake_on_the_command_line_is_json_where_json_is_asked_for(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json", "-C", str(tmp_path)])
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert not found["ok"]
    assert "has no Pulumi.yaml" in found["error"]


def test_a_machine_without_pulumi_is_told_so_once_and_hides_nothing_of_clusters(project: Project) -> None:
    project.stack("site-a", PRIMARY)
    (project.folder / "Pulumi.site-a.yaml").write_text(
        json.dumps({"config": {f"rhsi:{key}": value for key, value in PRIMARY.items()}})
    )
    (project.tools / "pulumi").unlink()
    found = document(project.doctor("--json"))
    assert [(one["subject"], one["state"]) for one in found[None]] == [("pulumi", "error")]
    lacking = [one for one in found["site-a"] if "cannot be run" in one["sentence"]]
    assert [(one["subject"], one["state"]) for one in lacking] == [("stack", "error"), ("not seen", "unknown")]
    assert lacking[1]["sentence"].startswith("state, names, vault names: ")
    assert any(one["subject"] == "kinds" for one in found["site-a"])


def test_many_stacks_are_all_examined_and_pulumi_runs_a_few_times_at_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"site-{number}" for number in range(2 * engine.AT_ONCE)]
    for name in names:
        project.stack(name, {**STANDBY, "site": name, "cluster": {**STANDBY["cluster"], "context": "nowhere"}})
    running, most = 0, 0
    lock = threading.Lock()
    truly = subprocess.run

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return truly(*arguments, **options)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(subprocess, "run", counted)
    monkeypatch.setattr(examination, "CHECKS", (Check(subject="state", look=secrets.check),))
    assert list(document(project.doctor("--json"))) == [None, *sorted(names)]
    assert most <= engine.AT_ONCE


def test_nothing_secret_of_the_environment_is_printed(project: Project) -> None:
    project.stack("site-a", PRIMARY)
    result = project.doctor()
    assert "mine" not in result.output
    assert "token-of-" not in result.output


def test_the_exit_code_is_that_of_the_errors_alone() -> None:
    well = [Diagnosis("site-a", [warning("a", "b", "c"), unknown("a", "b"), ok("a", "b")])]
    assert exit_code(well) == 0
    assert exit_code([*well, Diagnosis("site-b", [error("a", "b", "c")])]) == 1


def test_the_worst_comes_first_with_its_fix_and_the_sum_last() -> None:
    found = [Diagnosis("site-a", [ok("settings", "Good."), error("rights", "May not.", "oc apply -f x")])]
    lines = as_text(found).splitlines()
    assert lines[0].endswith("site-a\x1b[0m") or lines[0] == "site-a"
    assert "rights" in lines[1]
    assert "-> oc apply -f x" in lines[2]
    assert "Good." in lines[3]
    assert lines[-1] == "`pulumi up` would fail: 1 error, 0 warnings, 0 unknown, 1 ok."
    assert as_json(found)["counts"] == {"error": 1, "warning": 0, "unknown": 0, "ok": 1}


def check(subject: str, look: Any) -> Check:
    return Check(subject=subject, look=look)


def test_checks_run_side_by_side_and_keep_their_order(lab: World) -> None:
    together = threading.Barrier(2, timeout=5)

    def look(subject: str) -> Any:
        def looked(_: Scene) -> Iterator[Finding]:
            together.wait()
            yield ok(subject, "Met the other one.")

        return looked

    found = run(lab.primary(), [check("first", look("first")), check("second", look("second"))])
    assert [one.subject for one in found] == ["first", "second"]


def test_a_check_that_never_ends_is_named_and_the_others_are_kept(lab: World) -> None:
    release = threading.Event()

    def hangs(_: Scene) -> list[Finding]:
        release.wait()
        return []

    began = time.monotonic()
    found = run(lab.primary(), [check("slow", hangs), check("quick", lambda _: [ok("quick", "Done.")])], seconds=0.2)
    release.set()
    assert time.monotonic() - began < 5
    assert told(found) == [("ok", "Done."), ("unknown", "slow: no answer within 0.2 s.")]


def test_a_check_that_breaks_off_keeps_what_it_had_said(lab: World) -> None:
    def breaks(_: Scene) -> Iterator[Finding]:
        yield ok("one", "Before.")
        raise ClusterError("Context site-a does not answer: gone.")

    def defect(_: Scene) -> list[Finding]:
        raise KeyError("status")

    found = run(lab.primary(), [check("one", breaks), check("two", defect)])
    assert told(found) == [
        ("ok", "Before."),
        ("unknown", "one: Context site-a does not answer: gone."),
        ("unknown", "two: this check failed (KeyError: 'status'); that is a defect of the doctor."),
    ]


def test_every_check_has_a_subject_of_its_own() -> None:
    assert len({one.subject for one in CHECKS}) == len(CHECKS)


def test_versions_of_pulumi_and_its_plugins_are_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.answers["plugin"] = [{"name": "kubernetes", "kind": "resource", "version": "4.34.2"}]
    project.stack("site-a", PRIMARY)
    monkeypatch.setattr(metadata, "version", {"pulumi-kubernetes": "4.34.2", "pulumi-vault": "7.13.0"}.__getitem__)
    found = document(project.doctor("--json"))[None]
    assert [(one["state"], one["sentence"]) for one in found] == [
        ("error", "The Python package pulumi-vault is 7.13.0, and 7.14 is the oldest."),
        ("ok", "Pulumi 3.274.1."),
        ("ok", "The plugin kubernetes 4.34.2."),
    ]
    project.answers |= {"version": "v3.100.0", "plugin": []}
    found = document(project.doctor("--json"))[None]
    assert found[0]["sentence"] == "Pulumi is v3.100.0, and 3.259 is the oldest that works."
    assert any("`pulumi up` downloads it first" in one["sentence"] for one in found)


def test_the_login_by_signature_needs_kubectl_here(project: Project, lab: World) -> None:
    (project.tools / "answers.json").touch()
    jwt = lab.standby(vault={"login": "jwt", "address": "https://v:8200"})
    ((state, sentence),) = told(tools.check_login(jwt))
    assert (state, "neither is on PATH" in sentence) == ("error", True)
    (project.tools / "kubectl").write_text("")
    (project.tools / "kubectl").chmod(0o755)
    assert not list(tools.check_login(jwt))
    assert not list(tools.check_login(lab.standby()))
