"""The lab that a test is given."""

from dataclasses import dataclass, field
from pathlib import Path

from kubernetes.dynamic import DynamicClient

from lab.environment import Environment
from lab.home import Home
from lab.kube import connect


@dataclass(frozen=True)
class Lab:
    """A running lab with every part."""

    home: Home
    environment: Environment
    kubeconfig: Path
    contexts: tuple[str, ...]
    vault_addr: str
    vault_token: str = field(repr=False)
    vault_cacert: Path

    def connect(self, context: str) -> DynamicClient:
        """The administrator's client for one of its clusters."""
        return connect(context, str(self.kubeconfig))
