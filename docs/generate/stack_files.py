"""The complete stack files in docs/examples, which the reference and the tests read.

A file is called `<subject>.<role>.yaml` and begins with a comment that says what it is an example of.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"
PROJECT = "rhsi"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A complete stack file.

    Attributes:
        file: its path.
        subject: what it is about.
        role: of its stack.
        values: the keys below `rhsi:`, without the prefix.
    """

    file: Path
    subject: str
    role: str
    values: dict[str, Any]

    @property
    def about(self) -> str:
        """What it is an example of: the first sentence of the comment that it begins with."""
        comment = itertools.takewhile(lambda line: line.startswith("#"), self.file.read_text().splitlines())
        text = " ".join(line.removeprefix("#").strip() for line in comment)
        return re.split(r"(?<=[.])\s", text, maxsplit=1)[0]


def examples() -> list[Example]:
    """All stack files of docs/examples, by subject; the first of a subject is the primary's."""
    return [_example(file) for file in sorted(EXAMPLES.glob("*.yaml"))]


def example_of(path: tuple[str, ...], found: list[Example]) -> Any:
    """The first example's value for a key, or None; `<name>` and `[]` stand for each of several."""
    for example in found:
        for value in _values(example.values, path):
            return value
    return None


def _example(file: Path) -> Example:
    subject, role = file.stem.rsplit(".", 1)
    config = yaml.safe_load(file.read_text())["config"]
    values = {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items()}
    return Example(file=file, subject=subject, role=role, values=values)


def _values(values: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What an example has at a path."""
    if not path:
        yield values
    elif path[0] == "<name>" and isinstance(values, dict):
        for value in values.values():
            yield from _values(value, path[1:])
    elif path[0] == "[]" and isinstance(values, list):
        for value in values:
            yield from _values(value, path[1:])
    elif isinstance(values, dict) and path[0] in values:
        yield from _values(values[path[0]], path[1:])
