"""The steps that a run consists of: each does one thing to one resource, and notes it in the snapshot.

Source: pulumi:pkg/resource/deploy/step.go and step_executor.go (`continueExecuteStep`).
"""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import ClassVar

from lab.engine import urn as urns
from lab.engine.providers.base import Diff, InitError, ProviderError, Request
from lab.engine.run import Run
from lab.engine.state import Operation, Resource, now
from lab.engine.urn import UNKNOWN_ID
from lab.engine.values import Secret, secret


class ProtectedError(ProviderError):
    """The resource is protected from deletion."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f'resource "{urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the '
            "`protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect '{urn}'`"
        )


@dataclass(eq=False)
class Step:
    """One step. `diff` says why, for displays.

    `pending` is what the state calls the operation while it runs; `logical` steps are those that a summary counts.
    """

    old: Resource | None
    new: Resource | None
    diff: Diff = field(default_factory=Diff)

    op: ClassVar[str] = ""
    pending: ClassVar[str] = ""
    logical: ClassVar[bool] = True

    @property
    def resource(self) -> Resource:
        """What the step is about: the new state, else the old one."""
        found = self.new or self.old
        if found is None:
            raise AssertionError("a step has a resource")
        return found

    @property
    def urn(self) -> str:
        """Of the resource."""
        return self.resource.urn

    @property
    def outcome(self) -> str:
        """The operation that a summary counts."""
        return self.op

    def execute(self, run: Run) -> None:
        """Do it, and write the state before and after.

        Raises:
            ProviderError: nothing was done.
            InitError: it was done, but the resource is not as it should be.
        """
        operation = run.snapshot.begin(self.pending, self.resource) if self.pending else None
        try:
            self.perform(run)
        except InitError:
            self._mark_secrets()
            self.note(run, operation)
            raise
        except BaseException:
            run.snapshot.end(operation)
            raise
        self._mark_secrets()
        self.note(run, operation)

    def perform(self, run: Run) -> None:
        """Do it."""
        raise NotImplementedError

    def note(self, run: Run, operation: Operation | None) -> None:
        """Write the state afterwards."""
        raise NotImplementedError

    def _mark_secrets(self) -> None:
        """Outputs that were named secret, or whose input is, are secret before anything is written."""
        if self.new is None:
            return
        for key in self.new.additional_secret_outputs:
            if key in self.new.outputs:
                self.new.outputs[key] = secret(self.new.outputs[key])
        for key, value in self.new.inputs.items():
            if isinstance(value, Secret) and key in self.new.outputs:
                self.new.outputs[key] = secret(self.new.outputs[key])


def _pair(step: Step) -> tuple[Resource, Resource]:
    if step.old is None or step.new is None:
        raise AssertionError("the step needs both states")
    return step.old, step.new


class SameStep(Step):
    """Nothing to do; options of the resource may have changed."""

    op = "same"

    def perform(self, run: Run) -> None:
        """Carry everything over."""
        old, new = _pair(self)
        new.id, new.created, new.modified = old.id, old.created, old.modified
        new.outputs = dict(old.outputs)
        if urns.is_provider(new.type):
            run.registry.ensure(new)

    def note(self, run: Run, operation: Operation | None) -> None:  # noqa: ARG002 - nothing was pending
        """The new state takes the old one's place."""
        old, new = _pair(self)
        run.snapshot.same(old, new)


class SkippedCreateStep(Step):
    """A new resource that is no target: it is not made, and the state does not hear of it."""

    op = "same"

    def perform(self, run: Run) -> None:
        """Nothing."""

    def note(self, run: Run, operation: Operation | None) -> None:
        """Nothing."""


class CreateStep(Step):
    """Make a new resource."""

    op = "create"
    pending = "creating"

    def perform(self, run: Run) -> None:
        """Ask the provider."""
        new = self.resource
        new.created = new.modified = now()
        if not new.custom:
            return
        request = Request(
            urn=new.urn,
            news=new.inputs,
            timeout=new.custom_timeouts.get("create", 0),
            preview=run.options.preview,
        )
        try:
            new.id, outputs = run.registry.serving(new).create(request)
            new.outputs = dict(outputs)
        except InitError as error:
            new.id, new.outputs, new.init_errors = error.id, dict(error.outputs), error.reasons
            self.created(run)
            raise
        self.created(run)

    def created(self, run: Run) -> None:
        """Called as soon as the resource exists."""

    def note(self, run: Run, operation: Operation | None) -> None:
        """The resource is there; what was deleted to make room for it is forgotten."""
        replaced = self.old if self.old is not None and self.old.pending_replacement else None
        run.snapshot.end(operation, add=self.new, drop=replaced)


class CreateReplacementStep(CreateStep):
    """Make a resource that takes the place of another; unless that is gone already it is deleted at the end."""

    op = "create-replacement"
    logical = False

    def created(self, run: Run) -> None:  # noqa: ARG002 - as in CreateStep
        """The old one must go."""
        if self.old is not None and not self.old.pending_replacement:
            self.old.delete = True


class ReplaceStep(Step):
    """Stands for the whole replacement in summaries."""

    op = "replace"

    def perform(self, run: Run) -> None:
        """Nothing."""

    def note(self, run: Run, operation: Operation | None) -> None:
        """Nothing."""

    def _mark_secrets(self) -> None:
        """The create step has done it."""


class UpdateStep(Step):
    """Change a resource in place, or go on with one that was not as it should be."""

    op = "update"
    pending = "updating"

    def perform(self, run: Run) -> None:
        """Ask the provider."""
        old, new = _pair(self)
        new.id, new.created, new.modified = old.id, old.created, now()
        if not new.custom:
            new.outputs = dict(old.outputs)
            return
        request = Request(
            urn=new.urn,
            id=old.id,
            olds=old.inputs,
            outputs=old.outputs,
            news=new.inputs,
            timeout=new.custom_timeouts.get("update", 0),
            ignore_changes=new.ignore_changes,
            preview=run.options.preview,
        )
        try:
            new.outputs = dict(run.registry.serving(new).update(request))
        except InitError as error:
            new.outputs, new.init_errors = dict(error.outputs), error.reasons
            raise

    def note(self, run: Run, operation: Operation | None) -> None:
        """The new state takes the old one's place."""
        run.snapshot.end(operation, add=self.new, drop=self.old)


@dataclass(eq=False)
class DeleteStep(Step):
    """Delete a resource. `others` are the URNs that are deleted in this run, for `deleted_with`."""

    others: Set[str] = frozenset()

    op = "delete"
    pending = "deleting"

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
