"""What a replacement brings with it: the option `replace_on_changes`, and dependents that must go first.

Source: `applyReplaceOnChanges`, `calculateDependentReplacements` in pulumi:pkg/resource/deploy/step_generator.go.
"""

from collections.abc import Set
from dataclasses import replace as changed

from lab.engine import paths
from lab.engine import urn as urns
from lab.engine.providers.base import Diff, Request
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.values import UNKNOWN


def replace_on_changes(diff: Diff, options: list[str], *, unhealthy: bool) -> Diff:
    """The difference with the resource option `replace_on_changes` applied; `*` also replaces an unhealthy resource."""
    wanted = [paths.parse(option) for option in options]
    forced = [path for path in diff.detailed if any(paths.contains(option, paths.parse(path)) for option in wanted)]
    if unhealthy and any(paths.contains(option, ("#initerror",)) for option in wanted):
        forced.append("#initerror")
    if not forced:
        return diff
    detailed = {p: k if p not in forced or k.endswith("-replace") else f"{k}-replace" for p, k in diff.detailed.items()}
    return changed(diff, changes=True, replace=[*diff.replace, *forced], detailed=detailed)


def dependents(run: Run, registered: Set[str], root: Resource) -> list[Resource]:
    """What cannot outlive `root`: resources that its replacement would replace as well, in dependency order.

    That is asked of their providers, with every input unknown that comes from a replaced resource. Whatever was
    `registered` before cannot depend on it.
    """
    gone = {root.urn}
    found: list[Resource] = []
    candidates = run.graph.depending_on(root, ignore=registered) if root in run.graph else []
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
