"""What the lab makes of the lines that `pulumi` prints: those of a real rotation, recorded with their colours."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from lab.lines import cut
from lab.stacks.engine_output import UnderWay, fitted, plain, step

RECORDED = {
    file.stem: file.read_text().splitlines() for file in sorted(Path(__file__).parent.glob("fixtures/engine/*.txt"))
}
LINES = [line for lines in RECORDED.values() for line in lines]
DELEGATOR = (
    " +  kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding standby-edb-vault-reader-delegator created (0.03s)"
)


def shown(line: str, width: int) -> list[str]:
    return [text.plain for text in fitted(line, width)]


def steps(lines: list[str]) -> list[str]:
    return [line for line in lines if step(line)]


def test_steps_are_told_from_all_else() -> None:
    for lines in RECORDED.values():
        words = [plain(line) for line in lines]
        end = next(number for number, line in enumerate(words) if line in {"Diagnostics:", "Resources:"})
        body = [line for line in words[1:end] if line.strip()]
        assert body == [line for line in body if step(line)]
        assert not [line for line in words[end:] if step(line)]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_wider_than_the_terminal_and_a_step_takes_one(width: int) -> None:
    for line in LINES:
        texts = fitted(line, width)
        assert all(text.cell_len <= width for text in texts), line
        assert len(texts) == 1 or not step(line)


def test_a_step_keeps_its_kind_its_state_and_as_much_of_its_name_as_there_is_room_for_at_80_columns() -> None:
    for line in steps(LINES):
        found = step(line)
        assert found
        (text,) = shown(line, 80)
        kind, state = found.type.rpartition(":")[2], found.status[: found.status.find(")") + 1]
        assert kind in text
        assert state in text
        # Sign, spaces and ellipses take eight columns.
        if len(f"{kind}{found.name}{state}") <= 80 - 8:
            assert f"{kind} {found.name}" in text
        else:
            kept = re.search(rf"{kind} …(\S+) ", text)
            assert kept
            assert found.name.endswith(kept[1])


def test_the_package_of_a_type_goes_before_its_name_and_the_details_before_both() -> None:
    assert shown(DELEGATOR, 140) == [DELEGATOR]
    assert shown(DELEGATOR, 80) == [" +  …ClusterRoleBinding standby-edb-vault-reader-delegator created (0.03s)"]
    assert shown(DELEGATOR, 60) == [" +  …ClusterRoleBinding …lt-reader-delegator created (0.03s)"]
    detailed = " ~  vault:kv:SecretV2 primary-site-b-link-token updated (0.13s) [diff: ~dataJson,deleteAllVersions]"
    assert shown(detailed, 80) == [f"{detailed[:79]}…"]


def test_colours_stay_with_their_words() -> None:
    line = next(line for line in LINES if "creating replacement" in line)
    (text,) = fitted(line, 80)
    coloured = {text.plain[span.start : span.end] for span in text.spans if getattr(span.style, "color", None)}
    assert "creating replacement (0s)" in coloured


@pytest.mark.parametrize("width", [60, 80, 140])
def test_other_lines_are_wrapped_between_words_with_their_indentation(width: int) -> None:
    for line in LINES:
        if step(line) or not plain(line).strip():
            continue
        texts = shown(line, width)
        indents = {len(text) - len(text.lstrip()) for text in texts}
        assert len(indents) == 1
        # Nothing is lost; and where a line ends within a word, it ends between its parts.
        words = plain(line).expandtabs(4).split()
        assert "".join(words) == "".join("".join(text.split()) for text in texts)
        for text in texts[:-1]:
            last = text.split()[-1]
            assert last in words or last.endswith(("::", "$", "/", ",", ";"))


def test_a_time_stamp_goes_to_the_next_line_as_a_whole() -> None:
    line = "    error: the grant rhsi-site-b-grant-7 has expired, and nobody claimed it before 2026-11-27T17:11:45Z"
    assert shown(line, 100) == [line[:-21], "    2026-11-27T17:11:45Z"]


def test_nothing_is_under_way_when_a_run_has_ended() -> None:
    for lines in RECORDED.values():
        under_way = UnderWay()
        for line in lines:
            under_way.take(line, 0)
        assert under_way.awaited(0) == "the program"


def test_what_has_begun_and_not_ended_is_awaited_the_oldest_first() -> None:
    under_way = UnderWay()
    lines = RECORDED["standby"]
    last = next(number for number, line in enumerate(lines) if "v1:Job standby-link-claim-job creating" in plain(line))
    for at, line in enumerate(lines[: last + 1]):
        under_way.take(line, at)
    assert re.search(r"\bJob standby-link-claim-job \(5 s\)", under_way.awaited(last + 5))
    # Neither the stack nor components: they last as long as what is in them.
    assert "rhsi-site-b" not in under_way.awaited(last)


def test_many_awaited_resources_are_counted_and_a_failed_one_has_ended() -> None:
    under_way = UnderWay()
    for number in range(5):
        under_way.take(f" +  kubernetes:core/v1:Secret s{number} creating (0s)", number)
    assert under_way.awaited(10) == "Secret s0 (10 s), Secret s1 (9 s), Secret s2 (8 s), 2 more"
    for number in range(4):
        under_way.take(f" +  kubernetes:core/v1:Secret s{number} **creating failed** error: no", 10)
    assert under_way.awaited(10) == "Secret s4 (6 s)"


def test_a_cut_text_ends_with_an_ellipsis_and_wide_characters_count_twice() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cell_len(cut("日本語", 5)) <= 5
