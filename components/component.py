"""What every component shares: children that cannot escape, and values that wait for a resource."""

from typing import Any, TypeVar

import pulumi

from components.among_others import AmongOthers
from components.common_metadata import NONE, CommonMetadata

T = TypeVar("T")


class Component(pulumi.ComponentResource):
    """A ComponentResource of this program.

    Its type token is written out by each class (`rhsi:index:<Class>`): it is a part of every URN below it, so that a
    renamed class keeps the one that it had.

    Attributes:
        common: labels and annotations of every Kubernetes object below it: its parent's. A component without a parent
            has none, unless it sets them itself before it makes a child.
        others: how objects are made of whose kinds others have some in the same namespace; likewise. None where all of
            them are this stack's.
    """

    common: CommonMetadata
    others: AmongOthers | None

    def __init__(self, token: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(token, name, {}, opts)
        self.common = common_metadata(opts)
        self.others = among_others(opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child: this component is its parent and thereby gives it its provider."""
        return pulumi.ResourceOptions(parent=self, **options)


def common_metadata(opts: pulumi.ResourceOptions | None) -> CommonMetadata:
    """Labels and annotations that a resource with these options inherits."""
    parent = opts.parent if opts else None
    return parent.common if isinstance(parent, Component) else NONE


def among_others(opts: pulumi.ResourceOptions | None) -> AmongOthers | None:
    """What a resource with these options inherits of `Component.others`."""
    parent = opts.parent if opts else None
    return parent.others if isinstance(parent, Component) else None


def once(exists: pulumi.CustomResource | pulumi.Output[Any], value: T) -> pulumi.Output[T]:
    """A value that is known only once something exists: whoever uses it comes later, and a preview does not know it."""
    known = exists.id if isinstance(exists, pulumi.CustomResource) else exists
    return known.apply(lambda _: value)
