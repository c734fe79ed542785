"""The pages that people read, those at the top and docs/, as Markdown has them."""

import re
from pathlib import Path

import pytest

from lab.home import CHECKOUT

PAGES = [*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").rglob("*.md"))]
# A page that Pulumi fills in; its parts have tables of their own.
TEMPLATE = CHECKOUT / "Pulumi.README.md"


def name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


@pytest.mark.parametrize("page", [page for page in PAGES if page != TEMPLATE], ids=name)
def test_every_table_begins_with_its_header(page: Path) -> None:
    """A blank line within a table makes text of the rows below it."""
    lines = page.read_text().splitlines()
    rows = {number for number, line in enumerate(lines) if line.startswith("|")}
    first = sorted(number for number in rows if number - 1 not in rows)
    assert not [f"line {number + 1}" for number in first if not re.fullmatch(r"\|[-| :]+\|", lines[number + 1])]


@pytest.mark.parametrize("page", [page for page in PAGES if page != TEMPLATE], ids=name)
def test_every_page_begins_with_a_title_and_a_sentence(page: Path) -> None:
    """So that a reader knows at once what it is for."""
    title, blank, sentence = page.read_text().splitlines()[:3]
    assert re.fullmatch(r"# \S.*", title)
    assert not blank
    assert re.match(r"(?!```)[\w`\[*]", sentence), "no heading, table, picture or command comes first"
