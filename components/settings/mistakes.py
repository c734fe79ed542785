"""Mistakes in settings, in the words of somebody who edits a stack file: the key, the value, the fix.

Translates pydantic's errors. Which settings there are and what is wrong with them is not decided here.
"""

import difflib
import json
import re
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

ABSENT = object()
"""The value of a key that is not there."""

# Characters of a value in a message.
_LONGEST = 200
# What stands before the host of a URL, and likewise where somebody left the scheme out. An image's digest has an @
# before it too.
_USER = re.compile(r"(?<=://).*@(?!sha256:)|(?<!\S)[^\s:]*:(?!//)\S*@(?!sha256:)", re.DOTALL)
# Names of keys, here or in what was put in the place of one.
_SECRET_NAME = re.compile(r"passw|token", re.IGNORECASE)
_PROBLEMS = {
    "int_type": "it must be a whole number of {minimum} or more, without quotes",
    "int_from_float": "it must be a whole number of {minimum} or more, without quotes",
    "greater_than_equal": "it must be a whole number of {minimum} or more",
    "less_than_equal": "it is too large",
    "bool_type": "it must be true or false, without quotes",
    "string_type": "it must be text; put it in quotes",
    "string_too_short": "it is empty; give it a value or leave the key out",
    "list_type": "it must be a list",
    "dict_type": "it must be a map of keys and values",
    "model_type": "it must be a map of keys and values",
}


@dataclass(frozen=True)
class Mistake:
    """One mistake: the path of the key below `rhsi:`, its value, and what is wrong with it together with the fix.

    `meant` is the path that a misspelt key probably stands for, or empty.
    """

    path: str
    value: Any
    problem: str
    secret: bool = False
    meant: str = ""

    @classmethod
    def of(cls, path: str, value: Any, problem: str) -> "Mistake":
        """A mistake whose empty value counts as absent."""
        return cls(path, ABSENT if value in (None, "") else value, problem)

    def sentence(self, secret_keys: frozenset[str]) -> str:
        """The line that the user sees; what is secret, or lies below a secret key, appears as `[secret]`."""
        if self.value is ABSENT:
            return printable(f"rhsi:{_without_user(self.path)} is missing: {_without_user(self.problem)}.")
        hidden = self.secret or self.path.split(".")[0] in secret_keys
        value = "[secret]" if hidden else quoted(self.value)
        return printable(f"rhsi:{_without_user(self.path)} is {value}: {_without_user(self.problem)}.")


