"""Where a look goes for one stack: its cluster, its namespaces, and the parts that its settings turn on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.clusters import Cluster

POSTGRES, EDB, OBSERVER, OPERATORS = "postgres", "edb", "networkObserver", "operators"
"""The parts that a stack may do without, as its settings call them."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stack as a look needs it.

    Attributes:
        stack: its name, without organization and project.
        site: its `rhsi:site`.
        primary: on a standby the name of its primary's stack, whole where it is of another project; empty on a
            primary.
        context: the kubeconfig context of its cluster.
        namespace: of its Skupper site.
        databases: namespace of its replicated databases; empty where it has none.
        rotations: of each standby, as the primary's settings have them.
        parts: the parts that are on. What stands is shown in any case; only what a stack needs is missed where the
            login may not see it.
    """

    stack: str
    site: str
    primary: str
    context: str
    namespace: str
    databases: str
    rotations: Mapping[str, int] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()

    @property
    def environment(self) -> str:
        """The stack of the primary: a folder may have several environments, whose sites and databases have one name."""
        return self.primary or self.stack

    @property
    def namespaces(self) -> list[str]:
        """Those that are the stack's own: that of its Skupper site, and that of its replicated databases."""
        return [name for name in dict.fromkeys([self.namespace, self.databases]) if name]


@dataclass(frozen=True)
class Standing:
    """A place, and the way to its cluster."""

    place: Place
    cluster: Cluster
