"""How a plugin starts: the launcher asks the resident process, which forks it; or runs it itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2

from lab.home import CHECKOUT, Home
from lab.pulumi import installation
from lab.pulumi.protocol import provider_pb2_grpc

Launch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    # Longer than the address of a Unix socket may be.
    return Home(tmp_path_factory.mktemp("long" * 30) / "home")


@pytest.fixture
def resident(home: Home) -> Iterator[psutil.Process]:
    ready = home.folder() / "ready"
    os.mkfifo(ready)
    command = [sys.executable, "-m", "lab.pulumi", "resident", "--socket", str(installation.socket_path(home))]
    with subprocess.Popen([*command, "--ready-file", str(ready)], cwd=CHECKOUT) as process:
        assert ready.read_text() == "ready"
        yield psutil.Process(process.pid)
        process.terminate()


@pytest.fixture
def launch(home: Home, tmp_path: Path) -> Iterator[Launch]:
    """Starts the vault plugin as `pulumi` does."""
    launcher = home.folder() / "pulumi-resource-vault"
    installation.write_launcher(home, launcher, "vault")
    with ExitStack() as stack:

        def start(**environ: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [launcher, "127.0.0.1:1"],
                env={**os.environ, **environ},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def version(process: subprocess.Popen[str]) -> str:
    """What the plugin answers at the port that it printed."""
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
        return str(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty()).version)


def only_child(resident: psutil.Process) -> psutil.Process:
    (child,) = resident.children()
    return child


def gone(process: psutil.Process) -> bool:
    _, alive = psutil.wait_procs([process], timeout=20)
    return not alive


def test_a_plugin_is_a_process_of_its_own_with_the_environment_and_folder_of_who_asked(
    resident: psutil.Process, launch: Launch, tmp_path: Path
) -> None:
    process = launch(VAULT_ADDR="https://127.0.0.1:9")
    assert version(process)
    child = only_child(resident)
    assert child.pid != process.pid
    assert child.cwd() == str(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert gone(child)
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_plugin_ends_with_its_launcher_and_without_a_word(
    resident: psutil.Process, launch: Launch, number: signal.Signals
) -> None:
    process = launch()
    assert version(process)
    child = only_child(resident)
    process.send_signal(number)
    assert gone(child)
    assert process.wait(20) == (0 if number == signal.SIGINT else -number)
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_plugins_outlive_the_resident_process_and_later_ones_do_without_it(
    resident: psutil.Process, launch: Launch
) -> None:
    first = launch()
    assert version(first)
    child = only_child(resident)
    resident.terminate()
    assert resident.wait(20) == 0
    assert child.is_running()
    second = launch()
    assert version(second)
    for process in (first, second):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
