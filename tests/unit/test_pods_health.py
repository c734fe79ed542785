"""Probes: when they are asked, what their answers mean, and how they are asked."""

import http.server
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods.containers.actions import Outcome, check, perform
from lab.stand_ins.pods.containers.health import Health
from lab.stand_ins.pods.containers.variables import ContainerConfigError
from lab.stand_ins.pods.walls.launching import Finished, StartError

ACTION: Manifest = {"exec": {"command": ["true"]}}


def probes(**kinds: Manifest) -> Health:
    """The health of a container that has started at 100 and has these probes."""
    return Health({f"{kind}Probe": ACTION | settings for kind, settings in kinds.items()}, 100.0)


def due(health: Health, now: float) -> list[str]:
    return [tally.probe.kind for tally in health.due(now)]


def answer(health: Health, now: float, *answers: bool) -> None:
    """Let the one probe that is due answer, at every period once."""
    for one in answers:
        (tally,) = health.due(now)
        tally.ask(now)
        tally.take(one)
        now += tally.probe.period


def test_without_probes_a_container_is_started_and_ready_at_once() -> None:
    health = Health({"name": "main"}, 100.0)
    assert (health.started, health.ready, health.failed, health.due_at) == (True, True, None, float("inf"))


def test_a_container_is_not_ready_before_its_readiness_probe_has_said_so() -> None:
    health = probes(readiness={"periodSeconds": 5})
    assert (health.started, health.ready) == (True, False)
    answer(health, 100, True)
    assert health.ready


def test_a_probe_waits_for_its_delay_then_for_its_period() -> None:
    health = probes(readiness={"initialDelaySeconds": 3, "periodSeconds": 5})
    assert (due(health, 102.9), health.due_at) == ([], 103)
    answer(health, 103, True)
    assert health.due_at == 108


def test_a_probe_that_has_not_answered_is_not_asked_again() -> None:
    health = probes(readiness={"periodSeconds": 1})
    (tally,) = health.due(100)
    tally.ask(100)
    assert (due(health, 200), health.due_at) == ([], float("inf"))
    tally.take(answer=True)
    assert due(health, 200) == ["readiness"]


@pytest.mark.parametrize(
    ("answers", "ready"),
    [
        ([True], False),
        ([True, True], True),
        ([True, False, True], False),
        ([True, True, False, False], True),
        ([True, True, False, False, False], False),
        ([True, True, False, False, True, False], True),
    ],
)
def test_only_so_many_equal_answers_in_a_row_count(*, answers: list[bool], ready: bool) -> None:
    health = probes(readiness={"successThreshold": 2, "failureThreshold": 3})
    answer(health, 100, *answers)
    assert health.ready is ready


def test_a_readiness_probe_that_fails_demands_no_new_run() -> None:
    health = probes(readiness={"failureThreshold": 1})
    answer(health, 100, False)
    assert health.failed is None


def test_a_liveness_probe_that_fails_demands_a_new_run_and_nothing_more_is_asked() -> None:
    health = probes(liveness={"failureThreshold": 2, "terminationGracePeriodSeconds": 7})
    answer(health, 100, False)
    assert health.failed is None
    answer(health, 110, False)
    assert health.failed
    assert (health.failed.kind, health.failed.grace) == ("liveness", 7)
    assert due(health, 1000) == []


def test_the_others_wait_for_the_startup_probe_and_then_begin_at_once() -> None:
    health = probes(startup={"periodSeconds": 2}, readiness={}, liveness={"initialDelaySeconds": 60})
    assert due(health, 100) == ["startup"]
    assert (health.started, health.ready) == (False, False)
    answer(health, 100, False, True)
    assert health.started
    assert due(health, 102) == ["readiness"]
    assert due(health, 160) == ["readiness", "liveness"]


def test_a_startup_probe_that_never_succeeds_demands_a_new_run() -> None:
    health = probes(startup={"failureThreshold": 3, "periodSeconds": 1}, readiness={})
    answer(health, 100, False, False)
    assert health.failed is None
    answer(health, 102, False)
    assert health.failed
    assert health.failed.kind == "startup"


class Status(http.server.BaseHTTPRequestHandler):
    """Answers /<status> with that status, if the header X-Probe is there."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]) if self.headers["X-Probe"] else 500)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def web_server() -> Iterator[int]:
    """The port of a web server on 127.0.0.1."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Status) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def no_command(_argv: Sequence[str], _timeout: float) -> Finished:
    raise StartError("nothing is run in this test")


def ask(action: Manifest, port: int = 0, timeout: float = 5) -> Outcome:
    container = {"name": "main", "ports": [{"name": "web", "containerPort": port}]}
    return perform(action, container=container, address="127.0.0.1", inside=no_command, timeout=timeout)


@pytest.mark.parametrize(("status", "ok"), [(200, True), (302, True), (404, False), (503, False)])
def test_a_request_succeeds_by_its_status(web_server: int, *, status: int, ok: bool) -> None:
    headers = [{"name": "X-Probe", "value": "yes"}]
    outcome = ask({"httpGet": {"port": "web", "path": f"/{status}", "httpHeaders": headers}}, web_server)
    assert (outcome.ok, outcome.said) == (ok, f"HTTP probe failed with statuscode: {status}")


def test_a_connection_succeeds_where_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert ask({"tcpSocket": {"port": port}}).ok
    refused = ask({"tcpSocket": {"port": port}})
    assert not refused.ok
    assert "Connection refused" in refused.said


def test_a_port_without_a_number_is_named() -> None:
    assert ask({"tcpSocket": {"port": "absent"}}) == Outcome(
        ok=False, said="the container has no port of the name 'absent'"
    )


@pytest.mark.parametrize(
    ("finished", "outcome"),
    [
        (Finished(0, "fine\n"), Outcome(ok=True, said="fine")),
        (Finished(2, "no response\n"), Outcome(ok=False, said="no response")),
        (Finished(2, ""), Outcome(ok=False, said="command ended with 2")),
        (Finished(None, ""), Outcome(ok=False, said="command timed out after 3s: pg_isready -q")),
    ],
)
def test_a_command_succeeds_by_its_exit_code(finished: Finished, outcome: Outcome) -> None:
    asked: list[tuple[Sequence[str], float]] = []

    def inside(argv: Sequence[str], timeout: float) -> Finished:
        asked.append((argv, timeout))
        return finished

    action = {"exec": {"command": ["pg_isready", "-q"]}}
    assert perform(action, container={}, address="127.0.0.1", inside=inside, timeout=3) == outcome
    assert asked == [(["pg_isready", "-q"], 3)]


def test_a_command_that_cannot_be_run_is_a_failure() -> None:
    assert ask({"exec": {"command": ["x"]}}) == Outcome(ok=False, said="nothing is run in this test")


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"livenessProbe": {"grpc": {"port": 1}}}, "livenessProbe: the lab has exec, httpGet, sleep, tcpSocket only"),
        ({"lifecycle": {"postStart": ACTION}}, "postStart hooks are not available"),
    ],
)
def test_what_the_lab_cannot_ask_is_refused(container: Manifest, message: str) -> None:
    with pytest.raises(ContainerConfigError, match=message):
        check(container)


def test_probes_and_hooks_that_the_lab_can_ask_are_not_refused() -> None:
    check({"startupProbe": ACTION, "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}})
