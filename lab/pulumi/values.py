"""Property values as the engine holds them, and the questions that it asks about them.

A value is None, a bool, an int, a float, a str, a list, a dict with string keys, a `Secret` around any of these, or
`UNKNOWN`. Numbers without a fraction are ints (on the wire every number is a double). Owns no wire or file format.
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
    """A value that is encrypted in every file and hidden on every display.

    `ciphertext` remembers what the state file holds, so that an unchanged secret keeps its bytes; it takes no part in
    comparisons. The representation never shows the value.
    """

    __slots__ = ("ciphertext", "value")
    __hash__ = None  # type: ignore[assignment] # a secret may hold a dict

    def __init__(self, value: Any, ciphertext: str | None = None) -> None:
        self.value = value
        self.ciphertext = ciphertext

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


def mask(value: Any) -> Any:
    """The value for a display: secrets and unknowns become `[secret]` and `[unknown]`."""
    if isinstance(value, Secret):
        return "[secret]"
    if value is UNKNOWN:
        return "[unknown]"
    if isinstance(value, dict):
        return {key: mask(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item) for item in value]
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
