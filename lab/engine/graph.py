"""Which resource needs which, and in what order resources can be deleted.

Source: pulumi:pkg/resource/graph/dependency_graph.go and `ScheduleDeletes` in pkg/resource/deploy/step_generator.go.
"""

from collections.abc import Sequence, Set

from lab.engine.state import Resource


class DependencyGraph:
    """The needs of a list of resources in which each follows everything it needs.

    Several resources may share a URN (one of them waits for its deletion); of those before it, a resource needs all.
    """

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = list(resources)
        self._index = {id(resource): index for index, resource in enumerate(self._resources)}

    def __contains__(self, resource: Resource) -> bool:
        return id(resource) in self._index

    def depending_on(
        self, resource: Resource, *, ignore: Set[str] = frozenset(), children: bool = False
    ) -> list[Resource]:
        """Everything that needs the resource, directly or not, in order; with `children` what it is parent of, too."""
        needed = {resource.urn}
        found = []
        for candidate in self._resources[self._index[id(resource)] + 1 :]:
            if candidate.urn in ignore:
                continue
            if candidate.requirements() & needed or (children and candidate.parent in needed):
                found.append(candidate)
                needed.add(candidate.urn)
        return found

    def dependencies_of(self, resource: Resource) -> list[Resource]:
        """What the resource needs directly: dependencies (a component with all that is in it), provider, parent."""
        wanted = resource.requirements()
        position = self._index[id(resource)]
        before = self._resources[:position]
        found = []
        components: set[str] = set()
        for candidate in before:
            if candidate.urn in wanted or candidate.urn == resource.parent or candidate.parent in components:
                found.append(candidate)
            if not candidate.custom and (candidate.urn in wanted or candidate.parent in components):
                components.add(candidate.urn)
        return found


def deletion_order(condemned: Sequence[Resource], graph: DependencyGraph) -> list[list[Resource]]:
    """Groups of resources to delete one after the other; within a group the order does not matter."""
    remaining = list(condemned)
    groups: list[list[Resource]] = []
    while remaining:
        left = {id(resource) for resource in remaining}
        group = [
            resource
            for resource in remaining
            if not any(id(needed) in left for needed in graph.dependencies_of(resource))
        ]
        groups.insert(0, group)
        taken = {id(resource) for resource in group}
        remaining = [resource for resource in remaining if id(resource) not in taken]
    return groups