def without_echoes(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The mistakes without those that a misspelt key has caused: what it stands for, or lies below that, is missing."""
    meant = [mistake.meant for mistake in mistakes if mistake.meant]
    return [mistake for mistake in mistakes if not (mistake.value is ABSENT and _is_below(mistake.path, meant))]


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def printable(text: str) -> str:
    """A text on one line, in which what cannot be printed (and what UTF-8 cannot carry) is escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def quoted(value: Any) -> str:
    """A value as a person recognizes it: a long one is cut, and a secret that was pasted by mistake does not show.

    That is a private key, a user or password in a URL, and what a map has below the name of a password.
    """
    try:
        text = json.dumps(_without_secrets(value), default=str)
    except RecursionError:
        return "nested too deeply"
    if "PRIVATE KEY" in text:
        return "[secret]"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _without_user(value)
    if isinstance(value, dict):
        return {
            _without_user(str(key)): "[secret]" if _is_secret(str(key), part) else _without_secrets(part)
            for key, part in value.items()
        }
    return [_without_secrets(part) for part in value] if isinstance(value, list) else value


def _without_user(text: str) -> str:
    return _USER.sub("[secret]@", text) if "@" in text else text


def _is_secret(key: str, value: Any) -> bool:
    """Whether a key that the program does not know says by its name that its text is for nobody's eyes."""
    return isinstance(value, str) and _SECRET_NAME.search(key) is not None


def explain(detail: ErrorDetails, root: type[BaseModel]) -> Mistake:
    """One of pydantic's errors on `root` as a mistake."""
    location, kind, context = [str(part) for part in detail["loc"]], detail["type"], detail.get("ctx", {})
    if location[-1] == "[key]" and kind != "extra_forbidden":
        # Pydantic's mark on the key of a map, in contrast to its value.
        location.pop()
    path = ".".join(location)
    around = _section_around(location, root)
    if kind == "missing":
        return Mistake(path, ABSENT, f"set it with `pulumi config set --path 'rhsi:{path}' VALUE`")
    meant = ""
    if kind == "extra_forbidden":
        likely = _likely_key(location[-1], around)
        meant = ".".join([*location[:-1], likely]) if likely else ""
        problem = "there is no such key; " + (
            f"rename it to {likely}" if likely else f"the keys are {', '.join(_keys(around))}"
        )
    elif kind == "literal_error":
        problem = f"it must be {context['expected']}"
    elif kind == "string_type" and (refused := _refused_as_text(location[-1], detail["input"], around)):
        problem = refused
    else:
        problem = context.get("problem") or _PROBLEMS.get(kind, detail["msg"])
        problem = problem.replace("{minimum}", str(_minimum(location[-1], around)))
    hidden = not context.get("shown", True) or _may_be_secret(location[-1], around)
    hidden = hidden or (kind == "extra_forbidden" and _is_secret(location[-1], detail["input"]))
    return Mistake(path, detail["input"], problem, secret=hidden, meant=meant)


def _keys(section: type[BaseModel]) -> list[str]:
    return [str(field.alias) for field in section.model_fields.values()]


def _likely_key(key: str, section: type[BaseModel]) -> str:
    return next(iter(difflib.get_close_matches(key, _keys(section), n=1)), "")


def _refused_as_text(key: str, value: Any, section: type[BaseModel]) -> str:
    """What would be wrong with a number even in quotes, so that the advice to quote it leads to no second mistake."""
    if key not in _keys(section) or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        section.model_validate({key: str(value)})
    except ValidationError as error:
        refusals = [detail for detail in error.errors(include_url=False) if detail["loc"] == (key,)]
        return next((str(refusal.get("ctx", {}).get("problem", "")) for refusal in refusals), "")
    return ""


def _may_be_secret(key: str, section: type[BaseModel]) -> bool:
    """Whether a key holds a secret, or a section of which a part is one, so that anything else in its place may be too.

    An unknown key may be the misspelt name of a secret of its section.
    """
    fields = {str(field.alias): field.annotation for field in section.model_fields.values()}
    if key in fields:
        return _holds_secret(fields[key])
    return any("SecretStr" in str(annotation) for annotation in fields.values())


def _holds_secret(annotation: Any) -> bool:
    inner = [annotation, *typing.get_args(annotation)]
    sections = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
    return "SecretStr" in str(annotation) or any(
        _holds_secret(field.annotation) for one in sections for field in one.model_fields.values()
    )


def _minimum(key: str, section: type[BaseModel]) -> int:
    """The smallest value that a number may have; 1 for the numbers in a map."""
    limits = [limit for field in section.model_fields.values() if field.alias == key for limit in field.metadata]
    return next((limit.ge for limit in limits if hasattr(limit, "ge")), 1)


def _section_around(location: list[str], root: type[BaseModel]) -> type[BaseModel]:
    """The model that the key at the end of a path belongs to."""
    section = root
    for part in location[:-1]:
        section = _section(section, part)
    return section


def _section(section: type[BaseModel], key: str) -> type[BaseModel]:
    """The model below a key; in a map, whose keys are the user's, the map's section stays what it is."""
    annotation = next((field.annotation for field in section.model_fields.values() if field.alias == key), section)
    # A map of sections: its second argument is the section.
    candidates = [annotation, *typing.get_args(annotation)]
    sections = (one for one in reversed(candidates) if isinstance(one, type) and issubclass(one, BaseModel))
    return next(sections, section)
