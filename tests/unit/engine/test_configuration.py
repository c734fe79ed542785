"""Pulumi.yaml, stack files, and the commands that change them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from lab.engine import cli
from lab.engine.errors import EngineError
from lab.engine.project import Project
from lab.engine.secrets import Crypter
from lab.engine.stack_file import StackFile
from lab.engine.wire import SECRET_SIGNATURE, SIGNATURE_KEY
from tests.unit.engine.bench import Bench

SCHEMA = """
name: proj
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
config:
  region: {type: string, description: where, default: north}
  count: {type: integer}
  flags: {type: object, default: {}}
  names: {type: array, items: {type: string}, default: []}
  on: {type: boolean, default: false}
  password: {type: string, secret: true, default: ""}
  other:plugin: {value: x}
"""


@pytest.fixture
def project(bench: Bench) -> Project:
    bench.write("Pulumi.yaml", SCHEMA)
    return Project.find(bench.folder)


def configured(project: Project, config: dict[str, Any]) -> dict[str, str]:
    crypter = Crypter("x")
    config.setdefault("password", {"secure": crypter.encrypt("hush")})
    return project.configuration("dev", StackFile(Path("x"), {"config": config}), crypter)[0]


def test_defaults_fill_in_what_the_stack_leaves_out(project: Project) -> None:
    assert configured(project, {"proj:count": "3"}) == {
        "proj:count": "3",
        "proj:region": "north",
        "proj:flags": "{}",
        "proj:names": "[]",
        "proj:on": "false",
        "proj:password": "hush",
        "other:plugin": "x",
    }


def test_missing_values_are_named_in_pulumis_words(project: Project) -> None:
    with pytest.raises(EngineError, match=r"^Stack 'dev' is missing configuration value 'count'$"):
        configured(project, {})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"proj:count": "many"}, "Stack 'dev' with configuration key 'count' must be of type 'integer'"),
        ({"proj:count": True}, "Stack 'dev' with configuration key 'count' must be of type 'integer'"),
        ({"proj:count": 1, "on": "yes"}, "Stack 'dev' with configuration key 'on' must be of type 'boolean'"),
        ({"proj:count": 1, "names": [1, {}]}, "'names' must be of type 'array<string>'"),
        ({"proj:count": 1, "flags": []}, "Stack 'dev' with configuration key 'flags' must be of type 'object'"),
        ({"proj:count": 1, "password": "plain"}, "'password' must be encrypted as it's secret"),
    ],
)
def test_values_of_the_wrong_type_are_named(project: Project, config: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError) as caught:
        configured(project, config)
    assert message in str(caught.value)


def test_secrets_deep_in_a_value_are_decrypted_and_make_the_key_secret(project: Project) -> None:
    crypter = Crypter("x")
    config = {
        "proj:count": 1,
        "flags": {"a": [{"secure": crypter.encrypt("hush")}]},
        "password": {"secure": crypter.encrypt("")},
    }
    values, secret_keys = project.configuration("dev", StackFile(Path("x"), {"config": config}), crypter)
    assert json.loads(values["proj:flags"]) == {"a": ["hush"]}
    assert secret_keys == ["proj:flags", "proj:password"]


def test_the_project_is_found_from_a_folder_below(bench: Bench) -> None:
    below = bench.folder / "a" / "b"
    below.mkdir(parents=True)
    assert Project.find(below).folder == bench.folder


def test_a_project_in_another_language_is_refused(bench: Bench) -> None:
    bench.write("Pulumi.yaml", "name: proj\nruntime: nodejs\n")
    with pytest.raises(EngineError, match="runs Python programs only, not runtime 'nodejs'"):
        Project.find(bench.folder)


@pytest.fixture
def pulumi(bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in the bench's folder; the exit code, standard output and standard error."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{bench.folder}")
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = cli.main(arguments)
        return (code, *capsys.readouterr())

    return run


def test_a_stack_is_made_listed_and_removed(pulumi: Any, bench: Bench) -> None:
    assert pulumi("stack", "init", "new", "--non-interactive", "--color", "never") == (0, "Created stack 'new'\n", "")
    assert pulumi("stack", "init", "new")[2] == "error: stack 'new' already exists\n"
    names = [entry["name"] for entry in json.loads(pulumi("stack", "ls", "--json")[1])]
    assert names == ["dev", "new"]
    assert (bench.folder / "Pulumi.new.yaml").read_text().startswith("encryptionsalt: v1:")
    assert pulumi("stack", "rm", "--yes", "new")[0] == 0
    assert not (bench.folder / "Pulumi.new.yaml").exists()


def test_a_stack_with_resources_is_not_removed(pulumi: Any, bench: Bench) -> None:
    bench.up('Thing("a")')
    code, _, error = pulumi("stack", "rm", "--yes", "--stack", "dev")
    assert code == 1
    assert error.startswith("error: 'dev' still has resources; removal rejected.")


def test_outputs_hide_secrets_unless_asked(pulumi: Any, bench: Bench) -> None:
    bench.up('pulumi.export("a", {"n": 1}); pulumi.export("s", pulumi.Output.secret("hush"))')
    assert json.loads(pulumi("stack", "output", "--json", "-s", "dev")[1]) == {"a": {"n": 1}, "s": "[secret]"}
    assert json.loads(pulumi("stack", "output", "--json", "--show-secrets", "-s", "dev")[1])["s"] == "hush"
    assert pulumi("stack", "output", "s", "-s", "dev")[1] == "[secret]\n"
    assert pulumi("stack", "output", "x", "-s", "dev")[2] == "error: current stack does not have output property 'x'\n"


def test_an_export_keeps_secrets_encrypted_unless_asked(pulumi: Any, bench: Bench) -> None:
    bench.up('pulumi.export("s", pulumi.Output.secret({"n": "hush"}))')
    code, out, _ = pulumi("stack", "export", "-s", "dev")
    assert code == 0
    assert json.loads(out)["version"] == 3
    assert "ciphertext" in out
    assert "hush" not in out
    code, shown, _ = pulumi("stack", "export", "--show-secrets", "-s", "dev")
    assert code == 0
    assert "ciphertext" not in shown
    secret = json.loads(shown)["deployment"]["resources"][0]["outputs"]["s"]
    assert secret[SIGNATURE_KEY] == SECRET_SIGNATURE
    assert json.loads(secret["plaintext"]) == {"n": "hush"}


def test_configuration_is_set_by_path_with_types_and_secrets(pulumi: Any, bench: Bench) -> None:
    pulumi("config", "set", "--path", "proj:standbys.site-b.rotation", "2", "-s", "dev")
    pulumi("config", "set", "--path", "standbys.site-b.on", "true", "-s", "dev")
    pulumi("config", "set", "--path", "list[0]", "x", "-s", "dev")
    pulumi("config", "set", "plain", "2", "-s", "dev")
    pulumi("config", "set", "--path", "standbys.site-b.key", "--secret", "hush", "-s", "dev")
    pulumi("config", "set", "password", "--secret", "-s", "dev", stdin="from stdin\n")
    config = StackFile.load(bench.folder / "Pulumi.dev.yaml").config
    assert config["proj:standbys"]["site-b"]["rotation"] == 2
    assert config["proj:standbys"]["site-b"]["on"] is True
    assert config["proj:list"] == ["x"]
    assert config["proj:plain"] == "2"
    assert config["proj:standbys"]["site-b"]["key"].keys() == {"secure"}
    assert pulumi("config", "get", "password", "-s", "dev")[1] == "from stdin\n"
    assert json.loads(pulumi("config", "get", "standbys", "-s", "dev")[1])["site-b"]["key"] == "hush"
    assert (
        pulumi("config", "get", "nope", "-s", "dev")[2] == "error: configuration key 'nope' not found for stack 'dev'\n"
    )


def test_the_configuration_file_can_be_another_one(pulumi: Any, bench: Bench) -> None:
    pulumi("config", "set", "x", "1", "-s", "dev", "--config-file", "elsewhere.yaml")
    assert not (bench.folder / "Pulumi.dev.yaml").exists()
    assert StackFile.load(bench.folder / "elsewhere.yaml").config == {"proj:x": "1"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--yes", "--frobnicate"], "unknown arguments: --frobnicate"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["up", "--stack", "dev"], "--yes or --skip-preview or --preview-only must be passed in"),
        (["preview"], "no stack selected; specify a stack name with --stack"),
    ],
)
def test_arguments_that_make_no_sense_end_with_a_sentence(pulumi: Any, arguments: list[str], sentence: str) -> None:
    code, _, error = pulumi(*arguments)
    assert code == 2
    assert sentence in error


def test_an_unknown_stack_ends_with_its_own_exit_code(pulumi: Any) -> None:
    assert pulumi("preview", "--stack", "nope") == (6, "", "error: no stack named 'nope' found\n")


def test_a_preview_as_json_is_one_document(pulumi: Any, bench: Bench) -> None:
    bench.program('pulumi.Stash("s", input=pulumi.Output.secret("hush"))')
    code, out, _ = pulumi("preview", "--json", "--stack", "dev")
    document = json.loads(out)
    assert code == 0
    assert [step["op"] for step in document["steps"]] == ["create", "create"]
    assert document["steps"][1]["urn"].endswith("pulumi:index:Stash::s")
    assert document["changeSummary"] == {"create": 2}
    assert "hush" not in out


def test_values_that_older_yaml_would_guess_at_stay_text(bench: Bench) -> None:
    bench.write("x.yaml", "config:\n  a: no\n  b: 1:30\n  c: 2026-01-01\n  d: 20s\n  e: true\n  f: 7\n")
    config = StackFile.load(bench.folder / "x.yaml").config
    assert config == {"a": "no", "b": "1:30", "c": "2026-01-01", "d": "20s", "e": True, "f": 7}
