"""What was found, as text for a person and as JSON for a pipeline, and the exit code."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from ops.doctor.examination import Diagnosis
from ops.doctor.finding import STATES, Finding, State

FAILED = 1
"""The exit code with an error: `up` would fail."""

COLOURS: dict[State, str] = {
    "error": typer.colors.RED,
    "warning": typer.colors.YELLOW,
    "unknown": typer.colors.CYAN,
    "ok": typer.colors.GREEN,
}
MACHINE = "this machine"
INDENT = "  "
WIDTHS = (9, 14)
"""Of the columns state and subject."""


def exit_code(found: Sequence[Diagnosis]) -> int:
    """0 without errors: warnings, and what nobody can know, stop nobody."""
    return FAILED if _count(found, "error") else 0


def as_text(found: Sequence[Diagnosis], *, columns: int = 120) -> str:
    """A block for each stack, the worst first, each line with its fix below; then the sum."""
    blocks = ["\n".join(_block(one, columns)) for one in found]
    return "\n\n".join([*blocks, _sum(found)]) + "\n"


def as_json(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """The same as a document: names are stable."""
    return {
        "ok": exit_code(found) == 0,
        "counts": {state: _count(found, state) for state in STATES},
        "stacks": [
            {
                "stack": one.stack or None,
                "findings": [
                    {"subject": each.subject, "state": each.state, "sentence": each.sentence, "fix": each.fix or None}
                    for each in _sorted(one.findings)
                ],
            }
            for one in found
        ],
    }


def _block(found: Diagnosis, columns: int) -> Iterator[str]:
    yield typer.style(found.stack or MACHINE, bold=True)
    for one in _sorted(found.findings):
        state = typer.style(one.state.ljust(WIDTHS[0]), fg=COLOURS[one.state])
        # The command is not wrapped: it is there to be pasted.
        before = INDENT + " " * sum(WIDTHS)
        lines = textwrap.wrap(
            one.sentence, max(40, columns - len(before)), break_long_words=False, break_on_hyphens=False
        ) or [""]
        yield f"{INDENT}{state}{one.subject.ljust(WIDTHS[1] - 1)} {lines[0]}"
        yield from (before + line for line in lines[1:])
        if one.fix:
            yield typer.style(f"{before}-> {one.fix}", dim=True)


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: STATES.index(one.state))


def _sum(found: Sequence[Diagnosis]) -> str:
    counts = {state: _count(found, state) for state in STATES}
    told = ", ".join(f"{count} {state}{_plural(state, count)}" for state, count in counts.items())
    verdict = "`pulumi up` would fail" if counts["error"] else "Nothing found that would make `pulumi up` fail"
    return f"{verdict}: {told}."


def _plural(state: State, count: int) -> str:
    return "s" if state in ("error", "warning") and count != 1 else ""


def _count(found: Sequence[Diagnosis], state: State) -> int:
    return sum(finding.state == state for one in found for finding in one.findings)
