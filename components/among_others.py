"""Objects of kinds that other people make in the same namespace too, as beside a Skupper Site of theirs.

The namespace's claim does not tell who made what is in it before: such an object is created and never taken over, and
says whose it is, so that a run that was killed finds its own again.
"""

from dataclasses import dataclass

import pulumi

from components.owner import OWNER_ANNOTATION


@dataclass(frozen=True, kw_only=True)
class AmongOthers:
    """This stack among others: its name, and a provider that creates what does not exist and refuses what does."""

    stack: str
    creating: pulumi.ProviderResource

    @property
    def annotations(self) -> dict[str, str]:
        """Whose an object is; of its own the stack keeps the say, also after somebody's change by hand."""
        return {OWNER_ANNOTATION: self.stack, "pulumi.com/patchForce": "true"}
