"""The steps that delete.

Source: pulumi:pkg/resource/deploy/step.go.
"""

from collections.abc import Set
from dataclasses import dataclass

from lab.engine.providers.base import ProviderError, Request
from lab.engine.run import Run
from lab.engine.state import Operation
from lab.engine.steps import Step


class ProtectedError(ProviderError):
    """The resource is protected from deletion."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f'resource "{urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove '
            "the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect '{urn}'`"
        )


@dataclass(eq=False)
class DeleteStep(Step):
    """Delete a resource. `others` are the URNs that are deleted in this run, for `deleted_with`."""

    others: Set[str] = frozenset()

    op = "delete"
    pending = "deleting"

    @property
    def shown(self) -> str:
        """A resource of somebody else is not deleted but discarded."""
        return self.op.replace("delete", "discard") if self.resource.external else self.op

    def perform(self, run: Run) -> None:
        """Ask the provider, unless the resource is not ours, is to be kept, or goes with another."""
        old = self.resource
        self.refuse_protected()
        kept = old.external or old.retain_on_delete or (old.deleted_with and old.deleted_with in self.others)
        if run.options.preview or kept or not old.custom:
            return
        run.registry.serving(old).delete(
            Request(
                urn=old.urn,
                id=old.id,
                olds=old.inputs,
                outputs=old.outputs,
                timeout=old.custom_timeouts.get("delete", 0),
            )
        )

    def refuse_protected(self) -> None:
        """Protected resources stay."""
        if self.resource.protect:
            raise ProtectedError(self.urn)

    def note(self, run: Run, operation: Operation | None) -> None:
        """The resource is gone."""
        run.snapshot.end(operation, drop=self.old)


class DeleteReplacedStep(DeleteStep):
    """Delete what was replaced."""

    op = "delete-replaced"
    logical = False

    def refuse_protected(self) -> None:
        """The planner has looked at it."""


class DeleteForReplacementStep(DeleteReplacedStep):
    """Delete a resource to make room for its replacement; until that exists the state remembers it as deleted."""

    def perform(self, run: Run) -> None:
        """Ask the provider."""
        super().perform(run)
        self.resource.pending_replacement = True

    def note(self, run: Run, operation: Operation | None) -> None:
        """The resource waits for its replacement."""
        run.snapshot.end(operation)


class RemovePendingReplaceStep(Step):
    """Forget a resource that was deleted to be replaced and is no longer wanted."""

    op = "remove-pending-replace"
    logical = False

    def perform(self, run: Run) -> None:
        """Nothing exists."""

    def note(self, run: Run, operation: Operation | None) -> None:
        """Forget it."""
        run.snapshot.end(operation, drop=self.old)
