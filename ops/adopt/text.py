"""The plan as a person reads it, and as a script does."""

import shlex
from collections.abc import Iterator
from typing import Any

from ops.adopt.notes import Head
from ops.adopt.plan import Plan

READY, BLOCKED, FAILED = 0, 1, 2
"""Exit codes: nothing is in the way of the import and `pulumi up`; something is; the plan cannot be made."""


def exit_code(plan: Plan) -> int:
    """Of the command."""
    return BLOCKED if plan.blocked else READY


def steps(plan: Plan, file: str) -> list[str]:
    """The commands that follow, in their order."""
    stack = shlex.quote(plan.stack)
    imports = [f"pulumi import --file {shlex.quote(file)} --generate-code=false -s {stack}"] if plan.imports else []
    return [*imports, f"pulumi preview --diff -s {stack}", f"pulumi up -s {stack}"]


def as_text(plan: Plan, file: str) -> str:
    """The plan; `file` is the import file's path, as the command shows it."""
    return "\n".join(_lines(plan, file)) + "\n"


def _lines(plan: Plan, file: str) -> Iterator[str]:
    yield f"Stack {plan.stack}: what stands already, and what becomes of it. Nothing was changed."
    if not (plan.imports or plan.notes or plan.unseen):
        yield from ("", "Nothing is left to adopt.")
    if plan.unseen:
        yield from ("", "This login may not look at everything; the plan lacks what is there")
        yield from (f"  - {sentence}" for sentence in plan.unseen)
    for head in (Head.IN_THE_WAY, Head.DECIDE):
        yield from _below(plan, head)
    if plan.imports:
        yield from ("", f"Imported into the state{'' if plan.blocked else f' by {file}'}")
        yield from (f"  - {one.what}" for one in plan.imports)
    for head in (Head.TAKEN_OVER, Head.LEFT, Head.FIRST):
        yield from _below(plan, head)
    if not plan.blocked:
        yield from ("", f"Then, with {plan.primary} up" if plan.primary else "Then")
        yield from (f"    {command}" for command in steps(plan, file))
    yield from _below(plan, Head.AFTERWARDS)


def _below(plan: Plan, head: Head) -> Iterator[str]:
    notes = plan.below(head)
    if notes:
        yield from ("", head.value)
    for note in notes:
        yield f"  - {note.text}"
        if note.command:
            yield f"    {note.command}"


def as_json(plan: Plan, file: str) -> dict[str, Any]:
    """The same for a script; the key of each head is its name in lower case."""
    heads = {
        head.name.lower(): [
            {"text": note.text, **({"command": note.command} if note.command else {})} for note in plan.below(head)
        ]
        for head in Head
    }
    imports = [{"what": one.what, "type": one.type, "name": one.name, "id": one.id} for one in plan.imports]
    ready = not plan.blocked
    return {
        "stack": plan.stack,
        "imports": imports,
        **heads,
        "unseen": list(plan.unseen),
        "file": file if ready and plan.imports else None,
        "steps": steps(plan, file) if ready else [],
    }
