"""Which steps a registration leads to.

Follows pulumi:pkg/resource/deploy/step_generator.go. One registration is planned at a time, in the order in which the
program's requests arrive; the steps of different registrations run in parallel.
"""

import threading
from dataclasses import replace as changed

from lab.engine import paths, replacement
from lab.engine import urn as urns
from lab.engine.goal import Goal, alias_urns
from lab.engine.providers.base import CheckFailure, Diff, Provider, Request
from lab.engine.reading import ReadReplacementStep, ReadStep
from lab.engine.removal import DeleteForReplacementStep, DeleteReplacedStep
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.steps import (
    CreateReplacementStep,
    CreateStep,
    ReplaceStep,
    SameStep,
    SkippedCreateStep,
    Step,
    UpdateStep,
)
from lab.engine.urn import UNKNOWN_ID
from lab.engine.values import copy, has_unknown, mask, reveal


class PlanError(Exception):
    """The registration cannot be carried out; everything about it has been reported."""


class Planner:
    """Plans one run. What has happened to which URN so far is public for `deletions`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.lock = threading.RLock()
        self.seen: set[str] = set()
        self.touched: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.deleted_early: set[int] = set()
        self.new_urn_of: dict[str, str] = {}
        self._former: dict[str, str] = {}
        self._root = ""
        self._skipped: set[str] = set()

    def _fail(self, urn: str, text: str) -> PlanError:
        self._run.error(urn, text)
        return PlanError(text)

    def urn_for(self, goal: Goal) -> tuple[str, Goal]:
        """The registration's URN, and the goal with the stack as parent where none is named."""
        name = self._run.name
        if not goal.parent and goal.type != urns.STACK_TYPE and not urns.is_provider(goal.type):
            goal = changed(goal, parent=self._root)
        urn = urns.make(name.stack, name.project, goal.parent, goal.type, goal.name)
        if urn in self.seen:
            raise self._fail(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.seen.add(urn)
        if goal.type == urns.STACK_TYPE:
            self._root = urn
        return urn, goal

    def _find_old(self, urn: str, goal: Goal) -> Resource | None:
        name = self._run.name
        for candidate in (urn, *alias_urns(goal, name.stack, name.project, self._former)):
            old = self._run.olds.get(candidate)
            if old is None:
                continue
            if candidate != urn:
                if candidate in self.seen or candidate in self.new_urn_of:
                    raise self._fail(
                        urn, f"Duplicate resource alias '{candidate}' applied to resource with URN '{urn}'"
                    )
                self.new_urn_of[candidate] = urn
                self._former[urn] = candidate
            return old
        return None

    def plan(self, goal: Goal) -> list[Step]:
        """The steps for a registration.

        Raises:
            PlanError: its inputs are refused, its URN is taken, or it would delete something protected.
            ProviderError: a provider failed.
        """
        urn, goal = self.urn_for(goal)
        old = self._find_old(urn, goal)
        new = goal.resource(urn)
        new.aliases = [self._former[urn]] if urn in self._former else []
        provider = self._run.registry.serving(new) if new.custom else None
        recreating = urn in self.deleted
        fresh = recreating or old is None or old.external or self._must_replace(old)
        targeted = self._run.options.targeted(urn)
        if old is not None and not targeted:
            return [self._touch("same", SameStep(old, _untouched(old, urn)))]
        if not targeted:
            self._skipped.add(urn)
            return [self._touch("same", SkippedCreateStep(None, new))]
        self._refuse_skipped(new)
        new.inputs = self._check(provider, new, goal, None if fresh else old)
        if old is None:
            return [self._touch("create", CreateStep(None, new))]
        if recreating:
            self.deleted.discard(urn)
            return self._replacement(old, new, Diff())
        if old.external:
            return [self._touch("create", CreateReplacementStep(old, new)), ReplaceStep(old, new)]
        return self._plan_change(old, new, goal, provider)

    def _refuse_skipped(self, new: Resource) -> None:
        for missing in new.requirements() & self._skipped:
            text = f"Resource '{new.urn}' depends on '{missing}' which was was not specified in --target list."
            raise self._fail(new.urn, text)

    def _must_replace(self, old: Resource | None) -> bool:
        return old is not None and self._run.options.must_replace(old.urn)

    def _touch(self, how: str, step: Step) -> Step:
        self.touched[step.urn] = how
        return step

    def _check(self, provider: Provider | None, new: Resource, goal: Goal, old: Resource | None) -> dict[str, object]:
        """The inputs with ignored changes taken back and the provider's defaults, from the old ones or afresh."""
        inputs = goal.inputs
        if old is not None and goal.ignore_changes:
            inputs = copy(inputs)
            refused = [text for text in goal.ignore_changes if not paths.reset(old.inputs, inputs, paths.parse(text))]
            if refused:
                text = f'cannot ignore changes in added or removed elements of the path: "{", ".join(refused)}"'
                self._run.events.diagnostic(new.urn, "info", text)
        if provider is None:
            return inputs
        olds = old.inputs if old is not None else None
        result = provider.check(Request(urn=new.urn, olds=olds, news=inputs, preview=self._run.options.preview))
        for failure in result.failures:
            self._run.error(new.urn, _refusal(new, inputs, failure))
        if result.failures:
            raise PlanError(f"resource {new.urn} is invalid")
        return result.inputs

    def _plan_change(self, old: Resource, new: Resource, goal: Goal, provider: Provider | None) -> list[Step]:
        triggered = self._triggered(old, new)
        diff = Diff(changes=True) if triggered else self._difference(old, new, provider)
        diff = replacement.replace_on_changes(diff, goal.replace_on_changes, unhealthy=bool(old.init_errors))
        if (diff.changes and (diff.replace or triggered)) or old.pending_replacement:
            return self._plan_replacement(old, new, goal, provider, diff)
        if diff.changes or old.init_errors:
            return [self._touch("update", UpdateStep(old, new, diff))]
        return [self._touch("same", SameStep(old, new))]

    def _triggered(self, old: Resource, new: Resource) -> bool:
        """A trigger replaces when it had a value and has another one."""
        if has_unknown(new.replacement_trigger) and not self._run.options.preview:
            raise self._fail(new.urn, f"replacement trigger contains unknowns for {new.urn}")
        if old.replacement_trigger is None or new.replacement_trigger is None:
            return False
        return has_unknown(new.replacement_trigger) or reveal(old.replacement_trigger) != reveal(
            new.replacement_trigger
        )

    def _difference(self, old: Resource, new: Resource, provider: Provider | None) -> Diff:
        if self._must_replace(old):
            return Diff(True, ["id"])
        for name, urn in [("replaceWith", urn) for urn in new.replace_with] + [("deletedWith", new.deleted_with)]:
            if self.touched.get(urn) == "replace":
                return Diff(True, [name])
        if self._provider_replaced(old, new):
            return Diff(True, ["provider"])
        if provider is None:
            return Diff(changes=old.inputs != new.inputs)
        return provider.diff(
            Request(
                urn=new.urn,
                id=old.id,
                olds=old.inputs,
                outputs=old.outputs,
                news=new.inputs,
                ignore_changes=new.ignore_changes,
                preview=self._run.options.preview,
            )
        )

    def _provider_replaced(self, old: Resource, new: Resource) -> bool:
        """Whether another provider serves the resource now, one that cannot manage what the old one made."""
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, new_urn = old.provider_urn, new.provider_urn
        if self.new_urn_of.get(old_urn) == new_urn:
            return False
        old_provider = self._run.olds.get(old_urn)
        return old_provider is None or bool(self._run.registry.diff_references(old_provider, new_urn).replace)

    def _plan_replacement(
        self, old: Resource, new: Resource, goal: Goal, provider: Provider | None, diff: Diff
    ) -> list[Step]:
        if new.protect and old.protect:
            text = (
                f'unable to replace resource "{new.urn}"\nas it is currently marked for protection. To unprotect the '
                "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
            )
            raise self._fail(new.urn, text)
        if not self._must_replace(old):
            new.inputs = self._check(provider, new, goal, None)
        self._touch("replace", ReplaceStep(old, new))
        first = diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        if not first and not old.pending_replacement:
            return [CreateReplacementStep(old, new, diff), ReplaceStep(old, new, diff)]
        early: list[Step] = []
        for dependent in reversed(replacement.dependents(self._run, self.touched.keys(), old)):
            if id(dependent) in self.deleted_early:
                continue
            if dependent.protect:
                text = (
                    f'unable to replace resource "{dependent.urn}" as part of replacing "{new.urn}" as it is currently '
                    "marked for protection. To unprotect the resource, remove the `protect` flag from the resource in "
                    "your Pulumi program and run `pulumi up`"
                )
                raise self._fail(new.urn, text)
            self._run.ensure_provider(dependent)
            self.deleted.add(dependent.urn)
            self.deleted_early.add(id(dependent))
            # One that is to be deleted anyway is only deleted sooner.
            kind = DeleteReplacedStep if dependent.delete else DeleteForReplacementStep
            early.append(kind(dependent, None, others=self.deleted))
        self._run.ensure_provider(old)
        if not old.pending_replacement:
            early.append(DeleteForReplacementStep(old, None, diff, others={*self.deleted, old.urn}))
        return [*early, *self._replacement(old, new, diff)]

    def _replacement(self, old: Resource, new: Resource, diff: Diff) -> list[Step]:
        """The steps after the old resource is gone."""
        self.touched[new.urn] = "replace"
        return [ReplaceStep(old, new, diff), CreateReplacementStep(old, new, diff)]

    def plan_read(self, goal: Goal, id_: str) -> list[Step]:
        """The steps for a resource that the program only looks at."""
        urn, goal = self.urn_for(goal)
        old = self._run.olds.get(urn)
        new = goal.resource(urn)
        new.external, new.id = True, id_ or UNKNOWN_ID
        if old is not None and not old.external and old.id != id_:
            return [self._touch("replace", ReadReplacementStep(old, new)), ReplaceStep(old, new)]
        return [self._touch("read", ReadStep(old, new))]


def _untouched(old: Resource, urn: str) -> Resource:
    same = old.copy()
    same.urn = urn
    return same


def _refusal(new: Resource, inputs: dict[str, object], failure: CheckFailure) -> str:
    if not failure.property:
        return f"{new.type} resource '{new.name}' has a problem: {failure.reason}"
    value = mask(inputs.get(failure.property))
    where = f"{new.type} resource '{new.name}': property {failure.property} value {{{value}}}"
    return f"{where} has a problem: {failure.reason}"
