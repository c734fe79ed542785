"""What a plan says besides its imports: one note a thing, below one of six heads."""

import shlex
from dataclasses import dataclass, field
from enum import Enum

from components.settings import Settings
from ops.adopt.found import Found
from ops.adopt.objects import Item
from ops.stacks import State


class Head(Enum):
    """The heads of a plan, in the order in which a person needs them."""

    IN_THE_WAY = "In the way: settle this, then run `adopt` again"
    DECIDE = "Decide before the first `pulumi up`"
    FIRST = "Do this before `pulumi up`"
    TAKEN_OVER = "Taken over by `pulumi up`, whose preview calls it a create"
    LEFT = "Left alone"
    AFTERWARDS = "Remove this once the standby's `pulumi up` says that its link is Ready"


@dataclass(frozen=True, kw_only=True)
class Note:
    """One thing, with the command that does what it says."""

    head: Head
    text: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What a standby must know of its primary's settings; None where they cannot be read."""

    rotation: int | None = None
    routing_prefix: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """What every rule looks at.

    Attributes:
        stack: the stack as it was typed, with or without organization and project: so it goes into each command.
        project: name of the project.
        settings: its settings.
        found: what stands.
        state: what the stack has made or imported already.
        peer: of a standby, its primary.
    """

    stack: str
    project: str
    settings: Settings
    found: Found
    state: State = field(default_factory=State)
    peer: Peer = field(default_factory=Peer)

    @property
    def namespace(self) -> str:
        """Of the Skupper site."""
        return self.settings.cluster.namespace

    def made(self, kind: str, object_id: str) -> bool:
        """Whether something of that kind and id is this stack's already."""
        return any(one.type.rpartition(":")[2] == kind and one.id == object_id for one in self.state.resources)

    def stands(self, kind: str, name: str, namespace: str = "") -> Item | None:
        """An object that exists and is not this stack's already; in the site's namespace unless another is given."""
        found = self.found.item(kind, name, namespace or self.namespace)
        return None if found is None or self.made(kind, f"{found.namespace}/{name}") else found

    def cli(self, *arguments: str, namespace: str = "") -> str:
        """A command on the stack's cluster."""
        program = "oc" if self.settings.cluster.platform == "openshift" else "kubectl"
        words = [program, "--context", self.settings.cluster.context, "-n", namespace or self.namespace, *arguments]
        return shlex.join(words)

    def vault(self, command: str, *arguments: str, login: bool = False) -> str:
        """A command on Vault, in the namespace of the KV mount, or in that of the `login`."""
        vault = self.settings.vault
        namespace = (login and vault.auth_namespace) or vault.namespace
        within = [f"-namespace={namespace}"] if namespace else []
        return shlex.join(["vault", *command.split(), *within, *arguments])

    def set(self, key: str, value: str, *, stack: str = "") -> str:
        """The command that sets a key below `rhsi:`."""
        return shlex.join(["pulumi", "config", "set", "--path", f"rhsi:{key}", value, "-s", stack or self.stack])
