"""What code, README and pages say about the documentation: every page, heading and command that they name is there.

`make docs` checks the links among the pages of the site; here is what mkdocs does not see: the messages and comments of
the program, README.md and its like, and the headings that the tests on the lab take their commands from.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.home import CHECKOUT
from tests.lab import runbook

# Everything but the pages themselves; recorded states and answers of the real thing are nobody's words.
FOLDERS = ("components", "ops", "policy", "lab", "bench", "deploy", "examples", "tests", "docs", ".github", ".ci")
NO_TEXT = {".json", ".pem", ".svg", ".md", ".pyc"}
HERE = Path(__file__)
# Not an upstream's own `docs/`, as in `cloudnative-pg:docs/src/networking.md`.
REFERENCE = re.compile(r"(?<![\w:/.])docs/[\w./-]+\.(?:md|yaml|svg)(?:#[\w-]+)?")
# A heading that a message names: 'Copy a standby anew' in docs/troubleshooting/streaming.md.
NAMED = re.compile(r"'([A-Z][^'\"]+(?:'s [^'\"]+)?)'\s+in\s+(docs/[\w./-]+\.md)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MOST_LINES_OF_README = 150


def sources() -> Iterator[Path]:
    """The files whose words may name a page."""
    top = (file for file in CHECKOUT.iterdir() if file.is_file() and (file.suffix or file.name == "Makefile"))
    # The changelog may name what is no longer there.
    yield from (file for file in top if file.name != "CHANGELOG.md")
    for folder in FOLDERS:
        for file in (CHECKOUT / folder).rglob("*"):
            if file.is_file() and file.suffix not in NO_TEXT and "fixtures" not in file.parts and file != HERE:
                yield file


def read(file: Path) -> str:
    """The words of a file; a message that two literals or two arguments make is one sentence again."""
    joined = re.sub(r"\"?\s*\\?\n\s*#?\s*f?\"?", " ", file.read_text(errors="replace"))
    return re.sub(r" +", " ", joined)


def headings(page: Path) -> list[str]:
    """The headings of a page, in order; lines within blocks of code are none."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [
        re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", line) for line in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    ]


def anchor(heading: str) -> str:
    """As the site (mkdocs.yml, slugify) and viewers of repositories make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def missing(reference: str, base: Path = CHECKOUT) -> str:
    """What a reference lacks: its file or its heading; nothing for a good one."""
    name, _, wanted = reference.partition("#")
    target = base / name
    if not target.exists():
        return f"{name} does not exist"
    if wanted and wanted not in map(anchor, headings(target)):
        return f"{name} has no heading for #{wanted}"
    return ""


def mistakes(file: Path) -> Iterator[str]:
    """What a file names and nobody finds."""
    for found in REFERENCE.findall(file.read_text(errors="replace")):
        if problem := missing(found):
            yield f"{file.relative_to(CHECKOUT)}: {problem}"
    for title, page in NAMED.findall(read(file)):
        if (CHECKOUT / page).exists() and title not in headings(CHECKOUT / page):
            yield f"{file.relative_to(CHECKOUT)}: {page} has no heading {title!r}"


def test_every_page_and_heading_that_a_file_names_is_there() -> None:
    assert not [mistake for file in sources() for mistake in mistakes(file)]


def test_such_a_name_is_found_over_the_end_of_a_line() -> None:
    past = read(CHECKOUT / "components" / "sites" / "past.py")
    found = {title for title, _ in NAMED.findall(past)}
    assert {"Another major version", "A standby again after a promotion"} <= found


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/consumer/README.md"]
)
def test_every_link_of_a_page_outside_of_the_site_leads_somewhere(name: str) -> None:
    page = CHECKOUT / name
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    wanted = [page.name + link if link.startswith("#") else link for link in links]
    assert not [problem for link in wanted if (problem := missing(link, page.parent))]


def test_readme_is_short() -> None:
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= MOST_LINES_OF_README


def asked_of_the_pages() -> Iterator[tuple[str, str, list[object]]]:
    """Every call of tests.lab.runbook: where it is, its name and its literal arguments."""
    for file in sorted((CHECKOUT / "tests" / "lab").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "runbook"
            ):
                literals: list[object] = [one.value for one in node.args if isinstance(one, ast.Constant)]
                yield f"{file.name}:{node.lineno}", node.func.attr, literals


def test_what_a_test_on_the_lab_takes_from_the_pages_is_there() -> None:
    asked = list(asked_of_the_pages())
    remedies = [remedy for _, remedy in runbook.rows()]
    known = Counter(heading for page in runbook.pages() for heading in headings(page))
    assert {name for _, name, _ in asked} == {"leads_to", "commands", "statements"}
    for place, name, literals in asked:
        if name == "leads_to":
            assert any(str(literals[-1]) in remedy for remedy in remedies), f"{place} expects {literals[-1]}"
        else:
            assert known[str(literals[0])] == 1, f"{place}: {literals[0]} is one heading of one page"
            assert getattr(runbook, name)(*literals), place


def test_the_changelog_has_one_version_after_another_and_says_what_is_unreleased() -> None:
    first, *released = re.findall(r"^## (.+)$", (CHECKOUT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert first == "[Unreleased]"
    parts = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", line) for line in released]
    numbers = [tuple(map(int, one.groups())) for one in parts if one]
    assert released
    assert len(numbers) == len(released)
    assert numbers == sorted(set(numbers), reverse=True)


def test_every_decision_has_a_number_a_status_and_a_line_in_the_index() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "index.md").read_text()
    for number, record in enumerate(records, start=1):
        title, *parts = headings(record)
        assert record.name.startswith(f"{number:04}-")
        assert title.startswith(f"{number:04}. ")
        assert parts == ["Context", "Decision", "Consequences"], record.name
        assert re.search(r"^Status: (accepted|superseded by )", record.read_text(), flags=re.MULTILINE), record.name
        assert f"| [{number:04}]({record.name}) | {title.partition('. ')[2]} |" in index
