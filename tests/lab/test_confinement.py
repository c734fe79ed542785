"""The walls around a container, without any cluster."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from lab.stand_ins.pods.containers.security import DEFAULT_UID
from lab.stand_ins.pods.containers.variables import PATH
from lab.stand_ins.pods.walls.launching import (
    Finished,
    Launched,
    StartError,
    Streams,
    launch,
    run_inside,
    start_inside,
)
from lab.stand_ins.pods.walls.plan import Mount, Plan
from tests.lab.waiting import until

pytestmark = pytest.mark.lab


def plan(folder: Path, script: str, **parts: object) -> Plan:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    fixed: dict[str, object] = {
        "scratch": str(scratch),
        "argv": ("sh", "-c", script),
        "environment": {"PATH": PATH},
        "hostname": "a-pod",
        "uid": DEFAULT_UID,
        "gid": 0,
    }
    return Plan(**(fixed | parts))  # type: ignore[arg-type]  # the parts are checked where they are used


def run(folder: Path, script: str, **parts: object) -> tuple[str, int]:
    """What the script printed, and its exit code."""
    launched = launch(plan(folder, script, **parts))
    return output_of(launched), launched.process.wait()


def output_of(launched: Launched) -> str:
    with launched.output as pipe:
        return pipe.read().decode()


def no_process_with(argument: str) -> bool:
    """Whether there is none any more, soon."""
    return until(lambda: all(argument not in line for line in command_lines()), 5, pause=0.02)


def command_lines() -> list[list[str]]:
    """Of all processes of the machine."""
    return [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]


def test_output_and_exit_code_are_the_commands_own(tmp_path: Path) -> None:
    assert run(tmp_path, "echo out; echo err >&2; exit 7") == ("out\nerr\n", 7)


def test_a_command_may_open_its_standard_streams_by_name(tmp_path: Path) -> None:
    assert run(tmp_path, "echo a; echo b > /dev/stdout; echo c > /dev/stderr") == ("a\nb\nc\n", 0)


def test_a_command_has_the_plans_user_and_no_power_at_all(tmp_path: Path) -> None:
    output, _ = run(tmp_path, "id -u; id -g; grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs)' /proc/self/status")
    assert output.split() == [
        str(DEFAULT_UID), "0", "CapPrm:", "0" * 16, "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1",
    ]  # fmt: skip


def test_even_root_has_no_power_and_cannot_change_the_machine(tmp_path: Path) -> None:
    script = "grep CapEff /proc/self/status; touch /etc/rhsi-was-here; echo 1 > /proc/sys/vm/drop_caches"
    output, code = run(tmp_path, script, uid=0)
    assert "0" * 16 in output
    assert code != 0
    assert not Path("/etc/rhsi-was-here").exists()


def test_the_environment_is_the_plans_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "never-in-a-pod")
    output, _ = run(tmp_path, "env", environment={"PATH": PATH, "my.name": "a b", "HOME": "/"})
    assert "never-in-a-pod" not in output
    assert {line.partition("=")[0] for line in output.splitlines()} <= {"PATH", "HOME", "PWD", "my.name", "_"}


def test_homes_and_checkouts_of_the_machine_are_absent(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    output, _ = run(tmp_path, f"ls -A /root /home /tmp /run; cat {tmp_path}/secret; ls /.machine; ls /")
    assert "x\n" not in output.splitlines()
    assert output.count("No such file") == 2
    assert {"usr", "etc", "tmp"} <= set(output.split())


def test_a_read_only_root_takes_no_file_anywhere(tmp_path: Path) -> None:
    script = "for f in / /tmp /etc /usr /var/tmp /run; do touch $f/x 2>/dev/null && echo wrote $f; done; echo end"
    assert run(tmp_path, script, uid=0, read_only_root=True) == ("end\n", 0)
    assert "wrote /tmp" in run(tmp_path, script)[0]


def test_mount_points_may_be_missing_and_the_machine_does_not_get_them(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "key").write_text("value")
    mounts = (
        Mount(source=str(volume), target="/etc/rhsi-test", read_only=True),
        Mount(source=str(volume), target="/var/run/a/b"),
        Mount(source=str(volume / "key"), target="/one-file", read_only=True),
    )
    script = "cat /etc/rhsi-test/key /run/a/b/key /one-file; touch /etc/rhsi-test/new"
    output, code = run(tmp_path, script, mounts=mounts, uid=0)
    assert output.startswith("value" * 3)
    assert code != 0
    assert not Path("/etc/rhsi-test").exists()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match='exec: "nonsense": No such file or directory'):
        launch(plan(tmp_path, "", argv=("nonsense",)))


def test_a_term_signal_ends_the_command_and_no_process_outlives_it(tmp_path: Path) -> None:
    launched = launch(plan(tmp_path, "setsid sleep 7001 & echo ready; sleep 7001"))
    assert launched.output.read1() == b"ready\n"
    launched.process.terminate()
    assert output_of(launched) == ""
    assert launched.process.wait() == 128 + 15
    assert no_process_with("7001")


def test_the_command_alone_hears_of_the_stop_and_by_its_own_signal(tmp_path: Path) -> None:
    child = "trap 'echo child' INT TERM; echo child-ready; sleep 7006 & wait"
    script = f'sh -c "{child}" & trap "echo asked; exit 3" INT; echo ready; wait; wait'
    launched = launch(plan(tmp_path, script, stop_signal=signal.SIGINT))
    said: list[bytes] = []
    while set(said) != {b"ready", b"child-ready"}:
        said += launched.output.read1().split()
    launched.process.terminate()
    assert output_of(launched) == "asked\n"
    assert launched.process.wait() == 3


def test_no_signal_is_ignored_within_the_walls_whatever_the_runner_ignores(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        output, _ = run(tmp_path, "grep SigIgn /proc/self/status")
    finally:
        signal.signal(signal.SIGINT, before)
    ignored = int(output.removeprefix("SigIgn:"), 16)
    # The C library keeps two numbers to itself, which nobody can set.
    assert not [number for number in signal.valid_signals() if ignored >> (number - 1) & 1]


def test_a_second_command_has_the_same_user_walls_and_environment(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "key").write_text("value")
    mounts = (Mount(source=str(volume), target="/mounted", read_only=True),)
    environment = {"PATH": PATH, "NAME": "of the container"}
    first = plan(tmp_path, "echo ready; sleep 7007", mounts=mounts, environment=environment, read_only_root=True)
    launched = launch(first)
    assert launched.output.read1() == b"ready\n"
    script = (
        "id -u; cat /mounted/key; echo; echo $NAME; hostname; grep CapEff /proc/self/status; ls /root; "
        "touch /etc/x 2>/dev/null || echo walled; cat /proc/[0-9]*/cmdline | grep -ac 7007"
    )
    inside = run_inside(launched.process.pid, first, ["sh", "-c", script], 5)
    launched.process.kill()
    assert output_of(launched) == ""
    assert inside.code == 0
    assert inside.output.split("\n")[:6] == [
        str(DEFAULT_UID), "value", "of the container", "a-pod", "CapEff:\t" + "0" * 16, "walled",
    ]  # fmt: skip
    assert int(inside.output.split("\n")[6]) >= 1, "it sees the container's processes"


def test_a_second_command_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    first = plan(tmp_path, "echo ready; sleep 7008")
    launched = launch(first)
    assert launched.output.read1() == b"ready\n"
    assert run_inside(launched.process.pid, first, ["sh", "-c", "echo no >&2; exit 4"], 5) == Finished(4, "no\n")
    with pytest.raises(StartError, match='exec: "nonsense": No such file or directory'):
        run_inside(launched.process.pid, first, ["nonsense"], 5)
    assert launched.process.poll() is None
    launched.process.kill()
    assert output_of(launched) == ""


def test_a_second_command_may_have_a_terminal_of_its_own(tmp_path: Path) -> None:
    first = plan(tmp_path, "echo ready; sleep 7012")
    launched = launch(first)
    assert launched.output.read1() == b"ready\n"
    keyboard, screen = os.openpty()
    owner = Path(os.devnull).stat().st_uid
    script = "echo $TERM; : < /dev/tty > /dev/stdout; sleep 7013"
    inside = start_inside(
        launched.process.pid, first, ["sh", "-c", script], Streams(screen, screen, screen, terminal=True)
    )
    os.close(screen)
    assert os.read(keyboard, 100) == b"xterm\r\n"
    # A shell that is about to start its command may miss the key: bash does.
    assert until(lambda: ["sleep", "7013"] in command_lines(), 5, pause=0.02)
    os.write(keyboard, b"\x03")
    assert inside.wait(10) == 128 + signal.SIGINT
    launched.process.kill()
    assert output_of(launched) == ""
    assert no_process_with("7013")
    assert Path(os.devnull).stat().st_uid == owner, "the machine's own devices keep their owner"
    os.close(keyboard)


def test_a_second_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    first = plan(tmp_path, "echo ready; sleep 7009")
    launched = launch(first)
    assert launched.output.read1() == b"ready\n"
    finished = run_inside(
        launched.process.pid, first, ["sh", "-c", "trap '' TERM; echo begun; sleep 7010 & sleep 7010"], 0.5
    )
    assert finished == Finished(None, "begun\n")
    assert no_process_with("7010")
    assert launched.process.poll() is None
    launched.process.kill()
    assert output_of(launched) == ""


def test_no_second_command_runs_in_a_container_that_has_ended(tmp_path: Path) -> None:
    first = plan(tmp_path, "exit 0")
    launched = launch(first)
    assert output_of(launched) == ""
    assert launched.process.wait() == 0
    with pytest.raises(StartError, match="the container does not run any more"):
        run_inside(launched.process.pid, first, ["true"], 5)


def test_the_names_that_a_container_resolves_may_be_replaced_while_it_runs(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.mkdir()
    (names / "rhsi.hosts").write_text("127.0.0.1 localhost\n")
    mounts = (Mount(source=str(names), target="/lab/network", read_only=True),)
    first = plan(
        tmp_path, "echo ready; sleep 7011", mounts=mounts, hosts="/lab/network/rhsi.hosts", read_only_root=True
    )
    launched = launch(first)
    assert launched.output.read1() == b"ready\n"
    (names / "new").write_text("127.0.0.1 localhost\n127.128.0.9 database\n")
    (names / "new").replace(names / "rhsi.hosts")
    found = run_inside(launched.process.pid, first, ["getent", "hosts", "database"], 5)
    launched.process.kill()
    assert output_of(launched) == ""
    assert found.output.split() == ["127.128.0.9", "database"]


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    assert run(tmp_path, "setsid sleep 7002 & exit 0") == ("", 0)
    assert no_process_with("7002")


def test_a_command_that_ignores_the_term_signal_can_be_killed(tmp_path: Path) -> None:
    launched = launch(plan(tmp_path, "trap '' TERM; echo ready; sleep 7003 & wait; wait"))
    assert launched.output.read1() == b"ready\n"
    launched.process.terminate()
    launched.process.kill()
    assert output_of(launched) == ""
    assert no_process_with("7003")


def test_nothing_of_the_plan_shows_in_arguments(tmp_path: Path) -> None:
    environment = {"PATH": PATH, "SECRET": "in-the-environment-only"}
    launched = launch(plan(tmp_path, "echo ready; sleep 7004", environment=environment))
    assert launched.output.read1() == b"ready\n"
    family = [psutil.Process(launched.process.pid), *psutil.Process(launched.process.pid).children(recursive=True)]
    arguments = " ".join(argument for process in family for argument in process.cmdline())
    launched.process.kill()
    assert output_of(launched) == ""
    assert "7004" in arguments
    assert "in-the-environment-only" not in arguments
    assert os.environ.get("SECRET") is None
