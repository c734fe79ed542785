"""The language host, called as the engine calls it, with scripts in the place of Pulumi's own executor."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2

from lab.pulumi.language_host import LanguageHost, interpreter
from lab.pulumi.protocol import language_pb2, language_pb2_grpc

RECORD = """
import json, os, sys
with open("record.json", "w") as file:
    json.dump({"arguments": sys.argv[1:], "config": os.environ["PULUMI_CONFIG"],
               "secret": os.environ["PULUMI_CONFIG_SECRET_KEYS"]}, file)
"""


@pytest.fixture
def executor(tmp_path: Path) -> Path:
    return tmp_path / "executor"


@pytest.fixture
def engine(executor: Path) -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    server = grpc.server(ThreadPoolExecutor(4))
    host = LanguageHost(executor, "127.0.0.1:1")
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    host.stop()
    server.stop(None).wait()


def info(folder: Path, **options: str) -> language_pb2.ProgramInfo:
    chosen = struct_pb2.Struct()
    chosen.update(options)
    return language_pb2.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point=".", options=chosen
    )


def run(engine: language_pb2_grpc.LanguageRuntimeStub, folder: Path) -> language_pb2.RunResponse:
    answer: language_pb2.RunResponse = engine.Run(
        language_pb2.RunRequest(
            info=info(folder),
            pwd=str(folder),
            project="proj",
            stack="dev",
            parallel=4,
            dryRun=True,
            monitor_address="127.0.0.1:2",
            organization="organization",
            config={"proj:key": "value"},
            configSecretKeys=["proj:key"],
        )
    )
    return answer


def test_the_program_gets_what_the_engine_says(
    engine: language_pb2_grpc.LanguageRuntimeStub, executor: Path, tmp_path: Path
) -> None:
    executor.write_text(RECORD)
    answer = run(engine, tmp_path)
    assert (answer.error, answer.bail) == ("", False)
    record = (tmp_path / "record.json").read_text()
    for word in ("--monitor", "127.0.0.1:2", "--engine", "127.0.0.1:1", "--dry_run", "true", "--organization"):
        assert f'"{word}"' in record
    assert r"{\"proj:key\": \"value\"}" in record
    assert r"[\"proj:key\"]" in record


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, ("", False)), (1, ("program exited with non-zero exit code: 1", False)), (32, ("", True))],
)
def test_an_exit_code_says_whether_the_user_has_been_told(
    engine: language_pb2_grpc.LanguageRuntimeStub, executor: Path, tmp_path: Path, code: int, said: tuple[str, bool]
) -> None:
    executor.write_text(f"raise SystemExit({code})")
    answer = run(engine, tmp_path)
    assert (answer.error, answer.bail) == said


def test_a_cancelled_program_ends(
    engine: language_pb2_grpc.LanguageRuntimeStub, executor: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "begun"
    os.mkfifo(fifo)
    executor.write_text(f"import signal\nopen({str(fifo)!r}, 'w').close()\nsignal.pause()")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(run, engine, tmp_path)
        fifo.read_text()
        engine.Cancel(empty_pb2.Empty())
        assert answer.result(30).error == "program exited with non-zero exit code: -15"


def test_a_plugins_streams_and_exit_code_are_passed_on(
    engine: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\nprint(os.environ['GIVEN'], *sys.argv[1:])\nprint('oh', file=sys.stderr)\nsys.exit(3)"
    )
    request = language_pb2.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path), args=["a"], env=["GIVEN=x=y"])
    answers = list(engine.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers) == b"x=y a\n"
    assert b"".join(answer.stderr for answer in answers) == b"oh\n"
    assert answers[-1].exitcode == 3


def test_the_projects_virtual_environment_runs_the_program_where_it_exists(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    assert interpreter(info(tmp_path, virtualenv="venv")) == Path(sys.executable)
    python.parent.mkdir(parents=True)
    python.touch()
    assert interpreter(info(tmp_path, virtualenv="venv")) == python
    assert interpreter(info(tmp_path)) == Path(sys.executable)


def test_the_interpreter_and_its_packages_are_told(
    engine: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    about = engine.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert (about.executable, about.version) == (sys.executable, ".".join(map(str, sys.version_info[:3])))
    found = engine.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=info(tmp_path)))
    assert {"pulumi", "grpcio"} <= {one.name for one in found.dependencies}


def test_what_the_host_does_not_offer_is_unimplemented(engine: language_pb2_grpc.LanguageRuntimeStub) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        engine.GenerateProgram(language_pb2.GenerateProgramRequest())
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED
