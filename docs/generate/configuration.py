"""Writes docs/configuration.md from components/settings and docs/examples.

Run `python -m docs.generate.configuration > docs/configuration.md`. What a key means is the docstring of its field; its
default is the field's, unless the docstring ends with `Default:` because a run decides it; its example is the value
that the first stack file in docs/examples has for it, so every example is part of a file that the tests run the program
on.
"""

import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from components.platform import PLATFORMS
from components.settings import section as formats
from components.settings.images import default_images
from components.settings.stack import Settings
from docs.generate.fields import docstrings
from docs.generate.stack_files import PROJECT, Example, example_of, examples

HEAD = """\
# Configuration

This page has every key below `rhsi:`. Write it into a stack file, or set it, for example by
`pulumi config set --path 'rhsi:cluster.namespace' link`.

- **Mistakes.** A run reports all mistakes of a stack at once, before it touches anything.
- **Environment.** A run refuses variables that would make two people's runs differ or break a promise, such as
  `VAULT_SKIP_VERIFY` or `PULUMI_K8S_DELETE_UNREACHABLE`. `KUBECONFIG`, `VAULT_ADDR`, `VAULT_TOKEN`, `VAULT_CACERT` and
  proxies are the machine's.
- **Secrets.** Set a secret by `pulumi config set --secret --path KEY`; a run refuses one in plain text.
- **PEM.** A setting of this type takes certificates and nothing else.

`python -m docs.generate.configuration > docs/configuration.md` writes this page from `components/settings/` and the
stack files in `docs/examples/`.
"""
# What each section is about, for whoever looks for a key; "" stands for the keys outside of sections.
ABOUT = {
    "": "who links to whom, revocation, labels and annotations, and whether `destroy` keeps data",
    "cluster": "where the cluster is, and what this stack owns there",
    "vault": "where Vault is, what this stack owns there, and how External Secrets logs in",
    "standbys": "on a primary: the sites that may link, and their rotations",
    "images": "a mirror, and the image of Jobs",
    "pods": "what a platform asks of every pod",
    "networkPolicies": "network policies for namespaces that deny by default",
    "timeouts": "how long `up` waits",
    "services": "the services that cross the network",
    "skupper": "the Skupper site",
    "postgres": "the streaming database",
    "edb": "the replicated databases",
    "operators": "operators that OLM installs",
    "networkObserver": "Skupper's page that shows the whole network",
}
# The types that have a form of their own. A run compares annotations: two of the same form are one type here.
WORDS = {
    formats.Duration: "duration",
    formats.Quantity: "quantity",
    formats.Image: "image",
    formats.Pem: "PEM",
    formats.Port: "port",
}

REQUIRED = object()


@dataclass(frozen=True, kw_only=True)
class Key:
    """One row of the reference: a key with its place, `standbys.<site>.rotation` for example."""

    path: tuple[str, ...]
    type: str
    default: str
    meaning: str

    @property
    def name(self) -> str:
        """The key as a person writes it, without the project's prefix."""
        return ".".join(self.path)


def keys() -> list[Key]:
    """Every key that has a value of its own, in the order of the classes."""
    return list(_keys(Settings, (), None))


def page() -> str:
    """The whole page."""
    known = examples()
    sections: dict[str, list[Key]] = {}
    for key in keys():
        sections.setdefault(key.path[0] if len(key.path) > 1 else "", []).append(key)
    return "\n".join(
        [
            HEAD.rstrip(),
            *_contents(sections),
            *(line for name, rows in sections.items() for line in _table(name, rows, known)),
            *_images(),
            *_files(known),
        ]
    )


def _contents(sections: Iterable[str]) -> Iterator[str]:
    """Which section is about what, with a link to each."""
    yield from ("", "| section | what it is about |", "|---|---|")
    for name in sections:
        title = f"`{PROJECT}:{name}`" if name else "single keys"
        anchor = f"{PROJECT}{name.lower()}" if name else "single-keys"
        yield f"| [{title}](#{anchor}) | {ABOUT[name]} |"


