"""The pod runner as a process of its own, on a cluster that somebody else started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lab import environment
from lab.environment import Environment
from lab.home import CHECKOUT, Home
from lab.kube import Manifest, connect
from tests.lab.jobs import Jobs, container_state
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CONTEXT = "alone"
PARTS = frozenset({"eso", "network", "skupper", "pods", "cnpg"})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A cluster without a runner."""
    home = Home(tmp_path_factory.mktemp("alone"))
    try:
        yield environment.start(home, PARTS, (CONTEXT,))
    finally:
        environment.stop(home)


@pytest.fixture
def jobs(cluster: Environment, request: pytest.FixtureRequest) -> Jobs:
    client = connect(CONTEXT, cluster.kubeconfig)
    namespace = request.node.name.replace("_", "-")[:60].strip("-")
    client.resources.get(api_version="v1", kind="Namespace").create(body={"metadata": {"name": namespace}})
    return Jobs(client, namespace)


class Runner:
    """`python -m lab.stand_ins.pods`, as a person would start it."""

    def __init__(self, folder: Path, kubeconfig: str, context: str, *more: str) -> None:
        self.log = folder / "runner.log"
        self._ready = folder / "ready"
        self._ready.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "lab.stand_ins.pods",
                    "--context",
                    context,
                    "--ready-file",
                    str(self._ready),
                    *more,
                ],
                env={**os.environ, "KUBECONFIG": kubeconfig, "RHSI_LAB_HOME": str(folder / "home")},
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> "Runner":
        """The runner, once it serves."""
        assert until(lambda: self._ready.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@pytest.fixture
def start(tmp_path: Path, cluster: Environment) -> Iterator[Callable[..., Runner]]:
    """Starts a runner; whichever still runs at the end is stopped."""
    begun: list[Runner] = []

    def begin(*more: str) -> Runner:
        begun.append(Runner(tmp_path, cluster.kubeconfig, CONTEXT, *more))
        return begun[-1].ready()

    yield begin
    for runner in begun:
        if runner.process.poll() is None:
            runner.stop()


def processes_with(argument: str) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if argument in (process.info["cmdline"] or [])]


def only_pod(jobs: Jobs, name: str) -> Manifest:
    (pod,) = jobs.pods(name)
    return pod


def test_a_pod_that_was_there_before_the_runner_is_run(start: Callable[..., Runner], jobs: Jobs) -> None:
    jobs.run("early", "true")
    assert until(lambda: jobs.pods("early"))
    start()
    assert jobs.ended("early")["type"] == "Complete"


def test_the_node_is_there_and_closed_to_schedulers(start: Callable[..., Runner], jobs: Jobs) -> None:
    start()
    node = jobs.kind("Node").get(name="lab").to_dict()
    assert node["spec"]["unschedulable"] is True
    assert [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"] == ["True"]


def test_a_stop_signal_ends_everything_at_once_and_says_so(start: Callable[..., Runner], jobs: Jobs) -> None:
    runner = start()
    jobs.run("long", "trap '' TERM; sleep 86421.5 & wait; wait")
    jobs.pod_in("long", "running")
    begun = time.monotonic()
    assert runner.stop() == 0
    # The promise is two seconds; a busy machine gets some more.
    assert time.monotonic() - begun < 5
    assert processes_with("86421.5") == []
    status = only_pod(jobs, "long")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Terminated")


def test_a_killed_runner_leaves_no_process_and_its_successor_gives_its_pods_up(
    start: Callable[..., Runner], jobs: Jobs
) -> None:
    runner = start()
    jobs.run("long", "sleep 86422.5")
    jobs.pod_in("long", "running")
    runner.stop(signal.SIGKILL)
    assert until(lambda: not processes_with("86422.5"))
    start()
    assert jobs.ended("long")["type"] == "Failed"
    ended = container_state(only_pod(jobs, "long"))["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")


def test_a_running_pod_outlives_its_api_server(
    start: Callable[..., Runner], jobs: Jobs, cluster: Environment, tmp_path: Path
) -> None:
    start()
    # The pod ends while the server is away, and so it reports late.
    script = "until ! kubectl get --raw /livez >/dev/null 2>&1; do :; done; echo gone"
    jobs.run("waits", script)
    jobs.pod_in("waits", "running")
    (server,) = [one for one in cluster.processes() if "apiserver" in one.name]
    handle = server.handle()
    assert handle
    handle.kill()
    log = next((tmp_path / "home" / "pods").glob("*/*/*/main.log"))
    assert until(lambda: "gone" in log.read_text())
    environment.start(Home(cluster.root), PARTS, (CONTEXT,))
    assert jobs.ended("waits")["type"] == "Complete"
    jobs.run("after", "true")
    assert jobs.ended("after")["type"] == "Complete"


def test_a_runner_of_one_namespace_leaves_the_others_alone(start: Callable[..., Runner], jobs: Jobs) -> None:
    start("--namespace", jobs.namespace)
    elsewhere = jobs.of("default")
    elsewhere.run("elsewhere", "true")
    assert until(lambda: elsewhere.pods("elsewhere"))
    jobs.run("here", "true")
    assert jobs.ended("here")["type"] == "Complete"
    assert "nodeName" not in only_pod(elsewhere, "elsewhere")["spec"]


def test_no_second_runner_of_the_same_lab_serves_a_context(
    start: Callable[..., Runner], tmp_path: Path, cluster: Environment
) -> None:
    first = start()
    second = Runner(tmp_path, cluster.kubeconfig, CONTEXT)
    assert second.process.wait(timeout=20) == 1
    said = second.log.read_text()
    assert "already serves context 'alone'" in said
    assert "Traceback" not in said
    assert first.process.poll() is None


@pytest.mark.parametrize(
    ("context", "message"), [("nowhere", "Context 'nowhere'"), ("silent", "API server of context 'silent'")]
)
def test_a_context_that_cannot_be_served_is_one_sentence(tmp_path: Path, context: str, message: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        """
apiVersion: v1
kind: Config
clusters: [{name: silent, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: silent, user: {token: x}}]
contexts: [{name: silent, context: {cluster: silent, user: silent}}]
"""
    )
    runner = Runner(tmp_path, str(kubeconfig), context)
    assert runner.process.wait(timeout=30) == 1
    said = runner.log.read_text()
    assert "error: " in said
    assert message in said
    assert "Traceback" not in said
