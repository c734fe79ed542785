"""`preview --json`: one document, in the form of pulumi:pkg/backend/display/json.go."""

import io
import json
import sys
import time
from typing import Any

from lab.engine import paths
from lab.engine import urn as urns
from lab.engine.backend import StackName
from lab.engine.display import Display, is_hidden
from lab.engine.state import resource_to_json
from lab.engine.steps import Step
from lab.engine.values import Properties


class Digest(Display):
    """`preview --json`: says nothing until the end, then prints one document."""

    def __init__(self, name: StackName) -> None:
        super().__init__(name, preview=True, out=io.StringIO())
        self._steps: list[Step] = []
        self._config: dict[str, str] = {}
        self._diagnostics: list[dict[str, str]] = []

    def configured(self, config: dict[str, str], secret_keys: list[str]) -> None:
        """Note the configuration, without its secrets."""
        super().configured(config, secret_keys)
        self._config = {key: "[secret]" if key in secret_keys else value for key, value in sorted(config.items())}

    def started(self, step: Step) -> None:
        """Note the step; unchanged resources do not count, but for the stack."""
        super().started(step)
        if is_hidden(step) or (step.shown == "same" and step.resource.type != urns.STACK_TYPE):
            return
        self._steps.append(step)

    def diagnostic(self, urn: str, severity: str, text: str) -> None:
        """Note what is told."""
        super().diagnostic(urn, severity, text)
        prefix = "" if severity == "info" else f"{severity}: "
        found = {"message": f"{prefix}{text}", "severity": severity}
        self._diagnostics.append({"urn": urn, **found} if urn else found)

    def end(self, old_outputs: Properties, outputs: Properties, *, failed: bool) -> None:
        """Print the document."""
        super().end(old_outputs, outputs, failed=failed)
        document: dict[str, Any] = {"config": self._config, "steps": [_step_to_json(step) for step in self._steps]}
        if self._diagnostics:
            document["diagnostics"] = self._diagnostics
        document["duration"] = int((time.monotonic() - self._begun) * 1e9)
        document["changeSummary"] = {op: count for op, count in sorted(self.counts.items()) if count}
        sys.stdout.write(json.dumps(document, indent=4) + "\n")


def _step_to_json(step: Step) -> dict[str, Any]:
    document: dict[str, Any] = {"op": step.outcome if step.shown == "refresh" else step.shown, "urn": step.urn}
    if step.resource.provider:
        document["provider"] = step.resource.provider
    for key, resource in (("oldState", step.old), ("newState", step.new)):
        if resource is not None:
            document[key] = resource_to_json(resource, None)
    if step.diff.replace:
        document["replaceReasons"] = step.diff.replace
    if step.diff.detailed:
        document["diffReasons"] = sorted({str(paths.parse(path)[0]) for path in step.diff.detailed})
        document["detailedDiff"] = {
            path: {"kind": kind, "inputDiff": False} for path, kind in step.diff.detailed.items()
        }
    return document
