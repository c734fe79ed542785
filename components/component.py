"""The shape that every component shares: typed arguments in, children that cannot escape.

Owns the two conventions of design section 2: arguments arrive as an `XArgs` or as the plain dict that Pulumi's
component provider host hands over, and every child's parent (with it, its provider) is set in one place.
"""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pulumi


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """Base of every component's arguments."""

    @classmethod
    def of(cls, value: "Self | Mapping[str, Any]") -> Self:
        """Accept the arguments typed, or as a dict with nested dicts and with floats for integers.

        The dict form is what the component provider host passes (facts: `pulumi:provider/experimental/host.py`).

        Raises:
            TypeError: a key is unknown or missing.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(f"{cls.__name__} takes a mapping, not {type(value).__name__}.")
        # `pulumi.Input[...]` holds the text "Output[T]", whose names are pulumi's.
        hints = typing.get_type_hints(cls, localns={"Output": pulumi.Output, "T": Any})
        names = [field.name for field in dataclasses.fields(cls)]
        if unknown := sorted(set(value) - set(names)):
            raise TypeError(f"{cls.__name__} has no field {', '.join(unknown)}; its fields are {', '.join(names)}.")
        return cls(**{name: _typed(hints[name], value[name]) for name in names if name in value})


def _typed(hint: Any, value: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Args):
        return hint.of(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if typing.get_origin(hint) is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(value)
    return value


class Component(pulumi.ComponentResource):
    """A ComponentResource of this program; its type token is `rhsi:index:<Class>`."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"rhsi:index:{type(self).__name__}", name, {}, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child: this component is its parent and thereby gives it its provider."""
        return pulumi.ResourceOptions(parent=self, **options)
