"""A second environment beside the first one: two more stacks on the same clusters and the same Vault.

Their sites are in namespaces of their own, for a namespace has one owner; everything else a test chooses, such as
another mount, a prefix, or the very names of the first pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.lab.checkout import Checkout, Result

PRIMARY, STANDBY = "other-a", "other-b"
NAMESPACE = "rhsi-other"


@dataclass(frozen=True)
class SecondPair:
    """The two stacks of a checkout that has the first two; their names are fixed, so there is one at a time."""

    checkout: Checkout

    @classmethod
    def add(
        cls,
        checkout: Checkout,
        *,
        site: str = "site-b",
        namespace: str = NAMESPACE,
        vault: Mapping[str, object],
        auth_path: str = "kubernetes-other",
    ) -> "SecondPair":
        """Write the stack files, after those of the first pair.

        Args:
            checkout: with the first pair.
            site: of the standby, by default the same one as in the first pair.
            namespace: of both sites.
            vault: what `rhsi:vault` says on both sides, such as `mount`, `prefix`; `manageMount` on the primary only.
            auth_path: the standby's auth mount; the default of its site is the first one's.
        """
        _copy(checkout, "site-a", PRIMARY)
        _copy(checkout, "site-b", STANDBY)
        checkout.change(PRIMARY, "standbys", {site: {"rotation": 1}})
        checkout.change(STANDBY, "site", site)
        checkout.change(STANDBY, "primaryStack", PRIMARY)
        checkout.change(STANDBY, "vault.authPath", auth_path)
        for stack in (PRIMARY, STANDBY):
            checkout.change(stack, "cluster.namespace", namespace)
            for key, value in vault.items():
                if stack == PRIMARY or key != "manageMount":
                    checkout.change(stack, f"vault.{key}", value)
        return cls(checkout)

    def run(self, action: str, stack: str, *arguments: str) -> Result:
        """As `Checkout.run`."""
        return self.checkout.run(action, stack, *arguments)

    def up(self) -> None:
        """Bring both up."""
        self.checkout.up(PRIMARY, STANDBY)

    def destroy(self) -> None:
        """Destroy both, the standby first."""
        self.checkout.destroy(STANDBY, PRIMARY)

    def remove(self) -> None:
        """Destroy what stands, whatever state it is in, and forget the stack files."""
        for stack in (STANDBY, PRIMARY):
            self.checkout.pulumi("cancel", "--yes", "--stack", stack)
            self.checkout.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack)
        self.destroy()
        for stack in (STANDBY, PRIMARY):
            (self.checkout.root / f"Pulumi.{stack}.yaml").unlink()


def _copy(checkout: Checkout, stack: str, new: str) -> None:
    content: dict[str, Any] = yaml.safe_load((checkout.root / f"Pulumi.{stack}.yaml").read_text())
    (checkout.root / f"Pulumi.{new}.yaml").write_text(yaml.safe_dump(content))
