"""What the runner of pods answers the kubelet: whose log is meant, the words of a refusal, the socket."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods.answers import Answers
from lab.stand_ins.pods.known import KnownPod, RefusalError, statuses_of
from lab.stand_ins.pods.node import node_status
from lab.stand_ins.pods.status import running, terminated, waiting

ENDED = terminated(1, container_id="run/0")


def pod(**status: object) -> KnownPod:
    return KnownPod(
        name="claim",
        address="127.200.0.1",
        statuses={"main": {"name": "main", **status}},
        log=lambda container: Path("/logs", f"{container}.log"),
    )


@pytest.mark.parametrize(
    ("status", "present", "before"),
    [
        ({"state": running("now"), "containerID": "run/0"}, "main run/0", ""),
        ({"state": running("now"), "containerID": "run/1", "lastState": ENDED}, "main run/1", "main.previous run/0"),
        ({"state": ENDED, "containerID": "run/0"}, "main run/0", ""),
        # Nothing has begun since the last end, so its log is still the present one.
        (
            {"state": waiting("CrashLoopBackOff"), "containerID": "run/0", "lastState": ENDED},
            "main run/0",
            "main run/0",
        ),
        # A pod of the operator's has no names for its runs.
        ({"state": running("now")}, "main ", ""),
    ],
)
def test_a_log_is_that_of_the_run_that_is_meant(status: Manifest, present: str, before: str) -> None:
    known = pod(**status)
    log, run = known.log_of("main", previous=False)
    assert f"{log.stem} {run}" == present
    if before:
        log, run = known.log_of("main", previous=True)
        assert f"{log.stem} {run}" == before
        return
    with pytest.raises(RefusalError, match='previous terminated container "main" in pod "claim" not found') as refusal:
        known.log_of("main", previous=True)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            {"state": waiting("ContainerCreating")},
            'container "main" in pod "claim" is waiting to start: ContainerCreating',
        ),
        ({"state": waiting("ErrImagePull")}, "is waiting to start: image can't be pulled"),
        ({"state": terminated(137)}, 'container "main" in pod "claim" is terminated'),
    ],
)
def test_a_container_without_a_log_is_refused_in_the_kubelets_words(status: Manifest, sentence: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        pod(**status).log_of("main", previous=False)
    assert str(refusal.value).endswith(sentence)
    assert refusal.value.status == 400


def test_a_container_that_is_not_in_the_pod_is_not_found() -> None:
    with pytest.raises(RefusalError, match='container "other" not found in pod "claim"') as refusal:
        pod().log_of("other", previous=False)
    assert refusal.value.status == 404


def test_the_statuses_of_a_pod_are_those_of_all_its_containers() -> None:
    first, second = {"name": "first"}, {"name": "second"}
    status = {"initContainerStatuses": [first], "containerStatuses": [second]}
    assert statuses_of({"status": status}) == {"first": first, "second": second}
    assert statuses_of({}) == {}


def test_the_node_tells_of_its_kubelets_port_where_there_is_one() -> None:
    assert node_status(12345)["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 12345}}
    assert "daemonEndpoints" not in node_status(None)["status"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers for one pod; its path is longer than an address can be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    known = {("rhsi", "claim"): pod(state=running("now"), containerID="run/0")}
    answers = Answers(folder / "kubelet.sock", lambda namespace, name: known.get((namespace, name)))
    answers.start()
    yield folder / "kubelet.sock"
    answers.stop()
    assert not (folder / "kubelet.sock").exists()


def ask(address: Path, **asked: object) -> Manifest:
    """The answer to one question."""
    question = {"namespace": "rhsi", "pod": "claim", "container": "main", "previous": False, **asked}
    folder = os.open(address.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"/proc/self/fd/{folder}/{address.name}")
        os.close(folder)
        line = json.dumps(question).encode() + b"\n"
        connection.sendall(line[:10])
        connection.sendall(line[10:])
        answer: Manifest = json.loads(connection.makefile().readline())
    return answer


def test_a_question_is_answered_by_what_is_known_of_the_pod(address: Path) -> None:
    assert ask(address, ask="address") == {"address": "127.200.0.1"}
    assert ask(address, ask="container") == {"running": True, "run": "run/0"}
    assert ask(address, ask="container", container="other") == {"running": False, "run": ""}
    assert ask(address, ask="log") == {"log": "/logs/main.log", "run": "run/0"}
    refusal = ask(address, ask="log", previous=True)
    assert refusal == {"refusal": 'previous terminated container "main" in pod "claim" not found', "status": 400}
    assert ask(address, ask="address", pod="other") == {"unknown": True}
