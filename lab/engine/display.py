"""What the person sees: one line when a step begins and one when it ends, then what went wrong, the outputs, a summary.

The form is that of `pulumi` without a terminal. No secret value is ever printed. Source: pulumi:pkg/backend/display/
{progress,rows,diff,object_diff}.go.
"""

import math
import sys
import threading
import time
from collections import Counter
from typing import TextIO

from lab.engine import render
from lab.engine import urn as urns
from lab.engine.backend import StackName
from lab.engine.state import Resource
from lab.engine.steps import Step
from lab.engine.values import Properties

PREFIXES = {
    "same": "  ",
    "create": "+ ",
    "delete": "- ",
    "update": "~ ",
    "replace": "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    "read": "> ",
    "read-replacement": ">>",
    "refresh": "~ ",
    "discard": "< ",
    "discard-replaced": "<<",
    "remove-pending-replace": "~ ",
}
_RUNNING = {
    "create": "creating",
    "delete": "deleting",
    "update": "updating",
    "replace": "replacing",
    "create-replacement": "creating replacement",
    "delete-replaced": "deleting original",
    "read": "reading",
    "read-replacement": "reading for replacement",
    "refresh": "refreshing",
    "discard": "discarding",
    "discard-replaced": "discarding original",
}
_DONE = {
    "create": "created",
    "delete": "deleted",
    "update": "updated",
    "replace": "replaced",
    "create-replacement": "created replacement",
    "delete-replaced": "deleted original",
    "read": "read",
    "read-replacement": "read for replacement",
    "discard": "discarded",
    "discard-replaced": "discarded original",
}
_PLANNED = {
    **_DONE,
    **{op: op for op in ("create", "delete", "update", "read", "discard")},
    **dict.fromkeys(("replace", "create-replacement", "delete-replaced"), "replace"),
    **dict.fromkeys(("read-replacement", "discard-replaced"), "replace"),
}
_CHANGES = ("create", "update", "delete", "replace", "remove-pending-replace")


