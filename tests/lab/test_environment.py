"""The life of a lab on real servers: started, found again, repaired, stopped, and never half left behind."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hvac
import psutil
import pytest
import yaml
from kubernetes.client import VersionApi

from lab import environment
from lab.environment import Environment
from lab.home import CHECKOUT, Home, LabError
from lab.kube import api_client, connect, find
from lab.servers import PARTS
from lab.servers.process import stop
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

# The smallest lab: one cluster and Vault.
CONTEXTS = ("solo",)
WITHOUT = frozenset({"eso", "network", "skupper", "pods", "cnpg"})
# A shell without a terminal starts its background jobs deaf to Ctrl-C; a person's start is not.
START = f"""
import signal
import sys
from pathlib import Path
from lab import environment
from lab.home import Home
signal.signal(signal.SIGINT, signal.default_int_handler)
environment.start(Home(Path(sys.argv[1])), frozenset({sorted(WITHOUT)}), {CONTEXTS})
"""
NAMES = ["etcd-solo", "kube-apiserver-solo", "kube-controller-manager-solo", "openbao"]


class Told:
    """A Progress that remembers its steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def update(self, text: str) -> None:
        """Forget it."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of the lab that the tests share."""
    found = Home(tmp_path_factory.mktemp("small"))
    yield found
    environment.stop(found)


@pytest.fixture
def small(home: Home) -> Environment:
    """That lab, whole: a test may have left it with a part that is down."""
    return environment.start(home, WITHOUT, CONTEXTS)


