"""docs/runbook.md as the tests read it, so that it keeps the words that the user sees and the commands that help."""

import re

from lab.home import CHECKOUT


def leads_to(told: str, command: str) -> bool:
    """Whether a row of the tables has words that the text shows, and this command in what it says to do."""
    return any(command in remedy for symptom, remedy in _rows() if any(_shows(told, words) for words in symptom))


def statements(heading: str) -> list[str]:
    """The SQL statements of a section, without comments."""
    code = re.sub(r"--.*$", "", _block(f" {heading}\n", "sql"), flags=re.MULTILINE)
    return [statement.strip() for statement in code.split(";") if statement.strip()]


def commands(heading: str, block: int = 0) -> list[str]:
    """The shell commands of a section, or of what follows words in bold such as `**Promote the standby.**`.

    Args:
        heading: the section's, or the words.
        block: which of the section's blocks, the first one by default.
    """
    title = heading if heading.startswith("**") else f" {heading}\n"
    lines = _block(title, "sh", block).replace("\\\n", "").strip().splitlines()
    return [line.strip() for line in lines]


def _block(heading: str, language: str, number: int = 0) -> str:
    """A block of code after a heading, and before the next one."""
    section = re.split(r"^#+ ", _text().split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return str(re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)[number])


def _text() -> str:
    return (CHECKOUT / "docs" / "runbook.md").read_text()


def _rows() -> list[tuple[list[str], str]]:
    """The quoted words of the first column, and the last column, of every row."""
    cells = [line.strip("| ").split(" | ") for line in _text().splitlines() if line.startswith("| ")]
    return [(re.findall(r"`([^`]+)`", row[0]), row[-1]) for row in cells]


def _shows(told: str, words: str) -> bool:
    """Three dots stand for anything, a number for any other one."""
    pattern = re.escape(words).replace(re.escape("..."), ".*")
    return re.search(re.sub(r"\d+", r"\\d+", pattern), told) is not None
