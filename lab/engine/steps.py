"""The steps that a run consists of: each does one thing to one resource, and notes it in the snapshot.

Here are those that keep, make and change; `removal` and `reading` have the others.

Source: pulumi:pkg/resource/deploy/step.go and step_executor.go (`continueExecuteStep`).
"""

from dataclasses import dataclass, field
from typing import ClassVar

from lab.engine import urn as urns
from lab.engine.providers.base import Diff, InitError, Request
from lab.engine.run import Run
from lab.engine.state import Operation, Resource, now
from lab.engine.values import Secret, secret


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
    def shown(self) -> str:
        """The operation, for displays."""
        return self.op

    @property
    def outcome(self) -> str:
        """The operation that a summary counts."""
        return self.shown

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


def both(step: Step) -> tuple[Resource, Resource]:
    """The old and the new state of a step that has both."""
    if step.old is None or step.new is None:
        raise AssertionError("the step needs both states")
    return step.old, step.new


class SameStep(Step):
    """Nothing to do; options of the resource may have changed."""

    op = "same"

    def perform(self, run: Run) -> None:
        """Carry everything over."""
        old, new = both(self)
        new.id, new.created, new.modified = old.id, old.created, old.modified
        new.outputs = dict(old.outputs)
        if urns.is_provider(new.type):
            run.registry.ensure(new)

    def note(self, run: Run, operation: Operation | None) -> None:  # noqa: ARG002 - nothing was pending
        """The new state takes the old one's place."""
        old, new = both(self)
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
        old, new = both(self)
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
