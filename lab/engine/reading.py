"""The steps that look: at resources of others, and at our own as they really are.

Source: pulumi:pkg/resource/deploy/step.go.
"""

from lab.engine import urn as urns
from lab.engine.providers.base import Diff, InitError, ProviderError, Request
from lab.engine.run import Run
from lab.engine.state import Operation, Resource, now
from lab.engine.steps import Step
from lab.engine.urn import UNKNOWN_ID


class ReadStep(Step):
    """Look at a resource that somebody else owns; in a preview as well, unless its id is not known yet."""

    op = "read"
    pending = "reading"

    def perform(self, run: Run) -> None:
        """Ask the provider."""
        new = self.resource
        if new.id == UNKNOWN_ID:
            new.outputs = {}
            return
        request = Request(urn=new.urn, id=new.id, olds=new.inputs, outputs=new.inputs)
        found = run.registry.serving(new).read(request)
        if found is None:
            raise ProviderError(f"resource '{new.id}' does not exist")
        new.outputs = dict(found.outputs)
        if self.old is not None:
            new.created, new.modified = self.old.created, self.old.modified

    def note(self, run: Run, operation: Operation | None) -> None:
        """The new state takes the old one's place."""
        run.snapshot.end(operation, add=self.new, drop=self.old)


class ReadReplacementStep(ReadStep):
    """Look at a resource in the place of one that was ours; that one is deleted at the end."""

    op = "read-replacement"
    logical = False

    def note(self, run: Run, operation: Operation | None) -> None:
        """The old one must go."""
        if self.old is not None:
            self.old.delete = True
        run.snapshot.end(operation, add=self.new)


class RefreshStep(Step):
    """Compare a resource of the state with what it really is; `new` is the result, or None if it is gone."""

    op = "refresh"

    @property
    def outcome(self) -> str:
        """Same, update or delete."""
        if self.new is None:
            return "delete"
        return "update" if self.diff.changes else "same"

    def perform(self, run: Run) -> None:
        """Ask the provider. Components, providers and what waits for its replacement never differ."""
        if self.old is None:
            raise AssertionError("a refresh has an old state")
        old = self.old
        if not old.custom or urns.is_provider(old.type) or old.pending_replacement:
            self.new = old
            return
        provider = run.registry.serving(old)
        reasons: list[str] = []
        try:
            found = provider.read(Request(urn=old.urn, id=old.id, olds=old.inputs, outputs=old.outputs))
            if found is None:
                self.new = None
                return
            id_, inputs, outputs = found.id, found.inputs, found.outputs
        except InitError as error:
            id_, inputs, outputs, reasons = error.id, error.inputs, error.outputs, error.reasons
            lines = "\n* ".join(reasons)
            run.events.diagnostic(old.urn, "warning", f"Refreshed resource is in an unhealthy state:\n* {lines}")
        new = old.copy()
        new.id, new.init_errors = id_, reasons
        new.inputs = old.inputs if inputs is None or old.external else dict(inputs)
        new.outputs = dict(outputs)
        self.new = new
        self._compare(run, old, new)

    def _compare(self, run: Run, old: Resource, new: Resource) -> None:
        if old.external:
            self.diff = Diff(changes=old.outputs != new.outputs)
        else:
            request = Request(
                urn=new.urn,
                id=new.id,
                olds=new.inputs,
                outputs=new.outputs,
                news=old.inputs,
                ignore_changes=old.ignore_changes,
                preview=True,
            )
            self.diff = run.registry.serving(old).diff(request)
        if self.diff.changes or old.outputs != new.outputs:
            new.modified = now()

    def note(self, run: Run, operation: Operation | None) -> None:
        """The run puts all results into the state at once."""
