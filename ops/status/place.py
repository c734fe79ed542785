"""Where a look goes for one stack: its cluster, its namespaces, and the parts that its settings turn on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ops.clusters import Cluster

POSTGRES, EDB, OBSERVER, OPERATORS = "postgres", "edb", "networkObserver", "operators"
"""The parts that a stack may do without, as its settings call them."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stack as a look needs it.

    Attributes:
        stack: its name, without organization and project.
        project: the name of its project; empty where that does not matter.
        exists: whether Pulumi's backend has the stack.
        cli: the program for its cluster, `oc` or `kubectl`.
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
    project: str = ""
    exists: bool = True
    cli: str = "oc"

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
    """A place, and the way to its cluster; `note` is what a person should know of where the settings come from."""

    place: Place
    cluster: Cluster
    note: str = ""

    def now(self) -> datetime:
        """The time by the cluster's clock, which wrote the times that are compared with it.

        This machine's clock until the cluster has answered, or where the two differ by less than an HTTP date can tell.
        """
        read = self.cluster.clock
        return datetime.now(UTC) + timedelta(seconds=round(read.ahead) if read and abs(read.ahead) > 1 else 0)
