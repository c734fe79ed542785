"""What a preview changes: one change a resource, in the order in which people must read them.

Owns the classification. Reads of existing objects and resources that stay as they are change nothing. What a change
means is `meaning`'s, which values are shown is `values`'.
"""

from dataclasses import dataclass, field
from enum import Enum

from ops.review import values
from ops.review.differences import Difference, differences
from ops.review.preview import Preview, State, Step


class Action(Enum):
    """What becomes of a resource, the gravest first."""

    DELETE = "delete"
    REPLACE = "replace"
    UPDATE = "update"
    CREATE = "create"
    IMPORT = "import"


class Order(Enum):
    """In which order a replacement happens, where the preview tells."""

    OLD_GOES_FIRST = "the old one goes first"
    NEW_COMES_FIRST = "the new one comes first"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one resource.

    Attributes:
        action: what.
        urn: of the resource.
        old: as it is; None for a new one.
        new: as it would be; None for one that goes.
        order: of a replacement; None where the preview does not tell, or for another action.
        differences: the properties that differ; empty for what is created or deleted.
        vanished: whether Pulumi made it before, and it is not there any more.
    """

    action: Action
    urn: str
    old: State | None
    new: State | None
    order: Order | None = None
    differences: tuple[Difference, ...] = field(default=())
    vanished: bool = False

    @property
    def type(self) -> str:
        """The resource's type."""
        state = self.old or self.new
        return state.type if state else ""

    @property
    def kind(self) -> str:
        """The last part of its type, such as `StatefulSet`."""
        return "Provider" if self.type.startswith("pulumi:providers:") else values.key(self.type.rpartition(":")[2])

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def protected(self) -> bool:
        """Whether Pulumi refuses to delete it."""
        return bool(self.old and self.old.protected)

    @property
    def is_component(self) -> bool:
        """Whether it only groups others, and is nothing by itself."""
        state = self.old or self.new
        return state is not None and state.is_component

    @property
    def object_name(self) -> str:
        """`namespace/name` of a Kubernetes object, the path of a secret in Vault; else the logical name."""
        before, after = (_object_name(state) for state in (self.old, self.new))
        if before and after and before != after:
            return f"{before} → {after}"
        return before or after or values.word(self.name)


_REPLACING = ("replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement")
_REPLACING_BUT_TOLD = ("discard-replaced", "remove-pending-replace")
_ACTIONS = {
    "create": Action.CREATE,
    "update": Action.UPDATE,
    "delete": Action.DELETE,
    "import": Action.IMPORT,
    **dict.fromkeys((*_REPLACING, *_REPLACING_BUT_TOLD), Action.REPLACE),
}
_NO_CHANGE = frozenset({"same", "read", "refresh", "discard", "diff", "extend-parameterize"})
# The logical step has both states.
_FULLEST_FIRST = {op: number for number, op in enumerate((*_REPLACING, *_REPLACING_BUT_TOLD))}


def changes(preview: Preview) -> list[Change]:
    """The changes of a preview, the gravest first and then by URN: the engine's order differs from run to run."""
    steps: dict[tuple[str, Action], list[Step]] = {}
    for step in preview.steps:
        if action := _action(step):
            steps.setdefault((step.urn, action), []).append(step)
    known = {step.urn for step in preview.steps if step.op == "refresh"}
    found = [_change(action, group, vanished=urn in known) for (urn, action), group in steps.items()]
    return sorted(found, key=lambda change: (list(Action).index(change.action), change.urn))


def changes_protection(step: Step) -> bool:
    """Whether only its protection changes, which the engine counts among what stays as it is."""
    return (
        step.op == "same" and step.old is not None and step.new is not None and step.old.protected != step.new.protected
    )


def _action(step: Step) -> Action | None:
    if step.op in _NO_CHANGE:
        return Action.UPDATE if changes_protection(step) else None
    # What a later engine does is told too, by whatever name.
    return _ACTIONS.get(step.op, Action.UPDATE)


def _change(action: Action, steps: list[Step], *, vanished: bool) -> Change:
    fullest = min(steps, key=lambda step: _FULLEST_FIRST.get(step.op, 0))
    return Change(
        action=action,
        urn=fullest.urn,
        old=fullest.old,
        new=fullest.new,
        order=_order([step.op for step in steps]),
        differences=tuple(differences(fullest)) if action in {Action.UPDATE, Action.REPLACE} else (),
        vanished=vanished and action is Action.CREATE,
    )


def _order(ops: list[str]) -> Order | None:
    """The engine deletes first where its deletion is announced before the creation."""
    if not {"create-replacement", "delete-replaced"} <= set(ops):
        return None
    deleted_first = ops.index("delete-replaced") < ops.index("create-replacement")
    return Order.OLD_GOES_FIRST if deleted_first else Order.NEW_COMES_FIRST


def _object_name(state: State | None) -> str:
    if state is None:
        return ""
    metadata = state.inputs.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
        parts = [metadata.get("namespace"), metadata["name"]]
    elif state.type.startswith("vault:"):
        parts = [state.inputs.get("mount"), state.inputs.get("path") or state.inputs.get("name")]
    else:
        return ""
    known = [part for part in parts if isinstance(part, str) and part != values.UNKNOWN]
    return "/".join(map(values.word, known)) if len(known) == len([part for part in parts if part]) else ""
