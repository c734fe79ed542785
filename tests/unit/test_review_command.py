"""`python -m ops review`: what it runs, what it reads, where it writes, and how it ends; `pulumi` is a script here."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.commands.app import app
from ops.review.comment import MARKER
from tests.unit import fake_pulumi

QUIET: dict[str, Any] = {"steps": [], "changeSummary": {"same": 40}}
CHANGE: dict[str, Any] = {
    "config": {"rhsi:role": "hunter2"},
    "steps": [
        {
            "op": "update",
            "urn": "urn:pulumi:site-a::rhsi::kubernetes:apps/v1:StatefulSet::primary-postgres-server",
            "oldState": {"type": "kubernetes:apps/v1:StatefulSet", "inputs": {"spec": {"template": {"x": "hunter2"}}}},
            "newState": {"type": "kubernetes:apps/v1:StatefulSet", "inputs": {"spec": {"template": {"x": "hunter3"}}}},
            "detailedDiff": {"spec.template.x": {"kind": "update", "inputDiff": True}},
        }
    ],
    "changeSummary": {"same": 39, "update": 1},
}
FAILED: dict[str, Any] = {
    "steps": [],
    "diagnostics": [{"message": "error: the namespace rhsi is another stack's\n", "severity": "error"}],
}
PULUMI = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path

here = Path(__file__).parent
stack = sys.argv[sys.argv.index("--stack") + 1]
with (here / "asked").open("a") as file:
    file.write(json.dumps([os.getcwd(), *sys.argv[1:]]) + "\\n")
answer = json.loads((here / (stack + ".json")).read_text())
sys.stderr.write(answer["stderr"])
sys.stdout.write(answer["stdout"])
sys.exit(answer["code"])
"""


