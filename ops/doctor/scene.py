"""What the checks of one stack look at: its settings, its state, its cluster and Vault, each read once.

Threads share it. What cannot be read raises the same error for every check that asks for it, so that the report says it
once (running.py).
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from components.settings import Settings
from ops import stacks
from ops.clusters import Cluster
from ops.project import identity
from ops.stacks import StackError, State
from ops.vault import Vault, kv_vault, login_vault

T = TypeVar("T")


class Once(Generic[T]):
    """A value that is read by the first who asks, and kept: or the error."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._value: T | None = None
        self._error: Exception | None = None
        self._known = False

    def __call__(self) -> T:
        """The value.

        Raises:
            Exception: whatever reading it raised.
        """
        with self._lock:
            if not self._known:
                try:
                    self._value = self._read()
                except Exception as error:
                    # Kept for everybody who asks.
                    self._error = error
                self._known = True
        if self._error:
            raise self._error
        return self._value  # type: ignore[return-value]  # known without an error


class Scene:
    """One stack.

    Attributes:
        project: the folder with Pulumi.yaml.
        stack: its name as it was given.
        settings: without mistakes.
        exists: whether the backend has it.
        asked: whether the report is about it; otherwise only others need it.
        unreadable: why the engine could not read it, where that is so: it is not asked for anything else then.
        environment: variables of the run.
        cluster: its cluster; raises ClusterError where the kubeconfig lacks it.
        vault: Vault, as the program writes secrets.
        login: Vault, as the program makes the way in.
        state: what it has made; empty where it does not exist.
        outputs: its outputs; none where it does not exist.
        peers: the other stacks whose settings are known, by `identity`.
    """

    def __init__(
        self,
        project: Path,
        stack: str,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        exists: bool = True,
        asked: bool = True,
        unreadable: StackError | None = None,
    ) -> None:
        self.project, self.stack, self.settings, self.environment = project, stack, settings, environment
        self.exists, self.asked, self.unreadable = exists, asked, unreadable
        self.cluster = Once(lambda: Cluster(settings.cluster.context, environment.get("KUBECONFIG", "")))
        self.vault: Once[Vault] = Once(lambda: kv_vault(settings, environment))
        self.login: Once[Vault] = Once(lambda: login_vault(settings, environment))

        self.state: Once[State] = Once(lambda: self._read(stacks.state, State()))
        self.outputs: Once[dict[str, Any]] = Once(lambda: self._read(stacks.outputs, {}))
        self.peers: Mapping[tuple[str, str], Scene] = {}

    def _read(self, read: Callable[[Path, str], T], without: T) -> T:
        if self.unreadable:
            raise self.unreadable
        return read(self.project, self.stack) if self.exists else without

    @property
    def primary(self) -> "Scene | None":
        """The scene of a standby's primary, where its stack can be read."""
        return self.peers.get(identity(self.project, self.settings.primary_stack))

    @property
    def cli(self) -> str:
        """What a person types to work on this cluster, with its context."""
        program = "oc" if self.settings.cluster.platform == "openshift" else "kubectl"
        return f"{program} --context {self.settings.cluster.context}"

    @property
    def has_own_login(self) -> bool:
        """Whether this stack makes a way into Vault: an account, policy and role."""
        return self.settings.role == "standby" and self.settings.vault.store is None

    def installs(self, part: str) -> bool:
        """Whether this stack has OLM install an operator of `rhsi:operators`."""
        return self.settings.operators.part(part).enabled
