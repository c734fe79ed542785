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
from ops.project import short_name
from ops.stacks import State
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
        environment: variables of the run.
        cluster: its cluster; raises ClusterError where the kubeconfig lacks it.
        vault: Vault, as the program writes secrets.
        login: Vault, as the program makes the way in.
        state: what it has made; empty where it does not exist.
        outputs: its outputs; none where it does not exist.
    """

    def __init__(
        self, project: Path, stack: str, settings: Settings, environment: Mapping[str, str], *, exists: bool = True
    ) -> None:
        self.project, self.stack, self.settings, self.environment = project, stack, settings, environment
        self.exists = exists
        self.cluster = Once(lambda: Cluster(settings.cluster.context, environment.get("KUBECONFIG", "")))
        self.vault: Once[Vault] = Once(lambda: kv_vault(settings, environment))
        self.login: Once[Vault] = Once(lambda: login_vault(settings, environment))
        self.state: Once[State] = Once(lambda: stacks.state(project, stack) if exists else State())
        self.outputs: Once[dict[str, Any]] = Once(lambda: stacks.outputs(project, stack) if exists else {})
        self.peers: Mapping[str, Scene] = {}

    @property
    def primary(self) -> "Scene | None":
        """The scene of a standby's primary, where its stack can be read."""
        return self.peers.get(short_name(self.settings.primary_stack))

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
