"""The state of the lab's stacks as it lies in the lab's home: what stands, without asking `pulumi`.

Reads Pulumi's backend in files (pulumi:pkg/backend/diy) and writes nothing. Values of resources are none of its
business: they may be secret.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.home import Home

PROJECT = "rhsi"


@dataclass(frozen=True)
class Resource:
    """One resource that stands.

    Attributes:
        urn: Pulumi's name of it.
        type: such as `kubernetes:core/v1:Namespace`.
        protected: whether `destroy` must leave it alone.
        custom: whether it is something outside of Pulumi, in contrast to a component.
        external: whether the stack only reads it.
    """

    urn: str
    type: str
    protected: bool = False
    custom: bool = True
    external: bool = False

    @property
    def name(self) -> str:
        """Its logical name, the end of its URN."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """The end of its type."""
        return self.type.rpartition(":")[2]

    @property
    def exists(self) -> bool:
        """Whether it is the stack's, and more than Pulumi's own bookkeeping: components, providers, memory."""
        return self.custom and not self.external and not self.type.startswith("pulumi:")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def folder(home: Home) -> Path:
    """The backend's."""
    return home.root / "state"


def resources(home: Home, stack: str) -> list[Resource]:
    """Everything that the stack's state has; nothing where there is no state, or none that can be read."""
    return [
        Resource(
            str(one["urn"]),
            str(one["type"]),
            protected=bool(one.get("protect")),
            custom=bool(one.get("custom")),
            external=bool(one.get("external")),
        )
        for one in latest(home, stack)
    ]


def rotation(home: Home, primary: str, site: str) -> int:
    """The rotation of a standby that stands according to the primary's outputs; 0 for none."""
    for one in latest(home, primary):
        if one["type"] == "pulumi:pulumi:Stack":
            try:
                return int(one["outputs"]["standbys"][site]["rotation"])
            except (KeyError, TypeError, ValueError):
                return 0
    return 0


def existing(found: Iterable[Resource]) -> list[Resource]:
    """Those that are more than bookkeeping."""
    return [resource for resource in found if resource.exists]


def latest(home: Home, stack: str) -> list[dict[str, Any]]:
    """The resources as Pulumi wrote them."""
    file = folder(home) / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"
    try:
        checkpoint = json.loads(file.read_text())["checkpoint"]
        return list((checkpoint.get("latest") or {}).get("resources") or [])
    except (OSError, ValueError, KeyError):
        # Whoever works on the stack next is told by Pulumi itself.
        return []