def _keys(shape: type[BaseModel], above: tuple[str, ...], block: Any) -> Iterator[Key]:
    """The keys of a class; `block` is the instance that stands where a stack file says nothing, if there is one."""
    texts, hints = docstrings(shape), typing.get_type_hints(shape, include_extras=True)
    for name, field in shape.model_fields.items():
        path = (*above, field.alias or name)
        usual = getattr(block, name) if isinstance(block, shape) else _usual(field)
        inner, step = _inside(hints[name])
        if inner:
            yield from _keys(inner, (*path, step) if step else path, None if step else usual)
            continue
        meaning, _, default = texts.get(name, "").partition(" Default: ")
        yield Key(path=path, type=_type(hints[name]), default=default.rstrip(".") or _default(usual), meaning=meaning)


def _inside(hint: Any) -> tuple[type[BaseModel] | None, str]:
    """The class of a block, with `<name>` or `[]` where there are several of it; None for a plain value."""
    plain = _plain(hint)
    if inspect.isclass(plain) and issubclass(plain, BaseModel):
        return plain, ""
    arguments = typing.get_args(plain)
    held = _plain(arguments[-1]) if arguments else None
    if typing.get_origin(plain) in (dict, list) and inspect.isclass(held) and issubclass(held, BaseModel):
        return held, "<name>" if typing.get_origin(plain) is dict else "[]"
    return None, ""


def _plain(hint: Any) -> Any:
    """A type without its checks and without "or nothing"."""
    if typing.get_origin(hint) is typing.Annotated:
        return _plain(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _plain(next(one for one in typing.get_args(hint) if one is not type(None)))
    return hint


def _type(hint: Any) -> str:
    for form, word in WORDS.items():
        if hint == form:
            return word
    plain = _plain(hint)
    origin, arguments = typing.get_origin(plain), typing.get_args(plain)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map of {_type(arguments[1])}"
    return {str: "text", int: "integer", bool: "boolean", SecretStr: "secret"}.get(plain, "map")


def _usual(field: FieldInfo) -> Any:
    return REQUIRED if field.is_required() else field.get_default(call_default_factory=True)


def _default(value: Any) -> str:
    if value is REQUIRED:
        return "required"
    if value is None or value == "" or value in ([], {}) or isinstance(value, SecretStr):
        return "none"
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(name: str, rows: list[Key], known: list[Example]) -> Iterator[str]:
    yield from ("", f"## {PROJECT}:{name}" if name else "## Single keys", "")
    yield from ("| key | type | default | meaning | example |", "|---|---|---|---|---|")
    for key in rows:
        example = example_of(key.path, known)
        cells = [f"`{key.name}`", key.type, key.default, _linked(key.meaning), _cell(example)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _linked(text: str) -> str:
    """A text in which each file below docs/ that it names is a link."""
    return re.sub(r"docs/([\w./-]+\.(?:md|yaml)(?:#[\w-]+)?)", r"[docs/\1](\1)", text)


def _cell(example: Any) -> str:
    if example is None:
        return ""
    text = _shown(example)
    return "" if "\n" in text or len(text) > 60 else f"`{text}`"


def _images() -> Iterator[str]:
    yield from (
        "",
        "## Images",
        "",
        "These run unless a setting names another image; a registry mirror needs all of them.",
        "",
    )
    yield from ("| platform | image | what runs in it | setting |", "|---|---|---|---|")
    for platform in PLATFORMS:
        for one in default_images(platform):
            yield f"| `{platform}` | `{one.image}` | {one.runs} | `{one.key}` |"


def _files(known: list[Example]) -> Iterator[str]:
    yield from ("", "## Stack files", "", "Each is complete, and the tests preview each of them.", "")
    yield from ("| file | what it is |", "|---|---|")
    for example in known:
        yield f"| [{example.file.stem}](examples/{example.file.name}) | {_linked(example.about)} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
