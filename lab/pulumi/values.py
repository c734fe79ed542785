"""Property values as the plugins hold them, and the questions that they ask about them.

A value is None, a bool, an int, a float, a str, a list, a dict with string keys, a `Secret` around any of these, or
`UNKNOWN`. Numbers without a fraction are ints (on the wire every number is a double). Owns no wire format.
"""

import enum
from collections.abc import Iterable
from typing import Any

Properties = dict[str, Any]


class Unknown(enum.Enum):
    """The type of `UNKNOWN`, a value that only a real run will know."""

    TOKEN = "unknown"  # noqa: S105 - the name of a placeholder

    def __repr__(self) -> str:
        return "[unknown]"


UNKNOWN = Unknown.TOKEN


class Secret:
    """A value that the engine encrypts in the state and hides on every display; its representation never shows it."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment] # a secret may hold a dict

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.value == other.value

    def __repr__(self) -> str:
        return "[secret]"


def secret(value: Any) -> Secret:
    """The value as a secret; one that is a secret already stays as it is."""
    return value if isinstance(value, Secret) else Secret(value)


def reveal(value: Any) -> Any:
    """The value with every secret replaced by what it hides. Unknowns stay."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Secret):
        return (value.value,)
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is unknown."""
    return value is UNKNOWN or any(has_unknown(part) for part in _parts(value))


def has_secret(value: Any) -> bool:
    """Whether any part of the value is secret."""
    return isinstance(value, Secret) or any(has_secret(part) for part in _parts(value))


def copy(value: Any) -> Any:
    """A copy whose dicts and lists can be changed without changing the original."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value