class Display:
    """Prints one run as it goes. All lines go to `out`."""

    def __init__(self, name: StackName, *, preview: bool, out: TextIO | None = None, diff: bool = False) -> None:
        self._name = name
        self._preview = preview
        self._diff = diff
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._started: dict[int, float] = {}
        self._stack: Resource | None = None
        self._stack_op = "same"
        self._root = urns.make(name.stack, name.project, "", urns.STACK_TYPE, f"{name.project}-{name.stack}")
        self._told: dict[str, list[str]] = {}
        self._failed: set[str] = set()
        self._hidden_texts: list[str] = []
        self._refresh_counts = False
        self.counts: Counter[str] = Counter()

    def configured(self, config: dict[str, str], secret_keys: list[str]) -> None:
        """Never show secret configuration, wherever it comes from; very short values would hide too much."""
        self._hidden_texts = [config[key] for key in secret_keys if len(config[key]) > 3]

    def begin(self, verb: str) -> None:
        """The first line: `Updating (site-a):`. What a refresh finds counts only if nothing follows it."""
        self._refresh_counts = "efresh" in verb
        self._print(f"{verb} ({self._name.stack}):\n")

    def _print(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()

    def _row(self, op: str, urn: str, status: str) -> None:
        self._print(f" {PREFIXES.get(op, '  ')} {urns.display_type(urn)} {urns.name_of(urn)} {status}".rstrip())

    def started(self, step: Step) -> None:
        """A step begins."""
        with self._lock:
            self._started[id(step)] = time.monotonic()
            if step.resource.type == urns.STACK_TYPE and step.shown in ("same", "create"):
                self._stack, self._stack_op = step.resource, step.shown
                self._row(step.shown, step.urn, _PLANNED.get(step.shown, "running") if self._preview else "running")
            elif step.shown in _RUNNING and not self._preview and not is_hidden(step):
                self._row(step.shown, step.urn, f"{_RUNNING[step.shown]} (0s)")

    def finished(self, step: Step) -> None:
        """A step succeeded."""
        with self._lock:
            if is_hidden(step):
                return
            if step.logical and (step.shown != "refresh" or self._refresh_counts):
                self.counts[step.outcome] += 1
            if step.resource.type == urns.STACK_TYPE and step.shown in ("same", "create"):
                return
            done = self._done(step)
            if done is not None:
                op = step.outcome if step.op == "refresh" else step.shown
                self._row(op, step.urn, f"{done} {render.summary(step.diff)}")
            if self._diff:
                for line in render.details(step.diff, step.old, step.new):
                    self._print(f"      {line}")

    def _done(self, step: Step) -> str | None:
        """What is said of a step that succeeded; None: nothing. A refresh is told by what it found."""
        op = step.outcome if step.op == "refresh" else step.shown
        if op == "same":
            return "" if step.op == "refresh" else None
        if self._preview:
            return _PLANNED.get(op)
        return f"{_DONE[op]} ({self._elapsed(step)})" if op in _DONE else None

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return any(self.counts[op] for op in _CHANGES)

    def failed(self, step: Step) -> None:
        """A step failed."""
        with self._lock:
            verb = _RUNNING.get(step.shown, "").split(" ")[0]
            self._row(step.shown, step.urn, f"**{verb} failed**".replace("** ", "**"))

    def diagnostic(self, urn: str, severity: str, text: str) -> None:
        """Something to tell, at the end."""
        with self._lock:
            for hidden in self._hidden_texts:
                text = text.replace(hidden, "[secret]")
            if severity == "error":
                self._failed.add(urn or self._root)
            prefix = "" if severity == "info" else f"{severity}: "
            self._told.setdefault(urn, []).append(f"{prefix}{text}")

    def message(self, text: str) -> None:
        """Something to tell at once."""
        with self._lock:
            self._print(text)

    def _elapsed(self, step: Step) -> str:
        seconds = time.monotonic() - self._started[id(step)]
        return f"{seconds:.2f}s" if seconds < 1 else f"{int(seconds)}s"

    def end(self, old_outputs: Properties, outputs: Properties, *, failed: bool) -> None:
        """The last lines."""
        with self._lock:
            if self._stack is not None and not self._preview:
                seconds = int(time.monotonic() - self._begun)
                done = f"created ({seconds}s)" if self._stack_op == "create" else ""
                failure = "**creating failed**" if self._stack_op == "create" else "**failed**"
                self._row(self._stack_op, self._stack.urn, failure if failed else done)
            self._print_diagnostics()
            self._print_outputs(old_outputs, outputs)
            self._print_summary()

    def _print_diagnostics(self) -> None:
        if not self._told:
            return
        self._print("Diagnostics:")
        for urn, texts in self._told.items():
            owner = urn or self._root
            self._print(f"  {urns.display_type(owner)} ({urns.name_of(owner)}):")
            for text in texts:
                for line in text.rstrip().split("\n"):
                    self._print(f"    {line}".rstrip())
            self._print("")

    def _print_outputs(self, old: Properties, new: Properties) -> None:
        lines = render.outputs(old, new, signs=self._stack_op != "create", unchanged=not self._preview)
        if lines:
            self._print("Outputs:")
            for line in lines:
                self._print(f"  {line}")
            self._print("")

    def _print_summary(self) -> None:
        self._print("Resources:")
        changes = [(op, self.counts[op]) for op in _CHANGES if self.counts[op]]
        for op, count in changes:
            words = f"to {op}" if self._preview else f"{op}d"
            self._print(f"    {PREFIXES[op]}{count} {words}")
        pieces = [f"{sum(count for _, count in changes)} changes"] if len(changes) > 1 else []
        pieces += [f"{self.counts['same']} unchanged"] if self.counts["same"] else []
        if pieces:
            self._print(f"    {'. '.join(pieces)}")
        if self._failed:
            self._print(f"    {len(self._failed)} errored")
        if not self._preview:
            self._print(f"\nDuration: {math.ceil(time.monotonic() - self._begun)}s")


def is_hidden(step: Step) -> bool:
    """Default providers are nobody's concern."""
    return urns.is_provider(step.resource.type) and step.resource.name.startswith("default")
