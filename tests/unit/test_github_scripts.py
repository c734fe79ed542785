"""The workflows' scripts, with a `gh` that answers from a file and writes down what it is asked to do."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.binaries.recipes import PULUMI
from lab.home import CHECKOUT

SCRIPTS = CHECKOUT / ".github" / "scripts"
BOT = "github-actions[bot]"
REVIEW = "<!-- rhsi-review -->\n<!-- fingerprint 00000000000000aa -->\nsite-a changes\n"
OTHER = REVIEW.replace("aa", "bb")
# Lists what there is through the caller's own --jq, as the real one does, and records every other request.
GH = f"""#!{sys.executable}
import json, subprocess, sys
from pathlib import Path

here = Path(__file__).parent
arguments = sys.argv[1:]
if "--method" not in arguments:
    given = (here / "there.json").read_text()
    if given == "null":
        sys.exit("gh: Bad Gateway (HTTP 502)")
    sys.exit(subprocess.run(["jq", "-r", arguments[arguments.index("--jq") + 1]], input=given, text=True).returncode)
fields = [arguments[number + 1] for number, one in enumerate(arguments) if one == "--field"]
place = next(one for one in arguments if one.startswith("repos/"))
request = [arguments[arguments.index("--method") + 1], place]
for field in fields:
    name, _, value = field.partition("=")
    request.append(name + "=" + (Path(value[1:]).read_text() if value.startswith("@") else value))
with (here / "requests").open("a") as file:
    file.write(json.dumps(request) + "\\n")
"""


class GitHub:
    """A repository of which the scripts see what `there` says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)

    def run(self, script: str, *arguments: str, there: list[dict[str, Any]] | None, review: str = REVIEW) -> str:
        """Run a script on a review; what it prints. GitHub cannot list what `there` is not said of."""
        (self.folder / "there.json").write_text(json.dumps(there))
        file = self.folder / "review.md"
        file.write_text(review)
        environ = {"PATH": f"{self.folder}:{os.environ['PATH']}", "REPOSITORY": "acme/rhsi", "NUMBER": "7"}
        line = [str(SCRIPTS / script), str(file), *arguments]
        return subprocess.run(line, env=environ, capture_output=True, text=True, check=True, timeout=60).stdout

    @property
    def requests(self) -> list[list[str]]:
        """What was asked of GitHub: method, place, fields."""
        file = self.folder / "requests"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


def comment(number: int, body: str, login: str = BOT) -> dict[str, Any]:
    return {"id": number, "user": {"login": login}, "body": body}


def issue(number: int, body: str | None, login: str = BOT) -> dict[str, Any]:
    return {"number": number, "user": {"login": login}, "body": body}


def test_the_first_review_is_a_new_comment(github: GitHub) -> None:
    github.run("comment.sh", there=[comment(1, "Nice work")])
    assert github.requests == [["POST", "repos/acme/rhsi/issues/7/comments", f"body={REVIEW}"]]


def test_the_next_review_takes_the_place_of_the_comment(github: GitHub) -> None:
    github.run("comment.sh", there=[comment(1, "Nice work"), comment(2, OTHER), comment(3, OTHER)])
    assert github.requests == [["PATCH", "repos/acme/rhsi/issues/comments/2", f"body={REVIEW}"]]


def test_nobody_elses_comment_is_touched(github: GitHub) -> None:
    github.run("comment.sh", there=[comment(1, REVIEW, login="mallory"), comment(2, f"> {REVIEW}")])
    assert github.requests[0][0] == "POST"


def test_what_differs_for_the_first_time_opens_an_issue(github: GitHub) -> None:
    assert github.run("issue.sh", "1", there=[issue(1, None), issue(2, REVIEW, login="mallory")]) == "opened an issue\n"
    method, place, title, body = github.requests[0]
    assert (method, place, body) == ("POST", "repos/acme/rhsi/issues", f"body={REVIEW}")
    assert title.startswith("title=The stacks differ")


def test_an_issue_that_says_so_already_is_left_alone(github: GitHub) -> None:
    words = REVIEW.replace("changes", "changes, in other words")
    assert github.run("issue.sh", "1", there=[issue(4, words)]) == "issue 4 says so already\n"
    assert github.requests == []


def test_an_issue_changes_when_its_content_does_and_people_hear_of_it(github: GitHub) -> None:
    github.run("issue.sh", "1", there=[issue(4, OTHER)])
    changed, told = github.requests
    assert changed == ["PATCH", "repos/acme/rhsi/issues/4", f"body={REVIEW}"]
    assert told[:2] == ["POST", "repos/acme/rhsi/issues/4/comments"]


def test_the_issue_is_closed_when_nothing_differs(github: GitHub) -> None:
    github.run("issue.sh", "0", there=[issue(4, OTHER)])
    assert github.requests[-1] == ["PATCH", "repos/acme/rhsi/issues/4", "state=closed"]


def test_nothing_happens_where_nothing_differs_and_nothing_did(github: GitHub) -> None:
    assert github.run("issue.sh", "0", there=[]) == "nothing differs\n"
    assert github.requests == []


def test_a_failed_preview_leaves_the_issue_alone(github: GitHub) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        github.run("issue.sh", "2", there=[issue(4, OTHER)])
    assert github.requests == []


@pytest.mark.parametrize("line", [("comment.sh",), ("issue.sh", "0"), ("issue.sh", "1")], ids=" ".join)
def test_nothing_is_written_while_github_does_not_say_what_there_is(github: GitHub, line: tuple[str, ...]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        github.run(*line, there=None)
    assert github.requests == []


def test_a_second_attempt_of_a_run_takes_the_place_of_the_first_ones_review() -> None:
    for name in ("preview", "drift"):
        workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / f"{name}.yml").read_text())
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        (upload,) = [step for step in steps if "upload-artifact@" in step.get("uses", "")]
        assert upload["with"]["overwrite"] is True


def test_ci_previews_with_the_engine_of_the_lab() -> None:
    action = yaml.safe_load((CHECKOUT / ".github" / "actions" / "stacks" / "action.yml").read_text())
    pins = [step["with"]["pulumi-version"] for step in action["runs"]["steps"] if "pulumi/" in step.get("uses", "")]
    assert pins == [PULUMI.version.removeprefix("v")]
