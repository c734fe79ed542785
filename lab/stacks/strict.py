"""YAML in which nothing is lost: a key that is there twice is a mistake, which the usual loader swallows.

Merge keys (`<<: *base`) work as ever: what a map has itself wins over what it merges.
"""

from collections.abc import Iterator
from typing import Any

import yaml


class StrictError(Exception):
    """Every mistake of a text, each beginning with its place so that the name of the file can stand before it."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


def load(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        StrictError: it is no YAML, or a key is there twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if mistakes := list(_duplicates(root, set())):
            raise StrictError(mistakes)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StrictError([f"{place} is no YAML ({_words(error)}): correct it."]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise StrictError([f" is no YAML ({' '.join(str(error).split())}): correct it."]) from error


def _words(error: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.context, error.problem) if part)


def _duplicates(node: yaml.Node | None, seen: set[int]) -> Iterator[str]:
    # An alias is its anchor's node, and could even be below itself.
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, seen)
    if isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                # 1 and "1" are two keys.
                identity, line = (key.tag, key.value), key.start_mark.line + 1
                if identity in first:
                    there = f"is there already, in line {first[identity]}"
                    yield f", line {line}: the key {key.value!r} {there}; remove one."
                first.setdefault(identity, line)
            yield from _duplicates(key, seen)
            yield from _duplicates(value, seen)
