"""The machinery under the lab's servers: processes, ports, certificates, the home, and what is taken from others."""

import dataclasses
import os
import shutil
import signal
import socket
import ssl
import stat
import sys
import threading
from pathlib import Path

import psutil
import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from lab.certificates import Authority
from lab.home import Home, LabError
from lab.progress import Silent
from lab.servers.existing import ExistingClusters, ExistingVault
from lab.servers.folder import forget, locked, take
from lab.servers.ports import SOURCE_PORTS, Ports
from lab.servers.process import Process, last_words, memory, plain_environ, spawn, stop, telling_line
from lab.servers.supervisor import Server, Supervisor

SERVE = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: s.accept()"
STUBBORN = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "lab")


def python(home: Home, code: str, *arguments: str, name: str = "server") -> Process:
    argv = [sys.executable, "-c", code, *arguments]
    return spawn(name, argv, environ=plain_environ(), log=home.logs / f"{name}.log", ports={}, folder=home.root)


@retry(stop=stop_after_delay(20), wait=wait_fixed(0.02), reraise=True)
def first_line(process: Process) -> str:
    lines = process.log.read_text().splitlines()
    assert lines, "the process has said nothing yet"
    return lines[0]


def server(supervisor: Supervisor, code: str = SERVE) -> Server:
    port = supervisor.ports.get("server")

    def listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    return Server(
        name="server",
        argv=(sys.executable, "-c", code, str(port)),
        environ=plain_environ(),
        ready=listening if code == SERVE else lambda: False,
        ports=("server",),
    )


def test_stop_ends_a_process_that_ignores_the_polite_signal_and_its_children_too(home: Home) -> None:
    process = python(home, STUBBORN)
    child = int(first_line(process).split()[1])
    assert memory([process]) > 0
    stop([process], grace=0.2)
    assert not process.alive
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_stop_without_patience_still_returns_when_nothing_is_left(home: Home) -> None:
    processes = [python(home, STUBBORN, name=f"server-{number}") for number in range(8)]
    for process in processes:
        first_line(process)
    stop(processes, grace=0)
    assert not any(process.alive for process in processes)


def test_a_process_that_got_the_same_pid_later_is_left_alone(home: Home) -> None:
    process = python(home, "import signal; signal.pause()")
    stranger = dataclasses.replace(process, created=process.created - 3600)
    assert not stranger.alive
    stop([stranger], grace=0.2)
    assert process.alive
    stop([process])
    assert not process.alive


def test_a_process_whose_start_was_killed_before_it_was_recorded_is_stopped_all_the_same(home: Home) -> None:
    unrecorded = python(home, "import signal; signal.pause()")
    assert Supervisor(home, Silent()).processes() == []
    Supervisor(Home(home.root / "another"), Silent()).stop_all()
    assert unrecorded.alive
    Supervisor(home, Silent()).stop_all()
    assert not unrecorded.alive


def test_a_server_inherits_nothing_that_its_starter_was_left_with(home: Home) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        process = python(home, "import os, signal\nprint(*os.listdir('/proc/self/fd'), flush=True)\nsignal.pause()")
        assert len(first_line(process).split()) == 4, "the fourth is the listing's own"
    finally:
        os.close(read)
        os.close(write)
        stop([process])


def test_a_record_is_read_back_as_it_was_written(home: Home) -> None:
    process = Process(name="etcd", pid=7, created=1.5, ports={"etcd": 1234}, log=home.logs / "etcd.log")
    assert Process.from_json(process.to_json()) == process


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("starting\nE01 cannot open /x: permission denied\nshutting down\n", "E01 cannot open /x: permission denied"),
        ("starting\nbye\n\n", "bye"),
        ("", "it said nothing"),
    ],
)
def test_the_telling_line_of_a_log_is_its_last_error(tmp_path: Path, log: str, line: str) -> None:
    (tmp_path / "log").write_text(log)
    assert telling_line(tmp_path / "log") == line


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("etcd is away: connection refused\nserving\n", ""),
        ("serving\nE1127 10:00:00 cannot reach a client\nserving on\n", ""),
        (
            "serving\npanic: runtime error: index out of range\n\ngoroutine 1 [running]:\n",
            "panic: runtime error: index",
        ),
        ('serving\nF1127 10:00:00.1  9 server.go:1] "cannot go on"\nbye\n', "F1127 10:00:00.1"),
        ('serving\n{"msg":"Shutdown signal received"}\nbye\n', '{"msg":"Shutdown signal received"}'),
        ("serving\nTraceback\nlab.home.LabError: no\nserving on\n", ""),
        ("serving\nTraceback\nlab.home.LabError: no\n", "lab.home.LabError: no"),
    ],
)
def test_the_last_words_of_a_server_are_what_explains_its_end_and_nothing_of_its_start(
    home: Home, log: str, words: str
) -> None:
    begun = "error: not the reason\npanic: averted\n"
    process = Process(name="it", pid=0, created=0, ports={}, log=home.logs / "it.log", ready_at=len(begun))
    process.log.write_text(begun + log)
    assert last_words(process)[: len(words) or None] == words


