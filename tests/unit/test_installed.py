"""Controllers that are at work only while OLM has installed their operator."""

import base64
import json
import logging
from typing import Any

import pytest

from lab.home import LabError
from lab.kube import Manifest
from lab.stand_ins.controller import conditions, installed
from lab.stand_ins.controller.installed import Found, Installed
from lab.stand_ins.controller.kinds import DEPLOYMENT, SECRET
from tests.unit.fake_cluster import FakeCluster

EDB = "docker.enterprisedb.com/k8s/operator:1"
PULL_SECRET = "pull"


class Controller:
    """A controller that remembers its life."""

    def __init__(self, found: frozenset[Found], life: list[str], *, is_well: bool = True) -> None:
        self.context = "site-a"
        self._life, self._is_well = life, is_well
        self._names = "+".join(f"{one.operator}@{one.namespace}" for one in sorted(found))

    def start(self) -> None:
        self._life.append(f"begins {self._names}")

    def wait_until_ready(self, _: float) -> bool:
        return self._is_well

    def stop(self) -> None:
        self._life.append(f"stops {self._names}")


class Gate:
    """An Installed for two operators, on a cluster in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_well: bool = True) -> None:
        self.life: list[str] = []
        self.cluster = FakeCluster()
        monkeypatch.setattr(installed, "WatchedCluster", lambda *_: self.cluster)
        operators = {"controller": "one", "manager-*": "two"}
        self.installed = Installed(
            "site-a",
            operators,
            lambda found: Controller(found, self.life, is_well=is_well),
            logging.getLogger("test"),
        )
        self.look()

    def look(self) -> None:
        self.cluster.queue.add(installed.LOOK)
        self.cluster.settle(self.installed._look)

    def deploy(self, name: str = "controller", image: str = "image", **spec: Any) -> None:
        pods = {"containers": [{"name": "manager", "image": image}], "imagePullSecrets": [{"name": PULL_SECRET}]}
        body = {"metadata": {"name": name}, "spec": {"replicas": 1, "template": {"spec": pods}, **spec}}
        self.cluster.api.apply(DEPLOYMENT, "operators", body)
        self.cluster.settle(self.installed._look)

    def status(self, name: str = "controller") -> Manifest:
        found = self.cluster.api.get(DEPLOYMENT, "operators", name)
        assert found
        status: Manifest = found.get("status") or {}
        return status


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def test_nothing_is_at_work_before_its_deployment_is_there(gate: Gate) -> None:
    assert gate.installed.wait_until_ready(0), "waiting is what it is ready for"
    gate.deploy("somebody-elses")
    assert not gate.life
    assert not gate.status("somebody-elses")


def test_the_controller_begins_with_its_deployment_and_makes_it_available(gate: Gate) -> None:
    gate.deploy()
    assert gate.life == ["begins one@operators"]
    status = gate.status()
    assert (status["availableReplicas"], status["observedGeneration"]) == (1, 1)
    assert conditions.is_true(status, "Available")


def test_the_controller_stops_with_its_deployment_or_its_last_replica(gate: Gate) -> None:
    gate.deploy()
    gate.deploy(replicas=0)
    assert gate.life == ["begins one@operators", "stops one@operators"]
    gate.deploy(replicas=1)
    gate.cluster.api.delete(DEPLOYMENT, "operators", "controller")
    gate.cluster.settle(gate.installed._look)
    assert gate.life[2:] == ["begins one@operators", "stops one@operators"]


def test_a_changed_deployment_begins_anew_and_an_unchanged_one_does_not(gate: Gate) -> None:
    gate.deploy()
    gate.deploy()
    assert gate.life == ["begins one@operators"]
    gate.deploy(image="another")
    assert gate.life[1:] == ["stops one@operators", "begins one@operators"]
    assert gate.status()["observedGeneration"] == 2


def test_two_operators_of_one_controller_are_served_together(gate: Gate) -> None:
    gate.deploy()
    gate.deploy("manager-1-30-1")
    assert gate.life[-1] == "begins one@operators+two@operators"


def test_a_controller_that_does_not_get_ready_leaves_its_deployment_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate(monkeypatch, is_well=False)
    with pytest.raises(LabError, match="one in operators was not ready"):
        gate.deploy()
    assert gate.life == ["begins one@operators", "stops one@operators"]
    assert not conditions.is_true(gate.status(), "Available")


def login(registry: str) -> Manifest:
    config = json.dumps({"auths": {registry: {"auth": "x"}}}).encode()
    return {"metadata": {"name": PULL_SECRET}, "data": {".dockerconfigjson": base64.b64encode(config).decode()}}


def test_without_a_login_for_its_image_a_deployment_runs_out_of_time(gate: Gate) -> None:
    gate.deploy(image=EDB)
    assert not gate.life
    assert conditions.find(gate.status(), "Progressing")["reason"] == "ReplicaSetUpdated"
    gate.deploy(image=EDB, progressDeadlineSeconds=-1)
    progressing = conditions.find(gate.status(), "Progressing")
    assert (progressing["reason"], progressing["message"]) == (
        "ProgressDeadlineExceeded",
        f'Back-off pulling image "{EDB}"',
    )


def test_a_login_for_another_registry_does_not_help_and_the_right_one_does(gate: Gate) -> None:
    gate.cluster.api.create(SECRET, "operators", login("docker.example.com"))
    gate.deploy(image=EDB)
    assert not gate.life
    gate.cluster.api.apply(SECRET, "operators", login("docker.enterprisedb.com"))
    gate.look()
    assert gate.life == ["begins one@operators"]
