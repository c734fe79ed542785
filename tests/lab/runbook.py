"""docs/runbook.md as the tests read it, so that it keeps the words that the user sees and the commands that help."""

import re

from lab.home import CHECKOUT


def leads_to(told: str, command: str) -> bool:
    """Whether a row of the tables has words that the text shows, and this command in what it says to do."""
    return any(command in remedy for symptom, remedy in _rows() if any(_shows(told, words) for words in symptom))


def _rows() -> list[tuple[list[str], str]]:
    """The quoted words of the first column, and the last column, of every row."""
    lines = (CHECKOUT / "docs" / "runbook.md").read_text().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [(re.findall(r"`([^`]+)`", row[0]), row[-1]) for row in cells]


def _shows(told: str, words: str) -> bool:
    """Three dots stand for anything, a number for any other one."""
    pattern = re.escape(words).replace(re.escape("..."), ".*")
    return re.search(re.sub(r"\d+", r"\\d+", pattern), told) is not None