def test_a_server_that_was_killed_is_not_blamed_for_what_it_said_when_it_started(home: Home) -> None:
    said: list[str] = []

    class Told(Silent):
        def step(self, text: str) -> None:
            said.append(text)

    supervisor = Supervisor(home, Told())
    code = f"print('error: etcd is not there yet', flush=True)\n{SERVE}"

    def describe() -> Server:
        return dataclasses.replace(server(supervisor, code), ready=server(supervisor).ready)

    try:
        first = supervisor.ensure(describe)
        stop([first], grace=0)
        assert supervisor.ensure(describe) != first
        assert "server has ended: starting it again" in said
    finally:
        supervisor.stop_all()


def test_a_server_is_started_once_and_found_by_the_next_command(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    try:
        first = supervisor.ensure(lambda: server(supervisor))
        other = Supervisor(home, Silent())
        assert other.ensure(lambda: server(other)) == first
        assert other.processes() == [first]
        other.stop_begun()
        assert first.alive, "it was not the other's to stop"
    finally:
        supervisor.stop_all()
    assert not first.alive
    assert supervisor.processes() == []


def test_a_server_that_ends_while_the_next_command_waits_for_it_is_started_again(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    try:
        first = supervisor.ensure(lambda: server(supervisor))

        def dying() -> Server:
            def ready() -> bool:
                os.kill(first.pid, signal.SIGKILL)
                return not first.alive and listening()

            found = server(supervisor)
            listening = found.ready
            return dataclasses.replace(found, ready=ready if first.alive else listening)

        second = Supervisor(home, Silent()).ensure(dying)
        assert second != first
        assert second.alive
    finally:
        supervisor.stop_all()


def test_a_server_that_ends_while_it_starts_is_one_sentence_with_its_last_words(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    code = "import sys; sys.exit('error: the disk is made of cheese')"
    with pytest.raises(LabError, match="server ended while starting: error: the disk is made of cheese"):
        supervisor.ensure(lambda: server(supervisor, code))
    supervisor.stop_all()


def test_a_program_that_does_not_exist_is_one_sentence(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    missing = Server(name="ghost", argv=("/nonexistent/ghost",), environ={}, ready=lambda: True)
    with pytest.raises(LabError, match="/nonexistent/ghost cannot be run as ghost"):
        supervisor.ensure(lambda: missing)


def test_a_port_that_was_taken_in_between_is_replaced_by_another(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    with socket.create_server(("127.0.0.1", supervisor.ports.get("server"))) as thief:
        taken = thief.getsockname()[1]

        # The thief's socket answers as if the server were ready, so readiness here is the record of a living process.
        def describe() -> Server:
            described = server(supervisor)
            port = supervisor.ports.get("server")
            return dataclasses.replace(described, ready=lambda: port != taken and described.ready())

        process = supervisor.ensure(describe)
    assert process.ports["server"] != taken
    supervisor.stop_all()


def test_a_known_server_keeps_its_port_or_says_that_it_is_taken(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    process = supervisor.ensure(lambda: server(supervisor))
    stop([process])
    with socket.create_server(("127.0.0.1", process.ports["server"])):
        again = Supervisor(home, Silent())
        with pytest.raises(LabError, match="in use"):
            again.ensure(lambda: dataclasses.replace(server(again), ready=lambda: False))
    again.stop_all()


def test_giving_up_ends_a_wait_at_once_and_starts_nothing_more(home: Home) -> None:
    supervisor = Supervisor(home, Silent())
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            supervisor.wait_for("nothing happened", lambda: False)
        except LabError as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    supervisor.stop_begun()
    thread.join(timeout=5)
    assert [str(failure) for failure in failures] == ["The start of the lab was given up."]
    with pytest.raises(LabError, match="given up"):
        supervisor.ensure(lambda: server(supervisor))
    assert supervisor.processes() == []


def test_ports_are_different_remembered_and_renewed(home: Home) -> None:
    ports = Ports(home)
    chosen = {name: ports.get(name) for name in ("a", "b", "c")}
    assert len(set(chosen.values())) == 3
    assert {name: Ports(home).get(name) for name in chosen} == chosen
    ports.renew("a")
    assert ports.get("b") == chosen["b"]


def test_no_client_is_ever_given_the_port_of_a_server_that_is_down(home: Home) -> None:
    lowest_source_port = int(SOURCE_PORTS.read_text().split()[0])
    ports = Ports(home)
    assert all(1024 < ports.get(str(number)) < lowest_source_port for number in range(50))


def test_a_port_that_something_else_holds_is_not_chosen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = listener.getsockname()[1]
        monkeypatch.setattr("lab.servers.ports.random.sample", lambda candidates, _: [held, *candidates])
        assert Ports(home).get("a") != held


def test_certificates_are_accepted_by_a_strict_client_and_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "test-ca")
    pair = authority.server("web", ("127.0.0.1", "localhost"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in (pair.key, pair.certificate)} == {0o600}
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(pair.certificate, pair.key)
    there = ssl.create_default_context(cafile=str(authority.certificate))
    there.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with here.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            there.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            assert secured.version() == "TLSv1.3"
            secured.send(b"x")
        thread.join(timeout=5)


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    first = Authority(tmp_path, "test-ca").certificate.read_bytes()
    assert Authority(tmp_path, "test-ca").certificate.read_bytes() == first


def test_a_home_that_holds_other_things_is_refused_and_never_deleted(home: Home) -> None:
    (home.folder() / "thesis.odt").write_text("years of work")
    with pytest.raises(LabError, match=r"holds other things \(thesis.odt\): set RHSI_LAB_HOME"):
        take(home)
    forget(home)
    assert (home.root / "thesis.odt").read_text() == "years of work"


def test_forgetting_deletes_all_or_keeps_the_logs(home: Home) -> None:
    home.folder()
    take(home)
    (home.logs / "etcd.log").write_text("x")
    home.folder("clusters")
    forget(home, keep=("logs",))
    assert sorted(entry.name for entry in home.root.iterdir()) == [".rhsi-lab", "logs"]
    forget(home)
    assert not home.root.exists()


def test_two_commands_on_one_lab_go_one_after_the_other(home: Home) -> None:
    waiting, order = threading.Event(), []

    class Told(Silent):
        def step(self, text: str) -> None:
            assert "another command is starting or stopping the lab" in text
            waiting.set()

    def second() -> None:
        with locked(home, Told()):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(home, Silent()):
        thread.start()
        assert waiting.wait(10)
        order.append("first")
        # As `down` does it: the lock goes with the rest, and the one who waits must not take the deleted one.
        shutil.rmtree(home.root)
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert (home.root / ".lock").exists()


KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: one, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: one, user: {}}]
contexts: [{name: site-a, context: {cluster: one, user: one}}]
"""


@pytest.fixture
def kubectl() -> Path:
    return Path(sys.prefix, "bin", "kubectl")


def test_without_a_kubeconfig_nobodys_default_clusters_are_taken(home: Home, kubectl: Path) -> None:
    with pytest.raises(LabError, match=r"KUBECONFIG is not set: .* the contexts site-a and site-b"):
        ExistingClusters(home, ("site-a", "site-b"), kubectl)


def test_a_kubeconfig_without_a_context_is_one_sentence(
    home: Home, kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(LabError, match=r"has no context site-b \(it has site-a\): add it"):
        ExistingClusters(home, ("site-a", "site-b"), kubectl)


def test_a_kubeconfig_that_is_no_kubeconfig_is_one_sentence(
    home: Home, kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text("clusters: [{")
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(LabError, match=r"^KUBECONFIG=.* cannot be read: .*$"):
        ExistingClusters(home, ("site-a",), kubectl)


def test_an_api_server_that_does_not_answer_is_one_sentence(
    home: Home, kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(file))
    clusters = ExistingClusters(home, ("site-a",), kubectl)
    with pytest.raises(LabError, match=r"https://127\.0\.0\.1:1 of context 'site-a' in KUBECONFIG does not answer"):
        clusters.start_api()


def test_an_existing_vault_needs_address_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(LabError, match="VAULT_ADDR and VAULT_TOKEN must be set"):
        ExistingVault()


def test_an_existing_vault_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://127.0.0.1:1")
    with pytest.raises(LabError, match=r"VAULT_ADDR=https://127\.0\.0\.1:1 does not answer"):
        ExistingVault().start()
