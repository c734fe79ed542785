"""The pages that people read, README.md and docs/, as Markdown has them."""

import re
from pathlib import Path

import pytest

from lab.home import CHECKOUT

PAGES = [CHECKOUT / "README.md", *sorted(CHECKOUT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_begins_with_its_header(page: Path) -> None:
    """A blank line within a table makes text of the rows below it."""
    lines = page.read_text().splitlines()
    rows = {number for number, line in enumerate(lines) if line.startswith("|")}
    first = sorted(number for number in rows if number - 1 not in rows)
    assert not [f"line {number + 1}" for number in first if not re.fullmatch(r"\|[-| :]+\|", lines[number + 1])]
