"""Pods of real Jobs, run by the lab: status, rights, walls, data, end."""

import base64
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from lab.kube import Manifest
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.addresses import address_of
from tests.lab.jobs import Jobs, container_state
from tests.lab.lab import Lab
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CONTEXT = "site-b"
RESTRICTED = {
    "runAsNonRoot": True,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
def jobs(lab: Lab, namespace: Callable[[str], str]) -> Jobs:
    return Jobs(lab.connect(CONTEXT), namespace(CONTEXT))


def output(lab: Lab, jobs: Jobs, name: str) -> str:
    return "".join(text for _, _, text in logs.read(lab.home, CONTEXT, jobs.namespace, name))


def conditions(pod: Manifest) -> dict[str, tuple[str, str | None]]:
    return {one["type"]: (one["status"], one.get("reason")) for one in pod["status"]["conditions"]}


def only_pod(jobs: Jobs, name: str) -> Manifest:
    (pod,) = jobs.pods(name)
    return pod


def test_a_job_that_succeeds_is_complete_and_its_pod_says_so_as_a_kubelet_would(lab: Lab, jobs: Jobs) -> None:
    jobs.run("works", "echo hello; echo over > /dev/termination-log")
    assert jobs.ended("works")["type"] == "Complete"
    pod = only_pod(jobs, "works")
    assert (pod["status"]["phase"], pod["spec"]["nodeName"], pod["status"]["podIP"]) == (
        "Succeeded",
        "lab",
        address_of(pod["metadata"]["uid"]),
    )
    assert conditions(pod) == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", "PodCompleted"),
        "Ready": ("False", "PodCompleted"),
        "ContainersReady": ("False", "PodCompleted"),
        "PodScheduled": ("True", None),
    }
    ended = container_state(pod)["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (0, "Completed", "over\n")
    assert ended["startedAt"] <= ended["finishedAt"]
    assert output(lab, jobs, "works") == "hello\n"


def test_the_last_words_of_a_job_that_fails_are_in_its_pods_status(jobs: Jobs) -> None:
    jobs.run(
        "fails",
        "echo first; echo 'the grant has expired' >&2; exit 3",
        container={"terminationMessagePolicy": "FallbackToLogsOnError"},
    )
    failed = jobs.ended("fails")
    assert (failed["type"], failed["reason"]) == ("Failed", "BackoffLimitExceeded")
    pod = only_pod(jobs, "fails")
    assert pod["status"]["phase"] == "Failed"
    found = conditions(pod)
    assert (found["PodScheduled"][0], found["Initialized"][0], found["Ready"]) == (
        "True",
        "True",
        ("False", "PodFailed"),
    )
    ended = container_state(pod)["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert ended["message"].splitlines()[-1] == "the grant has expired"


def test_kubectl_in_a_pod_has_the_rights_of_the_pods_account_and_no_more(lab: Lab, jobs: Jobs) -> None:
    jobs.create("ServiceAccount", "reader")
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    jobs.create("Role", "reader", "rbac.authorization.k8s.io/v1", rules=rules)
    jobs.create(
        "RoleBinding",
        "reader",
        "rbac.authorization.k8s.io/v1",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        subjects=[{"kind": "ServiceAccount", "name": "reader"}],
    )
    script = """
        kubectl auth whoami -o 'jsonpath={.status.userInfo}'; echo
        oc get configmap kube-root-ca.crt -o name
        kubectl get secrets || true
    """
    jobs.run("asks", script, serviceAccountName="reader")
    assert jobs.ended("asks")["type"] == "Complete"
    said = output(lab, jobs, "asks")
    assert f"system:serviceaccount:{jobs.namespace}:reader" in said
    assert only_pod(jobs, "asks")["metadata"]["uid"] in said, "the token is bound to the pod"
    assert "configmap/kube-root-ca.crt" in said
    assert "secrets is forbidden" in said


def test_a_pod_without_a_token_has_none(lab: Lab, jobs: Jobs) -> None:
    jobs.run("bare", "ls /var/run/secrets 2>&1; true", automountServiceAccountToken=False)
    assert jobs.ended("bare")["type"] == "Complete"
    assert "No such file" in output(lab, jobs, "bare")


def test_a_restricted_container_is_nobody_and_can_write_to_its_volumes_only(lab: Lab, jobs: Jobs) -> None:
    script = (
        "id -u; for f in / /tmp /etc /work; do touch $f/x 2>/dev/null && echo $f; done; grep CapEff /proc/self/status"
    )
    mounts = [{"name": "work", "mountPath": "/work"}]
    jobs.run(
        "walled",
        script,
        container={"securityContext": RESTRICTED, "volumeMounts": mounts},
        volumes=[{"name": "work", "emptyDir": {"medium": "Memory"}}],
    )
    assert jobs.ended("walled")["type"] == "Complete"
    assert output(lab, jobs, "walled").split() == ["1000650000", "/work", "CapEff:", "0" * 16]


def test_root_is_refused_where_the_pod_rules_it_out(jobs: Jobs) -> None:
    jobs.run("rootish", "id", container={"securityContext": {"runAsNonRoot": True, "runAsUser": 0}})
    waiting = container_state(jobs.pod_in("rootish", "waiting"))["waiting"]

    def refused() -> bool:
        nonlocal waiting
        waiting = container_state(only_pod(jobs, "rootish"))["waiting"]
        return bool(waiting["reason"] == "CreateContainerConfigError")

    assert until(refused)
    assert "breaks non-root policy" in waiting["message"]


def test_the_environment_holds_what_the_pod_asks_for_and_no_token(lab: Lab, jobs: Jobs) -> None:
    owner = "metadata.labels['batch.kubernetes.io/controller-uid']"
    jobs.create("ConfigMap", "settings", data={"MODE": "fast"})
    env = [
        {"name": "JOB_UID", "valueFrom": {"fieldRef": {"fieldPath": owner}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "GREETING", "value": "hello $(POD)"},
    ]
    job = jobs.run("asks", "env", container={"env": env, "envFrom": [{"configMapRef": {"name": "settings"}}]})
    assert jobs.ended("asks")["type"] == "Complete"
    pod = only_pod(jobs, "asks")["metadata"]["name"]
    found = dict(line.partition("=")[::2] for line in output(lab, jobs, "asks").splitlines())
    assert (found["JOB_UID"], found["GREETING"], found["MODE"]) == (job["metadata"]["uid"], f"hello {pod}", "fast")
    service = {f"KUBERNETES_SERVICE_{part}" for part in ("HOST", "PORT", "PORT_HTTPS")}
    asked_for = {"JOB_UID", "POD", "GREETING", "MODE"}
    assert set(found) - {"PWD", "_"} == asked_for | service | {"PATH", "HOME", "HOSTNAME"}


def test_secrets_and_config_maps_are_files_of_the_pods_alone(lab: Lab, jobs: Jobs) -> None:
    jobs.create("Secret", "link", data={"code": base64.b64encode(b"xyz").decode()})
    jobs.create(
        "ConfigMap", "scripts", data={"run.sh": "#!/bin/sh\ncat /etc/link/code; stat -Lc ' %a' /etc/link/code\n"}
    )
    jobs.run(
        "reads",
        container={
            "command": ["/scripts/run.sh"],
            "volumeMounts": [{"name": "link", "mountPath": "/etc/link"}, {"name": "scripts", "mountPath": "/scripts"}],
        },
        volumes=[
            {"name": "link", "secret": {"secretName": "link", "defaultMode": 0o400}},
            {"name": "scripts", "configMap": {"name": "scripts", "defaultMode": 0o555}},
        ],
    )
    assert jobs.ended("reads")["type"] == "Complete"
    assert output(lab, jobs, "reads") == "xyz 440\n"


def test_a_pod_waits_for_a_secret_that_comes_later(lab: Lab, jobs: Jobs) -> None:
    env = [{"name": "CODE", "valueFrom": {"secretKeyRef": {"name": "late", "key": "code"}}}]
    jobs.run("waits", "echo got $CODE", container={"env": env})
    said: list[str] = []

    def refused() -> bool:
        waiting = container_state(jobs.pod_in("waits", "waiting"))["waiting"]
        said.append(waiting.get("message", ""))
        return bool(waiting["reason"] == "CreateContainerConfigError")

    assert until(refused)
    assert said[-1] == 'secret "late" not found'
    jobs.create("Secret", "late", data={"code": base64.b64encode(b"it").decode()})
    assert jobs.ended("waits")["type"] == "Complete"
    assert output(lab, jobs, "waits") == "got it\n"


def test_init_containers_run_first_and_one_that_fails_is_the_end(lab: Lab, jobs: Jobs) -> None:
    def init(name: str, script: str) -> Manifest:
        return {"name": name, "image": "tools:1", "command": ["sh", "-c", script]}

    jobs.run("good", "echo main", initContainers=[init("one", "echo one"), init("two", "echo two")])
    jobs.run("bad", "echo main", initContainers=[init("one", "exit 4"), init("two", "echo two")])
    assert jobs.ended("good")["type"] == "Complete"
    assert output(lab, jobs, "good") == "one\ntwo\nmain\n"
    assert jobs.ended("bad")["type"] == "Failed"
    status = only_pod(jobs, "bad")["status"]
    assert [one["state"].get("terminated", {}).get("exitCode") for one in status["initContainerStatuses"]] == [4, None]
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
    assert output(lab, jobs, "bad") == ""


def test_a_container_is_restarted_in_place_where_its_policy_says_so(lab: Lab, jobs: Jobs) -> None:
    script = "if [ -e /scratch/been-here ]; then echo again; else touch /scratch/been-here; echo once; exit 1; fi"
    body: dict[str, Any] = {
        "restartPolicy": "OnFailure",
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "containers": [
            {
                "name": "main",
                "image": "tools:1",
                "command": ["sh", "-c", script],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
    }
    jobs.create("Job", "stubborn", "batch/v1", spec={"backoffLimit": 3, "template": {"spec": body}})
    assert jobs.ended("stubborn")["type"] == "Complete"
    status = only_pod(jobs, "stubborn")["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 1)
    assert output(lab, jobs, "stubborn") == "again\n"


@pytest.mark.parametrize(
    ("command", "state", "reason", "message"),
    [
        ([], "waiting", "CreateContainerError", "needs an explicit command"),
        (["nonsense"], "terminated", "StartError", 'exec: "nonsense": No such file or directory'),
    ],
)
def test_what_cannot_be_run_is_explained(jobs: Jobs, command: list[str], state: str, reason: str, message: str) -> None:
    jobs.run("unable", container={"command": command})

    def explained() -> str:
        found: Manifest = container_state(jobs.pod_in("unable", state))[state]
        return str(found["message"]) if found.get("reason") == reason else ""

    assert message in until(explained)


def processes_with(argument: str) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if argument in (process.info["cmdline"] or [])]


def test_deleting_a_job_ends_its_processes_and_its_pod(jobs: Jobs) -> None:
    jobs.run("long", "sleep 86411.5 & sleep 86411.5")
    jobs.pod_in("long", "running")
    assert len(until(lambda: processes_with("86411.5"))) >= 1
    jobs.kind("Job", "batch/v1").delete(name="long", namespace=jobs.namespace, body={"propagationPolicy": "Background"})
    assert until(lambda: not jobs.pods("long"))
    assert processes_with("86411.5") == []


def test_a_pod_that_ignores_the_signal_is_killed_when_its_grace_is_over(jobs: Jobs) -> None:
    jobs.run("deaf", "trap '' TERM; sleep 86412.5 & wait; wait", terminationGracePeriodSeconds=1)
    jobs.pod_in("deaf", "running")
    jobs.kind("Job", "batch/v1").delete(name="deaf", namespace=jobs.namespace, body={"propagationPolicy": "Foreground"})
    assert until(lambda: not jobs.pods("deaf"))
    assert processes_with("86412.5") == []


def test_a_pod_past_its_deadline_has_failed_for_that_reason(jobs: Jobs) -> None:
    jobs.run("slow", "sleep 86413.5", activeDeadlineSeconds=1)
    assert jobs.ended("slow")["type"] == "Failed"
    status = only_pod(jobs, "slow")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert processes_with("86413.5") == []


def test_pods_of_nobody_are_left_alone(jobs: Jobs) -> None:
    container = {"name": "main", "image": "tools:1", "command": ["true"]}
    jobs.create("Pod", "alone", spec={"containers": [container]})
    jobs.run("works", "true")
    assert jobs.ended("works")["type"] == "Complete"
    alone = jobs.kind("Pod").get(name="alone", namespace=jobs.namespace).to_dict()
    assert "nodeName" not in alone["spec"]
