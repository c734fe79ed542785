"""A resource as a rule sees it: plain values, with a mark where a preview does not know one yet."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy.proxy import UnknownValueError


class Unknown:
    """What a preview cannot know. A rule says nothing about it: `up` runs the same rule on the value itself."""

    def __repr__(self) -> str:
        return "[unknown]"


UNKNOWN = Unknown()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource that the engine is about to make or change.

    Attributes:
        token: Pulumi's type, such as `kubernetes:skupper.io/v2alpha1:AccessGrant`.
        name: the program's name for it.
        urn: its URN.
        properties: its inputs, for a rule about a whole stack its outputs. Both include secrets: no message may hold a
            value that could be one.
        protect: whether the program protects it.
    """

    token: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    protect: bool

    @property
    def group_version(self) -> str:
        """Of a Kubernetes object, as its type has it, such as `apps/v1` or `core/v1`; empty for any other resource."""
        package, _, rest = self.token.partition(":")
        return rest.rpartition(":")[0] if package == "kubernetes" else ""

    @property
    def kind(self) -> str:
        """The last part of the type, such as `AccessGrant`."""
        return self.token.rpartition(":")[2]

    def is_kubernetes(self, group: str, *kinds: str) -> bool:
        """Whether it is an object of one of these kinds, in any version of an API group."""
        return self.group_version.rpartition("/")[0] == group and self.kind in kinds

    def at(self, *path: str) -> Any:
        """The value at a path; None where there is none, UNKNOWN where a preview does not know it."""
        return at(self.properties, *path)

    def __str__(self) -> str:
        """What a person calls it: kind, and namespace and name or path."""
        name, namespace = self.at("metadata", "name"), self.at("metadata", "namespace")
        if not self.group_version:
            name = next((found for key in ("path", "backend", "name") if isinstance(found := self.at(key), str)), None)
        if not isinstance(name, str):
            name = self.name
        return f"{self.kind} {namespace}/{name}" if isinstance(namespace, str) else f"{self.kind} {name}"


def at(value: Any, *path: str) -> Any:
    """The value at a path; None where there is none, UNKNOWN where a preview does not know it."""
    for part in path:
        if not isinstance(value, Mapping):
            return value if value is UNKNOWN else None
        value = value.get(part)
    return value


def plain(value: Any) -> Any:
    """What pulumi-policy hands over, whose unknown parts raise when they are touched, as plain values."""
    if isinstance(value, Mapping):
        return {key: _entry(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_entry(value, index) for index in range(len(value))]
    return value


def _entry(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text below a value that is known, with its path, such as `spec.containers[0].image`."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from texts(one, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def items(value: Any) -> list[tuple[int, Any]]:
    """The known items of a list with their places in it; none where there is no list."""
    return [(index, one) for index, one in enumerate(value) if one is not UNKNOWN] if isinstance(value, list) else []


def shown(value: Any) -> str:
    """A value in a message. Only for what cannot be a secret."""
    if value is None:
        return "not set"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, default=repr)