class Project:
    """A project folder, and a `pulumi` on PATH that answers for its stacks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, fake_pulumi.install(folder, PULUMI)

    def answers(self, stack: str, document: dict[str, Any] | None, *, code: int = 0, stderr: str = "") -> None:
        """Let `pulumi` answer for this stack, which has a file."""
        (self.folder / f"Pulumi.{stack}.yaml").touch()
        stdout = "" if document is None else json.dumps(document, indent=4)
        (self.tools / f"{stack}.json").write_text(json.dumps({"stdout": stdout, "code": code, "stderr": stderr}))

    def review(self, *arguments: str) -> Result:
        """Run the command."""
        environ = {"PATH": f"{self.tools}:{os.environ['PATH']}"}
        return CliRunner().invoke(app, ["review", "--cwd", str(self.folder), *arguments], env=environ)

    @property
    def asked(self) -> list[list[str]]:
        """The folder and the command line of each `pulumi`."""
        return sorted(json.loads(line) for line in (self.tools / "asked").read_text().splitlines())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_every_stack_with_a_file_is_previewed_in_the_project(project: Project) -> None:
    project.answers("site-a", QUIET)
    project.answers("site-b", QUIET)
    done = project.review()
    assert done.exit_code == 0
    options = ["--json", "--non-interactive", "--show-replacement-steps"]
    assert project.asked == [
        [str(project.folder), "preview", "--stack", stack, *options] for stack in ("site-a", "site-b")
    ]


def test_a_stack_that_is_named_twice_is_previewed_once(project: Project) -> None:
    project.answers("site-a", QUIET)
    assert project.review("-s", "site-a", "-s", "site-a").exit_code == 0
    assert len(project.asked) == 1


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["review", "--cwd", str(tmp_path), "-s", "site-a"])
    assert done.exit_code == 2
    assert "has no Pulumi.yaml: name the project with --cwd." in done.stderr


def test_a_comment_that_cannot_be_written_is_a_sentence(project: Project) -> None:
    project.answers("site-a", QUIET)
    done = project.review("--output", str(project.folder / "nowhere" / "review.md"))
    assert done.exit_code == 2
    assert "review.md cannot be written (No such file or directory)." in done.stderr


def test_nothing_to_do_is_one_line(project: Project) -> None:
    project.answers("site-a", QUIET)
    project.answers("site-b", QUIET)
    lines = project.review("-s", "site-a", "-s", "site-b").stdout.splitlines()
    assert lines[0] == MARKER
    assert lines[2:] == ["**`pulumi preview`: nothing to do** for `site-a`, `site-b` (80 unchanged)."]


def test_changes_end_with_0_unless_none_are_expected(project: Project) -> None:
    project.answers("site-a", CHANGE)
    assert project.review().exit_code == 0
    assert project.review("--expect-no-changes").exit_code == 1


def test_a_change_is_shown_with_what_it_means_and_without_its_texts(project: Project) -> None:
    project.answers("site-a", CHANGE)
    shown = project.review().stdout
    assert "**update** StatefulSet `primary-postgres-server`: The database restarts." in shown
    assert "spec.template.x: (text, not shown) → (text, not shown)" in shown
    assert "hunter" not in shown


def test_a_failed_preview_is_the_sentence_that_it_ends_in_and_the_others_are_reviewed(project: Project) -> None:
    project.answers("site-a", FAILED, code=255)
    project.answers("site-b", CHANGE)
    done = project.review("--expect-no-changes")
    assert done.exit_code == 2
    assert "the namespace rhsi is another stack's" in done.stdout
    assert "The database restarts." in done.stdout
    # The log says it too: the comment may be in a file.
    assert done.stderr == "site-a: the namespace rhsi is another stack's\n"


def test_a_preview_that_prints_no_document_is_what_it_says_on_standard_error(project: Project) -> None:
    project.answers("site-z", None, code=255, stderr="error: no stack named 'site-z' found\n")
    done = project.review("-s", "site-z")
    assert done.exit_code == 2
    assert "no stack named 'site-z' found" in done.stdout
    assert "no stack named 'site-z' found" in done.stderr


def test_a_secret_on_standard_error_does_not_reach_the_log(project: Project) -> None:
    project.answers("site-a", None, code=255, stderr="error: VAULT_TOKEN=hunter2 is refused\n")
    done = project.review()
    assert "hunter2" not in done.stdout + done.stderr


def test_the_comment_goes_into_a_file(project: Project) -> None:
    project.answers("site-a", CHANGE)
    file = project.folder / "review.md"
    done = project.review("--output", str(file))
    assert done.stdout == ""
    assert file.read_text().startswith(MARKER)


def test_scripts_get_json_beside_the_comment(project: Project) -> None:
    project.answers("site-a", CHANGE)
    done = project.review("--json", "--expect-no-changes", "--output", str(project.folder / "review.md"))
    found = json.loads(done.stdout)
    assert found["exitCode"] == done.exit_code == 1
    (stack,) = found["stacks"]
    assert (stack["stack"], stack["counts"], stack["unchanged"]) == ("site-a", {"update": 1}, 39)
    assert stack["changes"][0]["meaning"] == "The database restarts."
    assert "hunter" not in done.stdout


def test_a_refresh_is_asked_for_and_is_in_the_title(project: Project) -> None:
    project.answers("site-a", CHANGE)
    assert "### `pulumi preview --refresh`" in project.review("--refresh").stdout
    assert project.asked[0][-1] == "--refresh"


def test_recorded_previews_are_read_without_pulumi(project: Project) -> None:
    file = project.folder / "site-a.json"
    file.write_text(f"a line of a wrapper\n{json.dumps(CHANGE, indent=4)}")
    done = project.review("--from", f"site-a={file}")
    assert "The database restarts." in done.stdout
    assert not (project.tools / "asked").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "site-a=nowhere.json"], "nowhere.json cannot be read"),
        (["--from", f"site-a={__file__}"], "no document of `pulumi preview --json`"),
        (["--from", "site-a"], "'site-a' is not STACK=FILE"),
        ([], "has no stack file"),
    ],
)
def test_what_cannot_be_read_is_named(project: Project, arguments: list[str], sentence: str) -> None:
    done = project.review(*arguments)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.replace("│", "").split())


def test_a_machine_without_pulumi_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.folder))
    done = CliRunner().invoke(app, ["review", "--cwd", str(project.folder), "-s", "site-a"])
    assert done.exit_code == 2
    assert "`pulumi` cannot be run" in done.stderr
