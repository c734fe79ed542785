"""Which of a stack's outputs a run has changed, as its state has them."""

from lab.stacks.outputs import MARK, SECRET_MARK, changes, of


def test_a_stack_without_a_state_has_no_outputs() -> None:
    assert of([]) == {}


def test_a_secret_is_not_shown_wherever_it_is() -> None:
    secret = {MARK: SECRET_MARK, "ciphertext": "v1:AAAA"}
    outputs = {"plain": 1, "password": secret, "nested": {"list": [secret]}}
    others = {"type": "rhsi:index:KvStore", "outputs": {"other": 1}}
    assert of([others, {"type": "pulumi:pulumi:Stack", "outputs": outputs}]) == {
        "plain": 1,
        "password": "[secret]",
        "nested": {"list": ["[secret]"]},
    }


def test_changes_are_told_in_the_order_of_their_names_one_a_line() -> None:
    before = {"z": 1, "same": [1], "gone": "x", "standbys": {"site-b": {"rotation": 1, "expires": "17:11"}}}
    after = {"a": {"b": [1]}, "z": 2, "same": [1], "standbys": {"site-b": {"rotation": 2, "expires": "17:11"}}}
    assert list(changes(before, after)) == [
        '+ a: {"b": [1]}',
        "- gone: x",
        "~ standbys.site-b.rotation: 1 -> 2",
        "~ z: 1 -> 2",
    ]


def test_a_text_of_many_lines_is_one_line_of_them() -> None:
    assert list(changes({"readme": "# site-a\n\nText\n"}, {"readme": "# site-b\nText", "empty": ""})) == [
        "+ empty: ",
        "~ readme: # site-a ... (3 lines) -> # site-b ... (2 lines)",
    ]


def test_outputs_that_stay_are_not_told() -> None:
    assert not list(changes({"a": {"b": 1}}, {"a": {"b": 1}}))
