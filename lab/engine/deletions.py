"""What must be deleted: together with a resource that makes room for its replacement, and at the end of a run.

Source: `calculateDependentReplacements`, `GenerateDeletes` in pulumi:pkg/resource/deploy/step_generator.go.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.engine import graph
from lab.engine import urn as urns
from lab.engine.providers.base import Request
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.steps import DeleteReplacedStep, DeleteStep, RemovePendingReplaceStep, Step
from lab.engine.values import UNKNOWN

if TYPE_CHECKING:
    from lab.engine.planner import Planner


def dependent_replacements(run: Run, planner: "Planner", root: Resource) -> list[Resource]:
    """What cannot outlive `root`: resources that its replacement would replace as well, in dependency order.

    That is asked of their providers, with every input unknown that comes from a replaced resource. Whatever was registered
    before cannot depend on it.
    """
    from lab.engine.planner import replace_on_changes  # noqa: PLC0415 - the planner uses this module

    gone = {root.urn}
    found: list[Resource] = []
    candidates = run.graph.depending_on(root, ignore=planner.touched.keys()) if root in run.graph else []
    for resource in candidates:
        if not resource.custom or resource.external:
            continue
        if resource.provider_urn in gone or resource.deleted_with in gone:
            gone.add(resource.urn)
            found.append(resource)
            continue
        affected = {key for key, needs in resource.property_dependencies.items() if gone & set(needs)}
        if not affected & resource.inputs.keys():
            continue
        if urns.is_provider(resource.type):
            run.registry.ensure(resource)
        run.ensure_provider(resource)
        news = {key: UNKNOWN if key in affected else value for key, value in resource.inputs.items()}
        diff = run.registry.serving(resource).diff(
            Request(
                urn=resource.urn,
                id=resource.id,
                olds=resource.inputs,
                outputs=resource.outputs,
                news=news,
                ignore_changes=resource.ignore_changes,
                preview=True,
            )
        )
        if replace_on_changes(diff, resource.replace_on_changes, unhealthy=False).replace:
            gone.add(resource.urn)
            found.append(resource)
    found += [
        resource
        for resource in run.olds.values()
        if root.urn in (resource.deleted_with, *resource.replace_with) and resource not in found
    ]
    return found


def final_deletions(run: Run, planner: "Planner") -> list[list[Step]]:
    """The steps that delete what the program no longer has and what was replaced, in groups that may run in parallel."""
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
