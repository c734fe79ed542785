"""The stack files of the checkout, `Pulumi.<stack>.yaml`, as the lab reads them. It never writes them.

Owns which files there are and their outer form, with every mistake in it; the values are the program's business.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.home import CHECKOUT, LabError
from lab.stacks import strict

PREFIX = "rhsi"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# What Pulumi itself keeps beside the settings.
_BESIDE = ("config", "environment", "encryptionsalt", "encryptedkey", "secretsprovider", "backend")


@dataclass(frozen=True)
class Stack:
    """One stack file of the checkout: `Pulumi.<name>.yaml`."""

    name: str
    config: dict[str, Any]

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"Pulumi.{self.name}.yaml"

    def section(self, key: str) -> dict[str, Any]:
        """A block of settings, empty where the file has none."""
        found = self.config.get(f"{PREFIX}:{key}")
        return found if isinstance(found, dict) else {}

    @property
    def is_primary(self) -> bool:
        """Whether it accepts links."""
        return self.config.get("rhsi:role") == "primary"

    @property
    def site(self) -> str:
        """Its name among the primary's standbys."""
        return str(self.config.get("rhsi:site") or self.name)

    @property
    def primary(self) -> str:
        """The name of a standby's primary stack, without organization and project."""
        return str(self.config.get("rhsi:primaryStack", "")).rpartition("/")[2]

    @property
    def context(self) -> str:
        """The kubeconfig context of its cluster."""
        return str(self.section("cluster").get("context", ""))

    @property
    def namespace(self) -> str:
        """The namespace of its Skupper site."""
        return str(self.section("cluster").get("namespace", "rhsi"))


def discover(checkout: Path = CHECKOUT) -> list[Stack]:
    """All stacks that the checkout has a file for, primaries first: the order in which they come up.

    Raises:
        LabError: with every mistake of every file at once; or there is none.
    """
    stacks: list[Stack] = []
    mistakes: list[str] = []
    known = _known_keys(checkout / "Pulumi.yaml")
    for file in sorted(checkout.glob("Pulumi.*.y*ml")):
        if wrong := _misnamed(file):
            mistakes.append(wrong)
            continue
        try:
            content = strict.load(file.read_text())
        except strict.StrictError as error:
            mistakes += [f"{file.name}{mistake}" for mistake in error.mistakes]
        except (OSError, UnicodeError) as error:
            mistakes.append(f"{file.name} cannot be read ({error}): correct or remove it.")
        else:
            mistakes += [f"{file.name} {mistake}" for mistake in _misshapen(content, known)]
            config = content.get("config") if isinstance(content, dict) else None
            stacks.append(Stack(file.name.removeprefix("Pulumi.").removesuffix(".yaml"), _settings(config)))
    if mistakes:
        raise LabError("The stack files cannot be used:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
    if not stacks:
        raise LabError(f"{checkout} has no stack file: add Pulumi.site-a.yaml and Pulumi.site-b.yaml.")
    return sorted(stacks, key=lambda stack: not stack.is_primary)


def _settings(config: Any) -> dict[str, Any]:
    return config if isinstance(config, dict) else {}


def _known_keys(project: Path) -> list[str]:
    """The settings that the project declares, with their prefix."""
    content = yaml.safe_load(project.read_text()) if project.exists() else {}
    return list((content or {}).get("config") or {})


def _misnamed(file: Path) -> str | None:
    """What is wrong with the file's name; None where a stack can have it."""
    if file.suffix != ".yaml":
        return f"{file.name} would be ignored: Pulumi reads the ending .yaml only; rename or remove it."
    name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    if not _NAME.fullmatch(name):
        return (
            f"{file.name} is in the way: {name!r} cannot be the name of a stack, which has letters, digits and `-_.` "
            "only; rename or remove the file."
        )
    return None


def _misshapen(content: Any, known: list[str]) -> Iterator[str]:
    """What is wrong with the outer form of a file's content."""
    if content is None:
        return
    if not isinstance(content, dict):
        yield f"is {_kind(content)}: it must have the key `config:` with the settings below it."
        return
    for key in content:
        if ":" in str(key):
            yield f"has the key {key!r} outside of `config:`: indent it below."
        elif key not in _BESIDE and (close := difflib.get_close_matches(str(key), _BESIDE, n=1)):
            yield f"has the key {key!r}: write {close[0]}."
    config = content.get("config")
    if config is None:
        return
    if not isinstance(config, dict):
        yield f"has {_kind(config)} below `config:`: write keys such as `rhsi:role: primary`, without dashes."
        return
    for key in config:
        if mistake := _misspelt(str(key), known):
            yield mistake


def _misspelt(key: str, known: list[str]) -> str | None:
    """A key without the program's prefix: Pulumi would leave it alone, or read it beside the one that counts."""
    prefix, colon, name = key.partition(":")
    if colon and (prefix == PREFIX or not difflib.get_close_matches(prefix, [PREFIX], n=1, cutoff=0.7)):
        return None
    wanted = f"{PREFIX}:{name if colon else key}"
    likely = next(iter(difflib.get_close_matches(wanted, known, n=1, cutoff=0.8)), wanted)
    if not colon:
        return f"has the key {key!r} without a prefix: write {likely}."
    return f"has the key {key!r} of another program: write {likely}."


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"the single value {value!r}"