def processes_of(home: Home) -> list[str]:
    """Command lines of all processes of this machine that have to do with this home."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(home.root) in line and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(line)
    return found


def test_every_server_runs_in_the_background_on_loopback_only(small: Environment) -> None:
    processes = small.processes()
    assert [process.name for process in processes] == NAMES
    for process in processes:
        handle = process.handle()
        assert handle is not None
        assert os.getsid(process.pid) == process.pid, "Ctrl-C at the terminal must not reach it"
        listening = [entry.laddr for entry in handle.net_connections("tcp") if entry.status == psutil.CONN_LISTEN]
        assert {address.ip for address in listening} <= {"127.0.0.1"}
        assert {address.port for address in listening} == set(process.ports.values())


def test_secrets_are_in_private_files_and_in_no_argument_environment_or_record(small: Environment) -> None:
    home, token = Home(small.root), small.vault_token
    key = (home.root / "vault" / "unseal-key").read_text()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    for file in (Path(small.kubeconfig), home.root / "vault" / "root-token", home.root / "vault" / "unseal-key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for process in small.processes():
        handle = process.handle()
        assert handle is not None
        for text in (" ".join(handle.cmdline()), str(handle.environ()), process.to_json(), process.log.read_text()):
            assert token not in text
            assert key not in text
    assert token not in (home.root / "environment.json").read_text()


def test_the_environment_is_read_back_as_it_was_returned(small: Environment) -> None:
    assert environment.load(Home(small.root)) == small
    assert small.environ().keys() == {"KUBECONFIG", "VAULT_ADDR", "VAULT_TOKEN", "VAULT_CACERT"}
    assert small.memory() > 100 * 2**20


def test_a_second_start_reuses_everything(small: Environment) -> None:
    before = small.processes()
    told = Told()
    assert environment.start(Home(small.root), WITHOUT, CONTEXTS, told) == small
    assert small.processes() == before
    assert told.steps == []


def test_a_start_with_other_parts_says_what_stands(small: Environment) -> None:
    with pytest.raises(LabError, match=r"stands with contexts solo .*: run `python -m lab down`"):
        environment.start(Home(small.root), WITHOUT, ("site-a", "site-b"))
    assert all(process.alive for process in small.processes())


def test_an_unknown_part_is_named(small: Environment) -> None:
    with pytest.raises(LabError, match="no part 'vualt' to leave out: the parts are clusters, vault, eso"):
        environment.start(Home(small.root), frozenset({"vualt"}), CONTEXTS)


def test_parts_that_died_are_started_again_with_their_addresses_and_data(small: Environment) -> None:
    client = hvac.Client(url=small.vault_addr, token=small.vault_token, verify=str(small.vault_cacert))
    client.sys.enable_secrets_engine("kv", path="kept", options={"version": "1"})
    client.secrets.kv.v1.create_or_update_secret("x", {"y": "z"}, mount_point="kept")
    configmaps = connect("solo", small.kubeconfig).resources.get(api_version="v1", kind="ConfigMap")
    configmaps.create(namespace="default", body={"metadata": {"name": "kept"}})
    before = {process.name: process for process in small.processes()}
    for name in ("openbao", "etcd-solo"):
        stop([before[name]], grace=0)
    told = Told()
    assert environment.start(Home(small.root), WITHOUT, CONTEXTS, told) == small
    after = {process.name: process for process in small.processes()}
    assert {name for name in NAMES if after[name] != before[name]} == {"openbao", "etcd-solo"}
    ended = {step.partition(" has ended")[0] for step in told.steps if "starting it again" in step}
    assert ended == {"openbao", "etcd-solo"}
    assert "openbao is ready" in told.steps
    assert client.read("kept/x")["data"] == {"y": "z"}
    assert find(connect("solo", small.kubeconfig), "v1", "ConfigMap", "kept", "default") is not None


def test_a_sealed_vault_is_unsealed_by_the_next_start(small: Environment) -> None:
    client = hvac.Client(url=small.vault_addr, token=small.vault_token, verify=str(small.vault_cacert))
    client.sys.seal()
    assert client.sys.is_sealed()
    environment.start(Home(small.root), WITHOUT, CONTEXTS)
    assert not client.sys.is_sealed()


def test_the_cluster_has_what_vault_and_pods_need(small: Environment) -> None:
    client = connect("solo", small.kubeconfig)
    authority = find(client, "v1", "ConfigMap", "kube-root-ca.crt", "kube-public")
    assert authority is not None
    assert authority["data"]["ca.crt"] == small.api_authorities["solo"]
    assert find(client, "v1", "ServiceAccount", "default", "default") is not None
    assert VersionApi(api_client("solo", small.kubeconfig)).get_code().git_version.startswith("v1.")


def test_somebody_elses_clusters_and_vault_take_the_place_of_the_labs(
    small: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in small.environ().items():
        monkeypatch.setenv(name, value)
    home = Home(tmp_path / "guest")
    guest = environment.start(home, frozenset(PARTS), CONTEXTS)
    try:
        assert guest.processes() == []
        assert guest.api_servers == small.api_servers
        assert guest.api_authorities == small.api_authorities
        assert guest.environ() == small.environ()
        assert small.vault_token not in (home.root / "environment.json").read_text()
    finally:
        environment.stop(home)
    assert all(process.alive for process in small.processes()), "they are not the guest's to stop"


def test_the_runner_of_pods_alone_serves_somebody_elses_cluster(
    small: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in small.environ().items():
        monkeypatch.setenv(name, value)
    home = Home(tmp_path / "guest")
    guest = environment.start(home, frozenset(PARTS) - {"pods"}, CONTEXTS)
    try:
        begun = guest.processes()
        assert [process.name for process in begun] == ["pods"]
        for process in begun:
            handle = process.handle()
            assert handle is not None
            assert small.vault_token not in str(handle.environ())
    finally:
        environment.stop(home)
    assert not any(process.alive for process in begun)


def test_a_user_who_may_not_create_kinds_is_told_so(
    small: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = connect("solo", small.kubeconfig).resources.get(api_version="v1", kind="ServiceAccount")
    token = accounts.subresources["token"].create(
        name="default", namespace="default", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    )
    config = yaml.safe_load(Path(small.kubeconfig).read_text())
    config["users"] = [{"name": "solo", "user": {"token": token.status.token}}]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    for name, value in (small.environ() | {"KUBECONFIG": str(file)}).items():
        monkeypatch.setenv(name, value)
    home = Home(tmp_path / "guest")
    with pytest.raises(LabError, match=r"cannot be created in solo \(403 Forbidden\): they need an administrator"):
        environment.start(home, frozenset(PARTS) - {"skupper"}, CONTEXTS)
    assert processes_of(home) == []


def test_a_vault_that_refuses_the_token_is_one_sentence(
    small: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (small.environ() | {"VAULT_TOKEN": "s.nonsense"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LabError, match="refuses VAULT_TOKEN"):
        environment.start(Home(tmp_path / "guest"), frozenset(PARTS), CONTEXTS)


def test_a_program_that_dies_at_start_is_one_sentence_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "bao"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'error: licence expired in 1999' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    home = Home(tmp_path / "lab")
    with pytest.raises(LabError, match="openbao ended while starting: error: licence expired in 1999"):
        environment.start(home, WITHOUT, CONTEXTS)
    assert processes_of(home) == []
    assert environment.load(home) is None
    assert (home.root / "logs" / "openbao.log").exists(), "the log is what helps"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_start_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    home = Home(tmp_path / "lab")
    argv = [sys.executable, "-c", START, str(home.root)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stderr=subprocess.DEVNULL) as starting:
        wait_for_processes(home)
        starting.send_signal(number)
    assert starting.returncode != 0
    if number == signal.SIGKILL:
        # Nobody can clean up after that but the next command.
        environment.stop(home)
    assert processes_of(home) == []
    assert environment.load(home) is None


def wait_for_processes(home: Home) -> None:
    """Wait until the start has begun its first servers."""
    until(lambda: len(list((home.root / "processes").glob("*.json"))) >= 2, pause=0.02)


def test_stop_leaves_no_process_and_no_state_and_is_content_with_nothing_to_stop(tmp_path: Path) -> None:
    home = Home(tmp_path / "lab")
    environment.start(home, WITHOUT, CONTEXTS)
    assert processes_of(home) != []
    environment.stop(home)
    assert processes_of(home) == []
    assert not home.root.exists()
    environment.stop(home)
    assert not home.root.exists()
