"""The `jsonpath={...}` expressions of `pulumi.com/waitFor`.

Names, indexes, `*`, `..` and filters with one comparison or an existence test, as RFC 9535 has them; that is what waits
use. Source of the rules around the path: pulumi-kubernetes:provider/pkg/jsonpath/jsonpath.go.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BRACES = re.compile(r"\{\s*(.*?)\s*\}")
_SEGMENT = re.compile(
    r"(?P<deep>\.\.)?"
    r"(?:\.?(?P<name>[A-Za-z_][\w-]*)|\.?(?P<star>\*)"
    r"|\[(?:(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)|(?P<index>-?\d+)|(?P<any>\*)|\?(?P<filter>.+?))\](?=[.\[]|$))"
)
_FILTER = re.compile(r"\(?\s*@(?P<path>[^=!<>\s)]*)\s*(?:(?P<operator>==|!=)\s*(?P<literal>.+?))?\s*\)?")


class JSONPathError(ValueError):
    """The expression cannot be used; the message names it."""


@dataclass(frozen=True)
class JSONPath:
    """A parsed expression: `path` as the user wrote it, `value` what it must equal, or "" if it must only exist."""

    path: str
    value: str
    segments: tuple[re.Match[str], ...]

    def __str__(self) -> str:
        return f"{self.path}={self.value}" if self.value else self.path

    @classmethod
    def parse(cls, expression: str) -> "JSONPath":
        """Parse `jsonpath={.path}` or `jsonpath={.path}=value`.

        Raises:
            JSONPathError: the form is another one.
        """
        raw = expression.removeprefix("jsonpath=")
        parts = re.split(r"(?<![=!<>])=(?!=)", raw)
        if len(parts) > 2:
            raise JSONPathError(f'format should be {{.path}}=value or {{.path}}, got "{raw}"')
        path, value = parts[0], parts[1] if len(parts) == 2 else ""
        if len(parts) == 2 and not value:
            raise JSONPathError(f"{path}= requires a value")
        if path.startswith("'") and path.endswith("'"):
            raise JSONPathError(f"{path} should omit shell quotes")
        inner = _BRACES.search(path)
        if inner is None:
            raise JSONPathError(f"{path} should be wrapped in brackets {{ ... }}")
        return cls(path, value, tuple(_segments(inner.group(1).removeprefix("$"), path)))

    def matches(self, body: Any) -> bool:
        """Whether the object has the path, with the value if there is one. Only the first value found counts."""
        for found in select(body, self.segments):
            return not self.value or (not isinstance(found, dict | list) and text(found) == self.value)
        return False


def _segments(inner: str, path: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(inner):
        match = _SEGMENT.match(inner, position)
        if match is None:
            raise JSONPathError(f'parsing "{path}": unexpected {inner[position:]!r}')
        yield match
        position = match.end()


def select(value: Any, segments: tuple[re.Match[str], ...]) -> Iterator[Any]:
    """All values that the segments lead to."""
    if not segments:
        yield value
        return
    head, rest = segments[0], segments[1:]
    for start in _descendants(value) if head["deep"] else (value,):
        for child in _children(start, head):
            yield from select(child, rest)


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for child in _all(value):
        yield from _descendants(child)


def _all(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _children(value: Any, segment: re.Match[str]) -> list[Any]:
    name = segment["name"] or segment["quoted"]
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if segment["index"] is not None:
        index = int(segment["index"])
        return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    if segment["filter"] is not None:
        return [child for child in _all(value) if _passes(child, segment["filter"])]
    return _all(value)


def _passes(child: Any, condition: str) -> bool:
    match = _FILTER.fullmatch(condition)
    if match is None:
        raise JSONPathError(f"unsupported filter {condition!r}: use one comparison, such as @.type=='Ready'")
    found = list(select(child, tuple(_segments(match["path"], condition))))
    if match["operator"] is None:
        return bool(found)
    literal = match["literal"].strip()
    wanted = literal[1:-1] if literal[:1] in "'\"" else json.loads(literal)
    return (found[:1] == [wanted]) == (match["operator"] == "==")


def text(value: Any) -> str:
    """A scalar as Go prints it."""
    return value if isinstance(value, str) else "<nil>" if value is None else json.dumps(value)
