"""Whom a container runs as, which pods run here, when a container is started again, and how a pod ends."""

import time
from pathlib import Path
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods import ending
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.containers.security import DEFAULT_UID, fs_group, identity
from lab.stand_ins.pods.containers.variables import ContainerConfigError
from lab.stand_ins.pods.inbox import Inbox
from lab.stand_ins.pods.runner import has_run, runs_here
from lab.stand_ins.pods.status import running, terminated

OPENSHIFT = {
    "openshift.io/sa.scc.uid-range": "1000710000/10000",
    "openshift.io/sa.scc.supplemental-groups": "1000720000/10000",
}


def pod(**spec: Any) -> Manifest:
    return {"metadata": {"name": "claim", "namespace": "rhsi", "uid": "u"}, "spec": spec}


def container(**security: Any) -> Manifest:
    return {"name": "main", "securityContext": security}


def test_without_a_user_one_of_the_namespaces_range_is_taken_with_group_0() -> None:
    who = identity(pod(), container(), OPENSHIFT)
    assert (who.uid, who.gid, who.fs_group, who.groups) == (1000710000, 0, 1000720000, (1000720000,))


def test_outside_openshift_every_namespace_has_the_same_range() -> None:
    assert identity(pod(), {"name": "main"}, {}).uid == DEFAULT_UID
    assert fs_group(pod(), {}) == DEFAULT_UID


def test_a_range_may_also_be_written_with_its_end() -> None:
    assert identity(pod(), container(), {"openshift.io/sa.scc.uid-range": "5000-6000"}).uid == 5000


def test_the_containers_wish_wins_over_the_pods() -> None:
    asking = pod(securityContext={"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3, "supplementalGroups": [4, 3]})
    who = identity(asking, container(runAsUser=10), {})
    assert (who.uid, who.gid, who.groups) == (10, 2, (3, 4))


@pytest.mark.parametrize(
    ("of_pod", "of_container"), [({"runAsNonRoot": True}, {"runAsUser": 0}), ({"runAsUser": 0}, {"runAsNonRoot": True})]
)
def test_root_is_refused_where_it_is_ruled_out(of_pod: Manifest, of_container: Manifest) -> None:
    with pytest.raises(
        ContainerConfigError, match=r'non-root policy \(pod: "claim_rhsi\(u\)", container: main\)'
    ) as caught:
        identity(pod(securityContext=of_pod), container(**of_container), {})
    assert caught.value.reason == "CreateContainerConfigError"


def test_root_is_allowed_where_nothing_rules_it_out() -> None:
    assert identity(pod(), container(runAsUser=0), {}).uid == 0
    assert (
        identity(pod(securityContext={"runAsNonRoot": True}), container(runAsUser=0, runAsNonRoot=False), {}).uid == 0
    )


def test_privileged_containers_are_refused() -> None:
    with pytest.raises(ContainerConfigError, match="privileged"):
        identity(pod(), container(privileged=True), {})


@pytest.mark.parametrize("wish", [True, False, None])
def test_the_root_file_system_is_read_only_only_if_asked_for(*, wish: bool | None) -> None:
    assert identity(pod(), container(readOnlyRootFilesystem=wish), {}).read_only_root is bool(wish)


def owned(kind: str = "Job", *, controller: bool = True, **spec: Any) -> Manifest:
    return {"metadata": {"ownerReferences": [{"kind": kind, "controller": controller}]}, "spec": spec}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (owned(), True),
        (owned(nodeName="lab"), True),
        (owned(nodeName="worker-1"), False),
        (owned("StatefulSet"), True),
        (owned("ReplicaSet"), True),
        (owned("DaemonSet"), False),
        (owned(controller=False), False),
        (owned(schedulingGates=[{"name": "wait"}]), False),
        ({"metadata": {}, "spec": {}}, False),
    ],
)
def test_only_pods_of_jobs_replica_sets_and_stateful_sets_that_are_placed_nowhere_else_run_here(
    manifest: Manifest, *, expected: bool
) -> None:
    assert runs_here(manifest) is expected


def test_a_pod_has_run_once_any_of_its_containers_had_a_process() -> None:
    waiting = {"containerStatuses": [{"name": "a"}], "initContainerStatuses": [{"name": "i"}]}
    begun = waiting | {"initContainerStatuses": [{"name": "i", "containerID": "lab://x"}]}
    assert [has_run({"status": status}) for status in (None, {}, waiting, begun)] == [False, False, False, True]


