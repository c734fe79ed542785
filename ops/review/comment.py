"""The review as one comment in GitHub's Markdown, which GitLab reads too.

Owns its form, its marker and its size. It holds nothing that differs between two runs with the same findings, so that
whoever posts it can tell whether there is news.
"""

from collections.abc import Iterator, Sequence

from ops.review.changes import Action, Change
from ops.review.meaning import grave, meaning
from ops.review.report import StackReview, fingerprint

MARKER = "<!-- rhsi-review -->"
"""By which a comment is found again, and replaced instead of followed by another one."""

SIZE = 65_536
"""What GitHub takes; counted in bytes here, which are never fewer than its characters."""

# Differences of a change, changes of a stack: what no comment needs more of, then ever less until it fits.
_DETAIL = ((12, 200), (6, 100), (3, 50), (1, 20), (0, 10), (0, 0))
_SIGNS = {Action.DELETE: "-", Action.REPLACE: "!", Action.UPDATE: "!", Action.CREATE: "+", Action.IMPORT: "+"}
_COLUMNS = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)


def comment(reviews: Sequence[StackReview], *, title: str) -> str:
    """The comment on all stacks, with as much detail as fits."""
    for differences, changes in _DETAIL:
        text = "\n".join(_lines(reviews, title, differences, changes)) + "\n"
        if len(text.encode()) <= SIZE:
            return text
    end = "\n\nThe rest does not fit into a comment: see the log.\n"
    return text.encode()[: SIZE - len(end.encode())].decode(errors="ignore").rpartition("\n")[0] + end


def _lines(reviews: Sequence[StackReview], title: str, differences: int, changes: int) -> Iterator[str]:
    yield MARKER
    yield f"<!-- fingerprint {fingerprint(reviews)} -->"
    if all(review.is_quiet and not review.warnings for review in reviews):
        stacks = ", ".join(f"`{review.stack}`" for review in reviews)
        yield f"**{title}: nothing to do** for {stacks} ({sum(review.unchanged or 0 for review in reviews)} unchanged)."
        return
    yield f"### {title}"
    yield ""
    yield f"| stack | {' | '.join(action.value for action in _COLUMNS)} | unchanged | |"
    yield f"|---|{'--:|' * (len(_COLUMNS) + 1)}---|"
    for review in reviews:
        yield _row(review)
    for review in reviews:
        if not review.is_quiet or review.warnings:
            yield from _stack(review, differences, changes)


def _row(review: StackReview) -> str:
    counts = review.counts
    cells = [str(counts[action] or "") for action in _COLUMNS]
    # What is imported becomes this stack's without being made.
    state = "**failed**" if review.failure else f"{counts[Action.IMPORT]} to import" if counts[Action.IMPORT] else ""
    if review.is_quiet:
        state = "nothing to do"
    unchanged = "" if review.unchanged is None else str(review.unchanged)
    return f"| `{review.stack}` | {' | '.join(cells)} | {unchanged} | {state} |"


def _stack(review: StackReview, differences: int, changes: int) -> Iterator[str]:
    yield ""
    yield f"#### {review.stack}"
    if review.failure:
        yield ""
        yield "The preview failed, so what follows may not be all of it:" if review.changes else "The preview failed:"
        yield from _fenced(review.failure.splitlines())
    if first := grave(review.changes):
        yield ""
        for change in first[:changes]:
            yield f"- {_headline(change)}"
        if len(first) > changes:
            yield f"- and {len(first) - changes} more: see `pulumi preview -s {review.stack}`"
    if review.warnings:
        yield ""
        yield from _details(f"Warnings ({len(review.warnings)})", review.warnings[: max(changes, 1)])
    # What only groups others is counted, as Pulumi counts it, and is of no interest.
    listed = [change for change in review.changes if not change.is_component]
    if listed and changes:
        yield ""
        lines = [line for change in listed[:changes] for line in _difference(change, differences)]
        left_out = len(listed) - changes
        if left_out > 0:
            lines.append(f"# and {left_out} more: see pulumi preview -s {review.stack}")
        yield from _details(f"Each change ({len(listed)})", lines, language="diff")


def _headline(change: Change) -> str:
    # A Job is done, so nobody misses the old one.
    order = f" ({change.order.value})" if change.order and change.kind != "Job" else ""
    said = meaning(change)
    return f"**{change.action.value}** {change.kind} `{change.object_name}`{order}" + (f": {said}" if said else "")


def _difference(change: Change, most: int) -> Iterator[str]:
    yield f"{_SIGNS[change.action]} {change.action.value} {change.kind} {change.object_name}"
    for one in change.differences[:most]:
        yield f"      {one.path}: {one.old} → {one.new}"
    if len(change.differences) > most:
        yield f"      … {len(change.differences) - most} more properties"


def _details(summary: str, lines: Sequence[str], language: str = "") -> Iterator[str]:
    yield f"<details><summary>{summary}</summary>"
    yield from _fenced(lines, language)
    yield ""
    yield "</details>"


def _fenced(lines: Sequence[str], language: str = "") -> Iterator[str]:
    """Lines as they are: nothing in them is Markdown, and nobody is mentioned."""
    yield ""
    yield f"```{language}"
    yield from (line.replace("```", "'''") for line in lines)
    yield "```"
