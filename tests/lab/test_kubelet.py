"""`kubectl exec`, `logs`, `port-forward` and `cp` on the lab's pods, as on those of any cluster."""

import hashlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import urllib3
from urllib3.exceptions import HTTPError

from lab import environment
from lab.certificates import Files
from lab.servers.endpoint import Endpoint
from tests.lab import kubectl
from tests.lab.jobs import Jobs
from tests.lab.lab import Lab
from tests.lab.waiting import eventually, until

pytestmark = pytest.mark.lab
CONTEXT = "site-a"
ENDED = "command terminated with exit code"
SERVER = """
initdb --username=postgres --auth=trust -D /tmp/data >/dev/null
exec postgres -D /tmp/data -c listen_addresses="$POD_IP" -c unix_socket_directories=/tmp
"""


class Pod:
    """The pod of a Job, with kubectl's commands for it."""

    def __init__(self, lab: Lab, jobs: Jobs, name: str) -> None:
        self._lab = lab
        self._jobs = jobs
        (pod,) = until(lambda: jobs.pods(name))
        self.name: str = pod["metadata"]["name"]

    def line(self, verb: str, *arguments: str) -> list[str]:
        return kubectl.command(self._lab, CONTEXT, "-n", self._jobs.namespace, verb, *arguments)

    def exec_line(self, *arguments: str) -> list[str]:
        options = [one for one in ("-i", "-it") if one in arguments]
        return self.line("exec", *options, self.name, "--", *(one for one in arguments if one not in options))

    def kubectl(self, verb: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        line = self.line(verb, *arguments)
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)

    def exec(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        return self.kubectl("exec", self.name, "--", *argv)

    def says(self, words: str) -> None:
        """Wait until these words are in the log."""
        until(lambda: words in self.kubectl("logs", self.name).stdout)

    def logs(self, *options: str) -> str:
        done = self.kubectl("logs", self.name, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def module_jobs(lab: Lab) -> Iterator[Jobs]:
    """The Jobs of a namespace of the module's own."""
    client = lab.connect(CONTEXT)
    namespaces = client.resources.get(api_version="v1", kind="Namespace")
    name = namespaces.create(body={"metadata": {"generateName": "kubelet-"}}).metadata.name
    yield Jobs(client, name)
    namespaces.delete(name=name)


@pytest.fixture(scope="module")
def pod(lab: Lab, module_jobs: Jobs) -> Pod:
    """A pod that says a few lines and stays."""
    module_jobs.run(
        "stays",
        'printf "first\\nsecond\\n"; echo third >&2; sleep 86400',
        container={"env": [{"name": "COLOUR", "value": "green"}], "workingDir": "/home"},
    )
    module_jobs.pod_in("stays", "running")
    return Pod(lab, module_jobs, "stays")


@pytest.fixture
def jobs(lab: Lab, namespace: Callable[[str], str]) -> Jobs:
    return Jobs(lab.connect(CONTEXT), namespace(CONTEXT))


@contextmanager
def running(line: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A command and what it prints, to be read while it runs; it is ended afterwards."""
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def processes_with(argument: str) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if argument in (process.info["cmdline"] or [])]


def test_a_command_has_its_streams_and_its_exit_code(pod: Pod) -> None:
    done = pod.exec("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == ("out\n", 7)
    assert done.stderr == f"err\n{ENDED} 7\n"


def test_a_command_is_where_and_who_the_container_is(pod: Pod) -> None:
    folder, colour, user, *spaces = pod.exec(
        "sh", "-c", "pwd; echo $COLOUR; id -u; for n in 2 self; do readlink /proc/$n/ns/pid /proc/$n/ns/mnt; done"
    ).stdout.split()
    assert (folder, colour, user) == ("/home", "green", "1000650000")
    assert spaces[:2] == spaces[2:], "those of the main command"


def test_a_command_that_does_not_exist_is_named(pod: Pod) -> None:
    done = pod.exec("nonsense")
    assert done.returncode == 1
    assert 'error executing command in container: exec: "nonsense": No such file or directory' in done.stderr


def test_what_is_piped_in_arrives_whole_and_its_end_too(pod: Pod) -> None:
    content = os.urandom(3_000_000)
    line = pod.exec_line("-i", "sh", "-c", "cat /dev/stdin")
    assert subprocess.run(line, input=content, capture_output=True, check=True, timeout=60).stdout == content


def test_files_are_copied_in_and_out(pod: Pod, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(100_000))
    assert pod.kubectl("cp", str(there), f"{pod.name}:/tmp/copy").returncode == 0
    assert pod.kubectl("cp", f"{pod.name}:/tmp/copy", str(back)).returncode == 0
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(there.read_bytes()).digest()


def test_a_terminal_in_a_pod_is_as_large_as_the_window_and_follows_it(pod: Pod) -> None:
    with kubectl.terminal(pod.exec_line("-it", "sh"), rows=31, columns=97) as shell:
        shell.type("until [ \"$(stty size)\" = '31 97' ]; do :; done; echo as-large $TERM\n")
        shell.see("as-large xterm\r\n")
        shell.resize(45, 132)
        shell.type("until [ \"$(stty size)\" = '45 132' ]; do :; done; echo grown-$((1 + 1))\n")
        shell.see("grown-2")
        shell.type("exit 5\n")
        assert f"{ENDED} 5" in shell.see(ENDED)
        assert shell.process.wait(timeout=30) == 5


def test_keys_in_a_terminal_are_signals_to_the_command_in_the_pod(pod: Pod) -> None:
    with kubectl.terminal(pod.exec_line("-it", "sleep", "86431.5")) as sleep:
        # kubectl has an argument of that kind too.
        assert until(lambda: [one for one in processes_with("86431.5") if one.name() == "sleep"])
        sleep.type("\x03")
        assert f"{ENDED} 130" in sleep.see(ENDED)
    assert processes_with("86431.5") == []


@pytest.mark.parametrize(
    ("options", "websockets"),
    [(("-it",), "true"), (("-it",), "false"), (("-i",), "false"), ((), "false")],
    ids=["terminal", "SPDY-terminal", "SPDY-piped", "SPDY-silent"],
)
def test_a_command_ends_in_the_pod_when_its_client_is_gone(
    pod: Pod, options: tuple[str, ...], websockets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By WebSockets, without a terminal, no kubelet is told.
    monkeypatch.setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)
    with kubectl.terminal(pod.exec_line(*options, "sh", "-c", "sleep 86432.5; sleep 86432.5")) as client:
        assert until(lambda: [one for one in processes_with("86432.5") if one.name() == "sleep"])
        client.process.kill()
        assert until(lambda: not processes_with("86432.5"), 20)


def test_a_command_ends_with_its_container(lab: Lab, jobs: Jobs) -> None:
    jobs.run("short", "until [ -e /tmp/end ]; do sleep 0.1; done")
    jobs.pod_in("short", "running")
    pod = Pod(lab, jobs, "short")
    done = pod.exec("sh", "-c", "touch /tmp/end; sleep 86433.5")
    assert f"{ENDED} 137" in done.stderr
    assert processes_with("86433.5") == []
    done = pod.exec("true")
    assert done.returncode == 1
    assert "cannot exec into a container in a completed pod" in done.stderr


def test_nobody_is_served_without_a_certificate_of_the_clusters_authority(lab: Lab, pod: Pod) -> None:
    node = lab.connect(CONTEXT).resources.get(api_version="v1", kind="Node").get(name="lab").to_dict()
    port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    folder = lab.home.folder("clusters", CONTEXT)
    url, authority = f"https://127.0.0.1:{port}", folder / "ca.crt"
    path = f"/exec/{pod.line('exec')[6]}/{pod.name}/main?command=id&stdout=1"
    with urllib3.PoolManager(ca_certs=str(authority), retries=False) as pool, pytest.raises(HTTPError):
        pool.request("GET", f"{url}{path}")
    other = lab.home.folder("clusters", "site-b")
    stranger = Files(other / "admin.crt", other / "admin.key")
    assert not Endpoint(url, authority, stranger).ok("/healthz")
    assert Endpoint(url, authority, Files(folder / "admin.crt", folder / "admin.key")).ok("/healthz")


def test_a_log_is_read_whole_by_its_end_and_with_its_times(pod: Pod) -> None:
    pod.says("third")
    assert pod.logs() == "first\nsecond\nthird\n"
    assert pod.logs("--tail=1") == "third\n"
    assert pod.logs("--limit-bytes=3") == "fir"
    assert pod.logs("--since=1h") == pod.logs()
    assert pod.logs("--since-time=2999-01-01T00:00:00Z") == ""
    for line, said in zip(pod.logs("--timestamps").splitlines(), ("first", "second", "third"), strict=True):
        assert re.fullmatch(rf"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{9}}Z {said}", line)


def test_a_log_is_followed_until_its_container_ends(lab: Lab, jobs: Jobs) -> None:
    jobs.run("talks", "echo begun; until [ -e /tmp/go ]; do sleep 0.1; done; echo gone; printf unended")
    jobs.pod_in("talks", "running")
    pod = Pod(lab, jobs, "talks")
    with running(pod.line("logs", pod.name, "--follow")) as follower:
        assert follower.stdout
        assert follower.stdout.readline() == "begun\n"
        assert pod.exec("sh", "-c", "touch /tmp/go").returncode == 0
        assert follower.stdout.read() == "gone\nunended"
        assert follower.wait(timeout=30) == 0
    assert jobs.ended("talks")["type"] == "Complete"
    assert pod.logs() == "begun\ngone\nunended"


def test_the_run_before_has_a_log_of_its_own(lab: Lab, jobs: Jobs) -> None:
    script = "if [ -e /scratch/been ]; then echo again; sleep 86400; fi; touch /scratch/been; echo once; exit 1"
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    container = {"name": "main", "image": "tools:1", "command": ["sh", "-c", script], "volumeMounts": mounts}
    spec = {
        "restartPolicy": "OnFailure",
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "containers": [container],
    }
    jobs.create("Job", "stubborn", "batch/v1", spec={"backoffLimit": 3, "template": {"spec": spec}})
    pod = Pod(lab, jobs, "stubborn")
    pod.says("again")
    assert (pod.logs(), pod.logs("--previous")) == ("again\n", "once\n")


def test_what_cannot_be_shown_is_refused_in_the_kubelets_words(lab: Lab, pod: Pod, jobs: Jobs) -> None:
    env = [{"name": "CODE", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "code"}}}]
    jobs.run("waits", "true", container={"env": env})
    waiting = Pod(lab, jobs, "waits")
    refused = f'(BadRequest): container "main" in pod "{waiting.name}" is waiting to start: CreateContainerConfigError'

    def told() -> None:
        assert refused in waiting.kubectl("logs", waiting.name).stderr

    eventually(told)
    assert 'unable to upgrade connection: container not found ("main")' in waiting.exec("true").stderr
    previous = f'previous terminated container "main" in pod "{pod.name}" not found'
    assert previous in pod.kubectl("logs", pod.name, "--previous").stderr
    for verb in ("logs", "exec"):
        told_of = pod.kubectl(verb, "nowhere", *(["--", "true"] if verb == "exec" else [])).stderr
        assert 'pods "nowhere" not found' in told_of


def test_a_database_is_reached_by_a_forwarded_port(lab: Lab, jobs: Jobs) -> None:
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    jobs.run("database", SERVER, container={"image": "registry.test/postgres:16", "env": [address]})
    jobs.pod_in("database", "running")
    pod = Pod(lab, jobs, "database")
    pod.says("ready to accept connections")
    line = pod.line("port-forward", "--address=127.0.0.1", pod.name, ":5432", ":5433")
    with running(line) as forwarder:
        assert forwarder.stdout
        port, other = (int(forwarder.stdout.readline().split(":")[1].split()[0]) for _ in range(2))
        for _ in range(2):
            with closing(psycopg.connect(host="127.0.0.1", port=port, user="postgres")) as session:
                assert session.execute("SELECT sum(n) FROM generate_series(1, 1000) AS n").fetchone() == (500500,)
        with socket.create_connection(("127.0.0.1", other), timeout=30) as nobody:
            assert nobody.recv(1) == b""
        assert any("connect: connection refused" in line for line in forwarder.stdout)


def test_a_dead_kubelet_and_runner_come_back_and_know_what_has_ended(lab: Lab, jobs: Jobs) -> None:
    jobs.run("over", "echo over")
    assert jobs.ended("over")["type"] == "Complete"
    pod = Pod(lab, jobs, "over")
    names = (f"kubelet-streams-{CONTEXT}", "pods")
    for process in lab.environment.processes():
        if process.name in names:
            os.kill(process.pid, signal.SIGKILL)
    until(lambda: not any(one.alive for one in lab.environment.processes() if one.name in names))
    assert "connection refused" in pod.kubectl("logs", pod.name).stderr
    environment.start(lab.home)
    assert pod.logs() == "over\n"
