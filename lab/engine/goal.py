"""What the program wants: one resource registration, in the engine's terms.

Source: pulumi:proto/pulumi/resource.proto (`RegisterResourceRequest`), pkg/resource/deploy/source_eval.go.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto import alias_pb2, resource_pb2

from lab.engine import urn as urns
from lab.engine.errors import EngineError
from lab.engine.state import Resource
from lab.engine.values import Properties
from lab.engine.wire import decode, decode_value

_DURATION = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Alias:
    """A former identity: a whole URN, or the parts in which it differed. `parent` None means as now, "" means none."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One registration. Timeouts are seconds by operation; `delete_before_replace` None leaves it to the provider."""

    type: str
    name: str
    parent: str = ""
    custom: bool = True
    inputs: Properties = field(default_factory=dict)
    provider: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replace_with: list[str] = field(default_factory=list)
    replacement_trigger: Any = None
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    deleted_with: str = ""

    @classmethod
    def of(cls, request: resource_pb2.RegisterResourceRequest) -> "Goal":
        """The goal in a request.

        Raises:
            EngineError: it asks for something that this engine cannot do.
        """
        for unsupported, what in (
            (request.importId, "the option import_"),
            (request.remote, "remote components"),
            (request.transforms, "transforms"),
            (request.state_migrations, "state migrations"),
            (request.packageRef, "parameterized packages"),
        ):
            if unsupported:
                raise EngineError(f"the lab's engine does not support {what} (resource {request.name!r})")
        return cls(
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=decode(request.object),
            provider=request.provider,
            dependencies=sorted(set(request.dependencies)),
            property_dependencies={k: sorted(set(v.urns)) for k, v in sorted(request.propertyDependencies.items())},
            protect=request.protect,
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            replace_with=list(request.replace_with),
            replacement_trigger=_trigger(request),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=[Alias(urn=urn) for urn in request.aliasURNs] + [_alias(alias) for alias in request.aliases],
            custom_timeouts=_timeouts(request.customTimeouts),
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
        )

    def resource(self, urn: str) -> Resource:
        """The resource that the goal describes, as long as nothing was done about it."""
        return Resource(
            urn=urn,
            type=self.type,
            custom=self.custom,
            inputs=self.inputs,
            parent=self.parent,
            protect=self.protect,
            dependencies=self.dependencies,
            provider=self.provider,
            property_dependencies=self.property_dependencies,
            additional_secret_outputs=self.additional_secret_outputs,
            custom_timeouts=self.custom_timeouts,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            replace_with=self.replace_with,
            ignore_changes=self.ignore_changes,
            replace_on_changes=self.replace_on_changes,
            replacement_trigger=self.replacement_trigger,
        )


def _trigger(request: resource_pb2.RegisterResourceRequest) -> Any:
    return decode_value(request.replacement_trigger) if request.HasField("replacement_trigger") else None


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.WhichOneof("alias") == "urn":
        return Alias(urn=alias.urn)
    spec = alias.spec
    which = spec.WhichOneof("parent")
    parent = spec.parentUrn if which == "parentUrn" else "" if which == "noParent" and spec.noParent else None
    return Alias(name=spec.name, type=spec.type, stack=spec.stack, project=spec.project, parent=parent)


def _timeouts(timeouts: resource_pb2.RegisterResourceRequest.CustomTimeouts) -> dict[str, float]:
    texts = {name: getattr(timeouts, name) for name in ("create", "update", "delete", "read")}
    return {name: seconds(text) for name, text in texts.items() if text}


def seconds(duration: str) -> float:
    """A Go duration such as `1m30s`, in seconds.

    Raises:
        EngineError: it is none.
    """
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise EngineError(f"unable to parse customTimeout value {duration!r}: use a Go duration such as 90s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def alias_urns(goal: Goal, stack: str, project: str, former: dict[str, str]) -> list[str]:
    """All URNs under which the resource may have been known; `former` gives the former URN of each renamed parent."""
    found: dict[str, None] = {}
    own = [_collapse(alias, goal, stack, project, former) for alias in goal.aliases]
    found.update(dict.fromkeys(own))
    if goal.parent in former:
        now = urns.make(stack, project, goal.parent, goal.type, goal.name)
        for urn in (now, *own):
            found.setdefault(_inherited(urn, goal.parent, former[goal.parent]))
    return list(found)


def _collapse(alias: Alias, goal: Goal, stack: str, project: str, former: dict[str, str]) -> str:
    if alias.urn:
        return alias.urn
    parent = goal.parent if alias.parent is None else former.get(alias.parent, alias.parent)
    return urns.make(
        alias.stack or stack, alias.project or project, parent, alias.type or goal.type, alias.name or goal.name
    )


def _inherited(urn: str, parent: str, former_parent: str) -> str:
    """The URN below the parent's former one; a name that begins with the parent's changes along."""
    name, parent_name = urns.name_of(urn), urns.name_of(parent)
    if name.startswith(parent_name):
        name = urns.name_of(former_parent) + name.removeprefix(parent_name)
    stack, project, *_ = urn.removeprefix("urn:pulumi:").split("::")
    return urns.make(stack, project, former_parent, urns.type_of(urn), name)
