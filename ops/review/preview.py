"""The document that `pulumi preview --json` prints, as this package uses it.

Owns its shape (pulumi:pkg/display/json.go, pkg/backend/display/json.go; seen with 3.274.1). Judges nothing. What the
document holds beside this is dropped here: its `config`, every output, and what is not about a change.

A preview that fails prints the same document with its errors among the diagnostics, or, where it fails before the
engine starts, nothing at all.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ERROR = "error"
WARNING = "warning"


_NO_PREVIEW = "This is no document of `pulumi preview --json`."
_BEGINNING = re.compile(r"^\{", re.MULTILINE)
# Each is left out where it is empty.
_KEYS = frozenset({"config", "steps", "diagnostics", "duration", "changeSummary"})


class PreviewError(Exception):
    """A text that is no preview, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A resource before or after a step.

    Attributes:
        type: such as `kubernetes:apps/v1:StatefulSet`.
        inputs: what the program asks for.
        outputs: what there is.
        protected: whether Pulumi refuses to delete it.
        is_component: whether it only groups others.
    """

    type: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protected: bool = False
    is_component: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the engine would do.

    Attributes:
        op: the engine's word for it (pulumi:pkg/resource/deploy/step.go, `StepOps`).
        urn: of the resource.
        old: the resource as it is, None for a new one.
        new: the resource as it would be, None for one that goes.
        changed: names of the properties that differ.
        replaced_by: names of the properties that force a replacement.
        detailed: path of a property that differs -> whether its old value is an input; None where the provider gives
            no such list.
    """

    op: str
    urn: str
    old: State | None
    new: State | None
    changed: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    detailed: Mapping[str, bool] | None = None

    @property
    def type(self) -> str:
        """The resource's type."""
        state = self.new or self.old
        return state.type if state else ""

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Diagnostic:
    """A message: `severity` is `error`, `warning`, `info` or `info#err`."""

    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a run of `pulumi preview --json` told.

    Attributes:
        steps: in the engine's order.
        diagnostics: in their order.
        unchanged: how many resources stay as they are; None where the preview ended before the engine counted.
    """

    steps: tuple[Step, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    unchanged: int | None = None

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors; a preview that has one has failed."""
        return tuple(one for one in self.diagnostics if one.severity == ERROR)


def read(text: str) -> Preview:
    """The preview that a text holds. What stands before the document, such as a line of a wrapper, is skipped.

    Raises:
        PreviewError: there is no such document in it.
    """
    start = _BEGINNING.search(text)
    try:
        document, _ = json.JSONDecoder().raw_decode(text, start.start()) if start else (None, 0)
        if not isinstance(document, dict) or not _KEYS & document.keys():
            raise PreviewError(_NO_PREVIEW)
        return _preview(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PreviewError(_NO_PREVIEW) from error


def _preview(document: Mapping[str, Any]) -> Preview:
    summary = document.get("changeSummary")
    return Preview(
        steps=tuple(_step(step) for step in document.get("steps") or ()),
        diagnostics=tuple(
            Diagnostic(
                str(one.get("severity", "")),
                f"{one.get('prefix', '')}{one.get('message', '')}".strip(),
                str(one.get("urn", "")),
            )
            for one in document.get("diagnostics") or ()
        ),
        unchanged=int(summary.get("same", 0)) if isinstance(summary, dict) else None,
    )


def _step(step: Mapping[str, Any]) -> Step:
    detailed = step.get("detailedDiff")
    return Step(
        op=str(step["op"]),
        urn=str(step["urn"]),
        old=_state(step.get("oldState")),
        new=_state(step.get("newState")),
        changed=tuple(map(str, step.get("diffReasons") or ())),
        replaced_by=tuple(map(str, step.get("replaceReasons") or ())),
        detailed=None if detailed is None else {path: bool(one.get("inputDiff")) for path, one in detailed.items()},
    )


def _state(state: Mapping[str, Any] | None) -> State | None:
    if state is None:
        return None
    return State(
        type=str(state.get("type", "")),
        inputs=state.get("inputs") or {},
        outputs=state.get("outputs") or {},
        protected=bool(state.get("protect")),
        is_component=not state.get("custom", True),
    )
