"""The state of a stack while a run changes it: written whenever an operation begins or ends.

What the run has produced comes first, in the order in which it was finished, then what it has not reached yet; so a run
that dies leaves a state from which the next one can go on. Source: pulumi:pkg/backend/snapshot.go.
"""

import threading
from collections.abc import Callable

from lab.engine import urn as urns
from lab.engine.state import Deployment, Operation, Resource


class Snapshot:
    """Tracks one run. `save` gets the state after every change that matters; a preview passes one that does nothing."""

    def __init__(self, base: Deployment, save: Callable[[Deployment], None]) -> None:
        self._base = list(base.resources)
        # Interrupted creates cannot be told from creates that never happened; they stay until somebody has looked.
        self._pending = [operation for operation in base.pending if operation.type == "creating"]
        self._new: list[Resource] = []
        self._gone: set[int] = set()
        self._renamed: dict[str, str] = {}
        self._save = save
        self._lock = threading.RLock()
        self._dirty = len(self._pending) != len(base.pending)

    def begin(self, kind: str, resource: Resource) -> Operation:
        """Note that an operation begins."""
        operation = Operation(resource, kind)
        with self._lock:
            self._pending.append(operation)
            self._write()
        return operation

    def end(self, operation: Operation | None, *, add: Resource | None = None, drop: Resource | None = None) -> None:
        """Note that an operation ended: `add` now exists, `drop` no longer does. A failed one does neither."""
        with self._lock:
            if operation is not None:
                self._pending.remove(operation)
            self._replace(add, drop)
            self._write()

    def same(self, old: Resource, new: Resource) -> None:
        """Note that a resource is as it was. Only other options (protect, dependencies) make that worth a write."""
        with self._lock:
            self._replace(new, old)
            self._dirty = self._dirty or not old.same_as(new)

    def rebase(self, replaced: dict[int, Resource | None]) -> None:
        """Replace resources of before the run (by identity) with what a refresh found, or with nothing."""
        with self._lock:
            self._base = [new for old in self._base if (new := replaced.get(id(old), old)) is not None]
            self._dirty = True

    def clear_pending(self) -> None:
        """Forget interrupted creates."""
        with self._lock:
            self._dirty = self._dirty or bool(self._pending)
            self._pending.clear()

    def touch(self) -> None:
        """Note that outputs of a resource changed; written with the next operation, or by `flush`."""
        with self._lock:
            self._dirty = True

    def flush(self) -> None:
        """Write what has not been written yet."""
        with self._lock:
            if self._dirty:
                self._write()

    def current(self) -> Deployment:
        """The state as it would be written now."""
        with self._lock:
            kept = [resource for resource in self._base if id(resource) not in self._gone]
            return Deployment([self._fixed(resource) for resource in [*self._new, *kept]], list(self._pending))

    def _replace(self, add: Resource | None, drop: Resource | None) -> None:
        if drop is not None:
            self._gone.add(id(drop))
            self._new = [resource for resource in self._new if resource is not drop]
        if add is not None:
            self._new.append(add)
            self._renamed.update(dict.fromkeys(add.aliases, add.urn))

    def _write(self) -> None:
        self._save(self.current())
        self._dirty = False

    def _fixed(self, resource: Resource) -> Resource:
        """Replace former URNs in what the resource refers to."""
        if not self._renamed:
            return resource

        def fix(urn: str) -> str:
            return self._renamed.get(urn, urn)

        fixed = resource.copy()
        fixed.parent = fix(resource.parent)
        fixed.deleted_with = fix(resource.deleted_with)
        fixed.dependencies = [fix(urn) for urn in resource.dependencies]
        fixed.replace_with = [fix(urn) for urn in resource.replace_with]
        fixed.property_dependencies = {k: [fix(u) for u in v] for k, v in resource.property_dependencies.items()}
        if resource.provider:
            urn, id_ = urns.split_reference(resource.provider)
            fixed.provider = urns.reference(fix(urn), id_)
        return fixed
