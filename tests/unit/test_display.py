"""What a person is told while `pulumi` works: its lines, what a silence waits for, a server that has died."""

import io
import re
import signal
import sys
from pathlib import Path

import pytest

from lab.home import LabError
from lab.stacks import display, silence
from lab.stacks.display import Display, Screen, Watch
from lab.stacks.interruptions import Interruptions
from lab.stacks.silence import Silence

STEP = " +  kubernetes:core/v1:Secret rhsi-link-token creating (0s)"
WAITS = "import signal, sys, time; print(sys.argv[1], flush=True); signal.signal(signal.SIGINT, {}); time.sleep(60)"
ENDS, STUBBORN = "lambda *_: sys.exit(7)", "signal.SIG_IGN"


def run(script: str, *arguments: str, watch: Watch | None = None) -> tuple[int, str]:
    """Show a program as if it were `pulumi`; its exit code and what was shown."""
    output = io.StringIO()
    nothing = Watch(awaited=lambda: "", dead=list, command="", again="")
    with Interruptions() as interruptions:
        line = [sys.executable, "-c", script, *arguments]
        with interruptions.begin(line, stdout=-1, stderr=-1) as process:
            try:
                code = Display(Screen(output), watch or nothing).follow(process, interruptions)
            except LabError as error:
                return process.wait(), f"{output.getvalue()}error: {error}"
    return code, output.getvalue()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits as long in a test."""
    monkeypatch.setattr(silence, "FIRST_SECONDS", 0.3)
    monkeypatch.setattr(display, "DEAD_SECONDS", 0.5)
    monkeypatch.setattr(display, "LAST_RESORTS", ((0.0, signal.SIGINT), (0.5, signal.SIGKILL)))


def test_a_silence_is_broken_ever_more_rarely() -> None:
    quiet = Silence(0)
    assert [second for second in range(300) if quiet.is_due(second)] == [10, 20, 40, 80, 140, 200, 260]
    quiet.end(300)
    assert not quiet.is_due(309)
    assert quiet.is_due(310)


def test_lines_come_as_they_are_and_without_colours_where_nobody_looks() -> None:
    script = (
        "import sys; print('\\033[1m' + 'x' * 200 + '\\033[0m'); print('no end', end='', file=sys.stderr); sys.exit(3)"
    )
    code, shown = run(script)
    assert code == 3
    assert sorted(shown.splitlines()) == ["no end", "x" * 200]


@pytest.mark.usefixtures("hasty")
def test_a_silence_says_what_is_awaited_for_how_long_and_what_the_pod_says(tmp_path: Path) -> None:
    said = ["", "pod claim-x: connection refused"]
    go_on = tmp_path / "go-on"

    def awaited() -> str:
        text = said.pop()
        if not said:
            go_on.touch()
        return text

    script = "import pathlib, sys, time; print(sys.argv[1], flush=True)\nwhile not pathlib.Path(sys.argv[2]).exists(): "
    _, shown = run(
        f"{script} time.sleep(0.05)", STEP, str(go_on), watch=Watch(awaited=awaited, dead=list, command="", again="")
    )
    first, told, again = shown.splitlines()
    assert first == STEP
    waiting = r"  \d s: waiting for Secret rhsi-link-token \(\d s\)"
    assert re.fullmatch(rf"{waiting}. pod claim-x: connection refused", told)
    assert re.fullmatch(waiting, again)


@pytest.mark.usefixtures("hasty")
def test_a_run_ends_when_a_server_of_the_lab_dies() -> None:
    watch = Watch(awaited=lambda: "", dead=lambda: ["kube-apiserver-site-b"], command="", again="`python -m lab up`")
    code, shown = run(WAITS.format(ENDS), STEP, watch=watch)
    assert code == 7
    assert "kube-apiserver-site-b is dead: what waits for it waits in vain. Stopping." in shown
    assert shown.endswith(
        "error: kube-apiserver-site-b is dead, so pulumi was stopped; its state is kept. Type `python -m lab up`."
    )


@pytest.mark.usefixtures("hasty")
def test_a_run_that_does_not_end_for_a_dead_server_is_killed_and_its_lock_named() -> None:
    watch = Watch(awaited=lambda: "", dead=lambda: ["etcd-site-a", "openbao"], command="", again="`python -m lab up`")
    code, shown = run(WAITS.format(STUBBORN), STEP, watch=watch)
    assert code == -signal.SIGKILL
    assert shown.endswith("Type `python -m lab cancel`, then `python -m lab up`.")
    assert "etcd-site-a, openbao are dead" in shown


@pytest.mark.usefixtures("hasty")
def test_a_run_that_succeeds_all_the_same_has_succeeded() -> None:
    watch = Watch(awaited=lambda: "", dead=lambda: ["router"], command="", again="")
    code, _ = run(WAITS.format("lambda *_: sys.exit(0)"), STEP, watch=watch)
    assert code == 0
