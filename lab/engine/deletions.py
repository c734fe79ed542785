"""What is deleted at the end of a run, or by `destroy`.

Source: `GenerateDeletes` in pulumi:pkg/resource/deploy/step_generator.go, `--exclude-protected` in pkg/cmd/pulumi.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.engine import graph
from lab.engine import urn as urns
from lab.engine.removal import DeleteReplacedStep, DeleteStep, RemovePendingReplaceStep
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.steps import Step

if TYPE_CHECKING:
    from lab.engine.planner import Planner


def final_deletions(run: Run, planner: "Planner") -> list[list[Step]]:
    """The steps that delete what the program no longer has and what was replaced; each group may run in parallel."""
    steps: dict[int, Step] = {}
    for resource in run.base:
        if not run.options.targeted(resource.urn) or (resource.delete and id(resource) in planner.deleted_early):
            continue
        if resource.delete:
            step: Step = DeleteReplacedStep(resource, None, others=planner.deleted)
        elif planner.touched.get(planner.new_urn_of.get(resource.urn, resource.urn), "create") != "create":
            continue
        elif resource.pending_replacement:
            step = RemovePendingReplaceStep(resource, None)
        else:
            step = DeleteStep(resource, None, others=planner.deleted)
        planner.deleted.add(resource.urn)
        run.ensure_provider(resource)
        if urns.is_provider(resource.type):
            run.registry.ensure(resource)
        steps[id(resource)] = step
    condemned = [resource for resource in run.base if id(resource) in steps]
    return [[steps[id(resource)] for resource in group] for group in graph.deletion_order(condemned, run.graph)]


def all_deletions(run: Run, keep: Sequence[Resource]) -> list[list[Step]]:
    """The steps that delete the whole stack but `keep`."""
    kept = {id(resource) for resource in keep}
    condemned = [r for r in run.base if id(r) not in kept and run.options.targeted(r.urn)]
    others = {resource.urn for resource in condemned}
    steps: dict[int, Step] = {}
    for resource in condemned:
        run.ensure_provider(resource)
        if urns.is_provider(resource.type):
            run.registry.ensure(resource)
        kind = RemovePendingReplaceStep if resource.pending_replacement else None
        steps[id(resource)] = kind(resource, None) if kind else DeleteStep(resource, None, others=others)
    return [[steps[id(resource)] for resource in group] for group in graph.deletion_order(condemned, run.graph)]


def protected_with_needs(run: Run) -> list[Resource]:
    """Protected resources and everything they need: what `--exclude-protected` leaves alone."""
    kept: dict[int, Resource] = {}

    def keep(resource: Resource) -> None:
        if id(resource) not in kept:
            kept[id(resource)] = resource
            for needed in run.graph.dependencies_of(resource):
                keep(needed)

    for resource in run.base:
        if resource.protect and not resource.delete:
            keep(resource)
    return list(kept.values())
