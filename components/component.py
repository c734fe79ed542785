"""What every component shares: children that cannot escape, and values that wait for a resource."""

from typing import Any, TypeVar

import pulumi

T = TypeVar("T")


class Component(pulumi.ComponentResource):
    """A ComponentResource of this program.

    Its type token is written out by each class (`rhsi:index:<Class>`): it is a part of every URN below it, so that a
    renamed class keeps the one that it had.
    """

    def __init__(self, token: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(token, name, {}, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child: this component is its parent and thereby gives it its provider."""
        return pulumi.ResourceOptions(parent=self, **options)


def once(exists: pulumi.CustomResource | pulumi.Output[Any], value: T) -> pulumi.Output[T]:
    """A value that is known only once something exists: whoever uses it comes later, and a preview does not know it."""
    known = exists.id if isinstance(exists, pulumi.CustomResource) else exists
    return known.apply(lambda _: value)
