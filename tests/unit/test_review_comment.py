"""The comment of a review: what comes first, what is left out when there is too much, and what tells news from none."""

from dataclasses import replace

import pytest

from ops.review.changes import Action, Change, Order, changes
from ops.review.comment import MARKER, SIZE, comment
from ops.review.differences import Difference
from ops.review.preview import Preview, State, Step
from ops.review.report import StackReview, fingerprint

JOB = "kubernetes:batch/v1:Job"
NAMESPACE = "kubernetes:core/v1:Namespace"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:site-a::rhsi::rhsi:index:PrimarySite${kind}::{name}"


def state(kind: str, name: str = "an-object", *, protected: bool = False) -> State:
    return State(type=kind, inputs={"metadata": {"name": name}}, outputs={}, protected=protected)


def change(action: Action, kind: str, name: str, *differences: Difference, protected: bool = False) -> Change:
    old = None if action is Action.CREATE else state(kind, name, protected=protected)
    new = None if action is Action.DELETE else state(kind, name)
    return Change(action=action, urn=urn(kind, name), old=old, new=new, differences=differences)


def step(op: str, kind: str, name: str) -> Step:
    return Step(op=op, urn=urn(kind, name), old=state(kind, name), new=state(kind, name))


def of(*found: Change, stack: str = "site-a") -> StackReview:
    return StackReview(stack=stack, changes=found, unchanged=10)


def test_what_goes_is_named_before_what_restarts_and_what_is_new() -> None:
    preview = Preview(
        steps=(step("create", JOB, "new"), step("update", JOB, "changed"), step("delete", NAMESPACE, "gone")),
        unchanged=1,
    )
    assert [one.action for one in changes(preview)] == [Action.DELETE, Action.UPDATE, Action.CREATE]


@pytest.mark.parametrize(
    ("ops", "order"),
    [
        (["delete-replaced", "replace", "create-replacement"], Order.OLD_GOES_FIRST),
        (["create-replacement", "replace", "delete-replaced"], Order.NEW_COMES_FIRST),
        (["replace"], None),
    ],
)
def test_a_replacement_is_one_change_and_tells_what_comes_first(ops: list[str], order: Order | None) -> None:
    preview = Preview(steps=tuple(step(op, JOB, "claim") for op in ops))
    (found,) = changes(preview)
    assert (found.action, found.order) == (Action.REPLACE, order)


def test_what_is_read_or_stays_is_no_change() -> None:
    preview = Preview(steps=tuple(step(op, JOB, "one") for op in ("same", "read", "refresh", "discard")))
    assert changes(preview) == []


def test_an_operation_that_nobody_knows_yet_is_not_kept_silent() -> None:
    (found,) = changes(Preview(steps=(step("teleport", JOB, "one"),)))
    assert found.action is Action.UPDATE


def test_protection_that_goes_is_told() -> None:
    kept = Step(op="same", urn=urn(NAMESPACE, "rhsi"), old=state(NAMESPACE, protected=True), new=state(NAMESPACE))
    text = comment([of(*changes(Preview(steps=(kept,))))], title="Review")
    assert "Nothing protects it any more." in text


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("containers.script.env.ROTATION.value", "the new link is Ready before the old one goes."),
        ("containers.script.env.EXPIRES.value", "the new link is Ready before the old one goes."),
        ("containers.script.env[0].value", "the new link is Ready before the old one goes."),
        ("containers.script.image", "for the grant that it has claimed: the link stays."),
    ],
)
def test_a_claim_that_runs_again_says_whether_the_link_is_another_one(path: str, sentence: str) -> None:
    difference = Difference(f"spec.template.spec.{path}", "1", "2")
    text = comment([of(change(Action.REPLACE, JOB, "standby-link-claim-job", difference))], title="Review")
    assert sentence in text


def test_a_protected_resource_that_would_go_is_refused() -> None:
    text = comment([of(change(Action.DELETE, NAMESPACE, "rhsi", protected=True))], title="Review")
    assert "Everything in the namespace goes with it" in text
    assert "`pulumi up` refuses that." in text


def test_the_counts_of_each_stack_stand_in_one_table() -> None:
    found = of(change(Action.CREATE, JOB, "a"), change(Action.CREATE, JOB, "b"), change(Action.DELETE, JOB, "c"))
    quiet = StackReview(stack="site-b", unchanged=40)
    text = comment([found, quiet], title="Review")
    assert "| `site-a` | 2 |  |  | 1 | 10 |  |" in text
    assert "| `site-b` |  |  |  |  | 40 | nothing to do |" in text


@pytest.mark.parametrize("number", [300, 3_000])
def test_a_comment_is_never_longer_than_github_takes(number: int) -> None:
    differences = [Difference(f"spec.field{index}", "ä" * 90, "b" * 90) for index in range(40)]
    found = [change(Action.UPDATE, JOB, f"job-{index}", *differences) for index in range(number)]
    found += [change(Action.DELETE, NAMESPACE, f"namespace-{index}") for index in range(number)]
    text = comment([of(*found), of(*found, stack="site-b")], title="Review")
    assert len(text.encode()) <= SIZE
    assert text.startswith(MARKER)
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert "pulumi preview -s site-b" in text


def test_a_comment_that_fits_in_no_way_ends_at_the_end_of_a_line() -> None:
    text = comment([of(stack=f"{'s' * 90}-{index}") for index in range(5_000)], title="Review")
    assert len(text.encode()) <= SIZE


def test_nothing_of_a_message_is_markdown() -> None:
    failed = StackReview(stack="site-a", failure="see ```x``` @everybody")
    text = comment([failed], title="Review")
    assert "see '''x''' @everybody" in text
    assert text.count("```") == 2


def test_the_fingerprint_changes_with_what_becomes_of_a_resource_only() -> None:
    before = change(Action.UPDATE, JOB, "a", Difference("spec.replicas", "1", "2"))
    in_other_words = replace(before, differences=(Difference("spec.replicas", "1", "3"),))
    deleted = replace(before, action=Action.DELETE)
    assert fingerprint([of(before)]) == fingerprint([replace(of(in_other_words), warnings=("late",))])
    assert fingerprint([of(before)]) != fingerprint([of(deleted)])
    assert fingerprint([of(before)]) != fingerprint([of(before, stack="site-b")])
    assert fingerprint([of()]) != fingerprint([StackReview(stack="site-a", failure="no")])
