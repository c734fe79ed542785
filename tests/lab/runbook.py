"""The pages in docs/ as the tests read them, so that they keep the words that users see and the commands that help.

Owns how tables and procedures are found; which page has them does not matter here. Every heading that a test asks for
is unique among the pages (tests/unit/test_documentation.py).
"""

import re
from pathlib import Path

from lab.home import CHECKOUT

DOCS = CHECKOUT / "docs"


def leads_to(told: str, command: str) -> bool:
    """Whether a row of the tables has words that the text shows, and this command in what it says to do."""
    return any(command in remedy for symptom, remedy in rows() if any(_shows(told, words) for words in symptom))


def statements(heading: str) -> list[str]:
    """The SQL statements of a section, without comments."""
    code = re.sub(r"--.*$", "", _block(f" {heading}\n", "sql"), flags=re.MULTILINE)
    return [statement.strip() for statement in code.split(";") if statement.strip()]


def commands(heading: str, block: int = 0) -> list[str]:
    """The shell commands of a section.

    Args:
        heading: the section's.
        block: which of the section's blocks, the first one by default.
    """
    lines = _block(f" {heading}\n", "sh", block).replace("\\\n", "").strip().splitlines()
    return [line.strip() for line in lines]


def pages() -> list[Path]:
    """The pages that tell people what to do: all but the decisions."""
    return [page for page in sorted(DOCS.rglob("*.md")) if "decisions" not in page.relative_to(DOCS).parts]


def _block(heading: str, language: str, number: int = 0) -> str:
    """A block of code after a heading, and before the next one."""
    section = re.split(r"^#+ ", _text().split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return str(re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)[number])


def _text() -> str:
    return "\n".join(page.read_text() for page in pages())


def rows() -> list[tuple[list[str], str]]:
    """The quoted words of the first column, and the last column, of every row of what people see."""
    tables = re.findall(r"^\| you see \| why \| do \|\n((?:\|.*\n)+)", _text(), flags=re.MULTILINE)
    cells = [line.strip("| ").split(" | ") for table in tables for line in table.splitlines()]
    return [(re.findall(r"`([^`]+)`", row[0]), row[-1]) for row in cells]


def _shows(told: str, words: str) -> bool:
    """Three dots stand for anything, a number for any other one."""
    pattern = re.escape(words).replace(re.escape("..."), ".*")
    return re.search(re.sub(r"\d+", r"\\d+", pattern), told) is not None
