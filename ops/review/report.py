"""The review of all stacks as a value: what each would change, or why its preview failed; its counts, its fingerprint.

Owns the exit codes and the JSON for scripts. How it reads for people is `comment`'s.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.review.changes import Action, Change, changes, changes_protection
from ops.review.meaning import meaning
from ops.review.preview import Preview
from ops.review.words import failure, warnings

CHANGED = 1
FAILED = 2
"""Exit codes beside 0: something would change although nothing may; a preview failed."""


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """What a review says of one stack.

    Attributes:
        stack: its name.
        changes: the gravest first; incomplete where the preview failed.
        unchanged: how many resources stay as they are, None where that is unknown.
        failure: the sentence that a failed preview ends in; empty for another one.
        warnings: what the preview warns of.
    """

    stack: str
    changes: tuple[Change, ...] = ()
    unchanged: int | None = None
    failure: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> Counter[Action]:
        """How many resources have which future."""
        return Counter(change.action for change in self.changes)

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes and not self.failure


def of_stack(stack: str, preview: Preview | None, *, code: int = 0, stderr: str = "") -> StackReview:
    """The review of one stack.

    Args:
        stack: its name.
        preview: what `pulumi preview --json` printed; None where it printed no document.
        code: its exit code; a recorded document has none, and its errors tell that it failed.
        stderr: what `pulumi` said beside the document.
    """
    failed = code != 0 or preview is None or bool(preview.errors)
    return StackReview(
        stack=stack,
        changes=tuple(changes(preview)) if preview else (),
        unchanged=_unchanged(preview) if preview and not failed else None,
        failure=failure(preview, stderr, code) if failed else "",
        warnings=tuple(warnings(preview)) if preview else (),
    )


def _unchanged(preview: Preview) -> int | None:
    if preview.unchanged is None:
        return None
    return preview.unchanged - sum(changes_protection(step) for step in preview.steps)


def exit_code(reviews: Sequence[StackReview], *, expect_no_changes: bool) -> int:
    """0, or CHANGED where nothing may change, or FAILED."""
    if any(review.failure for review in reviews):
        return FAILED
    return CHANGED if expect_no_changes and any(review.changes for review in reviews) else 0


def fingerprint(reviews: Sequence[StackReview]) -> str:
    """Sixteen digits that are the same as long as the same resources have the same future.

    Values, warnings and the words of a failure are left out: they may differ each night where nothing is new.
    """
    facts = [
        f"{review.stack} {'failed' if review.failure else change} "
        for review in reviews
        for change in sorted(f"{one.action.value} {one.vanished} {one.urn}" for one in review.changes) or [""]
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def as_json(reviews: Sequence[StackReview], *, expect_no_changes: bool) -> dict[str, Any]:
    """The review for scripts; it holds no value that the comment would not show."""
    return {
        "exitCode": exit_code(reviews, expect_no_changes=expect_no_changes),
        "fingerprint": fingerprint(reviews),
        "stacks": [
            {
                "stack": review.stack,
                "failure": review.failure or None,
                "counts": {action.value: count for action, count in sorted(review.counts.items(), key=str)},
                "unchanged": review.unchanged,
                "warnings": list(review.warnings),
                "changes": [_change(change) for change in review.changes],
            }
            for review in reviews
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "urn": change.urn,
        "type": change.type,
        "name": change.object_name,
        "order": change.order.value if change.order else None,
        "protected": change.protected,
        "vanished": change.vanished,
        "meaning": meaning(change) or None,
        "differences": [{"path": one.path, "old": one.old, "new": one.new} for one in change.differences],
    }