def ended(policy: str, code: int, folder: Path, *, init: bool = False) -> Container:
    made = Container({"name": "main"}, init=init, restart_policy=policy, log=folder / "main.log", work=folder)
    made.record.state = terminated(code)
    return made


@pytest.mark.parametrize(
    ("policy", "code", "init", "for_good"),
    [
        ("Never", 0, False, True),
        ("Never", 1, False, True),
        ("OnFailure", 0, False, True),
        ("OnFailure", 1, False, False),
        ("Always", 0, False, False),
        ("Always", 0, True, True),
        ("OnFailure", 1, True, False),
    ],
)
def test_the_restart_policy_decides_what_runs_again(
    tmp_path: Path, policy: str, code: int, *, init: bool, for_good: bool
) -> None:
    assert ended(policy, code, tmp_path, init=init).ended_for_good is for_good


def test_the_first_restart_is_immediate_and_the_next_ones_wait_longer_and_longer(tmp_path: Path) -> None:
    failing = ended("OnFailure", 1, tmp_path)
    failing.back_off(pod())
    assert failing.is_due
    messages = []
    for _ in range(7):
        failing.record.state = terminated(1)
        failing.back_off(pod())
        messages.append(failing.record.state["waiting"]["message"].split()[1])
        assert failing.record.last_state["terminated"]["exitCode"] == 1
    assert messages == ["10s", "20s", "40s", "80s", "160s", "300s", "300s"]
    assert not failing.is_due


def test_a_run_of_ten_minutes_makes_earlier_failures_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if it had been started at 0.
    monkeypatch.setattr(time, "monotonic", lambda: 601.0)
    failing = ended("Always", 1, tmp_path)
    assert failing.back_off(pod()) == ""
    assert failing.back_off(pod()).startswith("Back-off restarting failed container main in pod claim_rhsi(u)")
    failing.record.state = running("2026-01-01T00:00:00Z")
    failing.ended(1)
    assert failing.back_off(pod()) == ""


def test_patience_with_a_container_can_only_get_shorter_and_its_stop_begins_once(tmp_path: Path) -> None:
    stopping = ended("Always", 0, tmp_path)
    assert not stopping.is_stopping
    assert stopping.begin_stop(100.0)
    # A hook that took all the time earns the container two seconds more; asking again must not take them back.
    stopping.kill_at = 102.0
    assert not stopping.begin_stop(100.0)
    assert stopping.kill_at == 102.0
    assert not stopping.begin_stop(50.0)
    assert stopping.kill_at == 50.0


@pytest.mark.parametrize(
    ("metadata", "spec", "seconds"),
    [({}, {}, 30), ({}, {"terminationGracePeriodSeconds": 60}, 60), ({"deletionGracePeriodSeconds": 0}, {}, 0)],
)
def test_the_grace_is_the_pods_own_unless_its_deletion_shortened_it(
    metadata: Manifest, spec: Manifest, seconds: float
) -> None:
    assert ending.grace({"metadata": metadata, "spec": spec}) == seconds


def test_what_restarts_always_outlives_its_runner_and_anything_else_has_failed() -> None:
    lasting, failed = (
        ending.by_runners_end(pod(terminationGracePeriodSeconds=60)),
        ending.by_runners_end(pod(restartPolicy="Never")),
    )
    assert (lasting.lasts, lasting.reason, failed.lasts, failed.reason) == (True, "", False, "Terminated")


def test_a_second_end_only_hastens_the_first() -> None:
    first = ending.Ending(100.0, "DeadlineExceeded")
    assert first.hasten(ending.Ending(200.0)).kill_at == 100.0
    hastened = first.hasten(ending.at_once())
    assert (hastened.kill_at, hastened.reason) == (0.0, "DeadlineExceeded")


def test_a_moment_that_passed_during_a_turn_is_not_slept_through() -> None:
    inbox, begun = Inbox(), time.monotonic()
    inbox.listen([begun + 0.001, float("inf")], begun)
    assert time.monotonic() - begun < 5
    inbox.leave(inbox.close)
    inbox.listen([begun - 1], begun)
    assert inbox.closed, "what was due before the turn is no reason to return"
