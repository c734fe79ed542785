"""Pods of StatefulSets, run by the lab: a real PostgreSQL on a claimed volume, probes, restarts, the end."""

import base64
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab import environment
from lab.binaries.postgresql import postgresql
from lab.kube import Manifest
from lab.progress import Silent
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.pods.containers.security import DEFAULT_UID
from tests.lab.jobs import Jobs, container_state
from tests.lab.lab import Lab
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CONTEXT = "site-a"
PASSWORD = "it's a secret"
RESTRICTED = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
SERVER = """
set -e
mkdir -p "$PGDATA"
chmod 0700 "$PGDATA"
if ! [ -s "$PGDATA/PG_VERSION" ]; then
  initdb --username=postgres --pwfile=/secrets/superuser/password --auth=scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses="$POD_IP" -c unix_socket_directories=/run/postgresql
"""


class StatefulSet:
    """A StatefulSet of one pod with a claim `data` at /data."""

    def __init__(self, objects: Jobs, name: str, container: Manifest, **spec: Any) -> None:
        self.objects = objects
        self.name = name
        main = {"name": "main", "image": "tools:1", "volumeMounts": [], **container}
        main["volumeMounts"] = [*main["volumeMounts"], {"name": "data", "mountPath": "/data"}]
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        labels = {"app": name}
        objects.create(
            "StatefulSet",
            name,
            "apps/v1",
            spec={
                "serviceName": name,
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [main], **spec}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            },
        )

    @property
    def claim(self) -> str:
        """The claim's name."""
        return f"data-{self.name}-0"

    def pod(self) -> Manifest | None:
        """The pod as it stands."""
        found = self.objects.kind("Pod").get(namespace=self.objects.namespace, label_selector=f"app={self.name}")
        return next(iter(found.to_dict()["items"]), None)

    def await_pod(self, condition: Callable[[Manifest], object]) -> Manifest:
        """The pod once it is so."""

        def pod() -> Manifest | None:
            found = self.pod()
            return found if found and condition(found) else None

        return until(pod)

    def ready(self, *, other_than: str = "") -> Manifest:
        """The pod once it is ready."""
        return self.await_pod(lambda pod: pod["metadata"]["uid"] != other_than and is_ready(pod))

    def delete_pod(self) -> Manifest:
        """Delete the pod, and give what follows it, ready."""
        before = self.ready()
        self.objects.kind("Pod").delete(name=before["metadata"]["name"], namespace=self.objects.namespace)
        return self.ready(other_than=before["metadata"]["uid"])

    def delete(self) -> None:
        """Delete it with its pod; the claim stays."""
        body = {"propagationPolicy": "Foreground"}
        self.objects.kind("StatefulSet", "apps/v1").delete(name=self.name, namespace=self.objects.namespace, body=body)
        until(lambda: self.pod() is None)


def is_ready(pod: Manifest) -> bool:
    return bool(condition(pod, "Ready")["status"] == "True")


def condition(pod: Manifest, kind: str) -> Manifest:
    found = (pod.get("status") or {}).get("conditions") or []
    return next((one for one in found if one["type"] == kind), {"status": "Unknown"})


def only_status(pod: Manifest) -> Manifest:
    """The status of the only container; of none where none has been written yet."""
    return next(iter((pod.get("status") or {}).get("containerStatuses") or []), {"restartCount": 0})


def folder_of(objects: Jobs, claim: str) -> Path:
    bound = objects.kind("PersistentVolumeClaim").get(name=claim, namespace=objects.namespace).to_dict()
    volume = objects.kind("PersistentVolume").get(name=bound["spec"]["volumeName"]).to_dict()
    return Path(volume["spec"]["local"]["path"])


def output(lab: Lab, stateful_set: StatefulSet, *, previous: bool = False) -> str:
    log = logs.file(lab.home, CONTEXT, stateful_set.objects.namespace, f"{stateful_set.name}-0", "main")
    return logs.text((logs.previous(log) if previous else log).read_bytes())


def psql(pod: Manifest, sql: str) -> str:
    """Ask the server of a pod, over TCP and with the password."""
    program = postgresql(Silent()) / "bin" / "psql"
    done = subprocess.run(
        [program, "--no-psqlrc", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql],
        env={"PGHOST": pod["status"]["podIP"], "PGUSER": "postgres", "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def objects(lab: Lab, namespace: Callable[[str], str]) -> Jobs:
    return Jobs(lab.connect(CONTEXT), namespace(CONTEXT))


@pytest.fixture
def database(objects: Jobs) -> StatefulSet:
    """PostgreSQL as the program runs it: nobody, with a read-only root, ready when it answers."""
    objects.create("Secret", "superuser", data={"password": base64.b64encode(PASSWORD.encode()).decode()})
    mounts = [
        {"name": "superuser", "mountPath": "/secrets/superuser"},
        {"name": "socket", "mountPath": "/run/postgresql"},
    ]
    answers = {"exec": {"command": ["pg_isready", "-q", "-h", "/run/postgresql"]}, "periodSeconds": 1}
    return StatefulSet(
        objects,
        "database",
        {
            "image": "registry.test/library/postgres:16-bookworm",
            "command": ["sh", "-c", SERVER],
            "env": [
                {"name": "PGDATA", "value": "/data/pgdata"},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            "volumeMounts": mounts,
            "securityContext": RESTRICTED,
            "readinessProbe": answers,
            "startupProbe": {**answers, "failureThreshold": 60},
        },
        securityContext={"runAsNonRoot": True, "runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
        automountServiceAccountToken=False,
        volumes=[
            {"name": "superuser", "secret": {"secretName": "superuser", "defaultMode": 0o400}},
            {"name": "socket", "emptyDir": {}},
        ],
    )


def tools(objects: Jobs, script: str, **parts: Any) -> StatefulSet:
    """A StatefulSet that runs a script."""
    pod = {"terminationGracePeriodSeconds": parts.pop("grace", 5)}
    return StatefulSet(objects, "tools", {"command": ["sh", "-c", script], **parts}, **pod)


def test_a_real_postgresql_runs_as_nobody_on_its_claimed_volume_and_its_own_address(database: StatefulSet) -> None:
    pod = database.ready()
    assert pod["status"]["podIP"] == address_of(pod["metadata"]["uid"])
    assert psql(pod, "SELECT current_setting('server_version_num')::int / 10000, inet_server_addr()") == (
        f"16|{pod['status']['podIP']}"
    )
    status = only_status(pod)
    assert (status["ready"], status["started"], status["restartCount"]) == (True, True, 0)
    data = folder_of(database.objects, database.claim) / "pgdata"
    assert (data.stat().st_uid, data.stat().st_mode & 0o777) == (999, 0o700)


def test_a_job_with_the_same_image_reaches_it_by_its_services_name_and_is_somebody(
    lab: Lab, database: StatefulSet
) -> None:
    objects = database.objects
    ports = [{"port": 5432}]
    service = objects.create("Service", "database", spec={"selector": {"app": "database"}, "ports": ports})
    database.ready()
    password = {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "superuser", "key": "password"}}}
    script = "id -un; until psql -h database -U postgres -XqAt -c 'SELECT 42'; do sleep 0.2; done"
    objects.run("asks", script, container={"image": "registry.test/postgresql-16:1", "env": [password]})
    assert objects.ended("asks")["type"] == "Complete"
    said = [text for _, _, text in logs.read(lab.home, CONTEXT, objects.namespace, "asks")]
    assert said[0].splitlines()[0] == str(DEFAULT_UID), "PostgreSQL's programs refuse a user without a name"
    assert said[0].splitlines()[-1] == "42"
    assert service["spec"]["clusterIP"] != database.ready()["status"]["podIP"]


def test_data_survives_its_pod_and_the_stop_is_a_clean_one(lab: Lab, database: StatefulSet) -> None:
    psql(database.ready(), "CREATE TABLE kept AS SELECT 42 AS answer")
    # A client that stays would hold up any shutdown but a fast one.
    program = postgresql(Silent()) / "bin" / "psql"
    address = database.ready()["status"]["podIP"]
    env = {"PGHOST": address, "PGUSER": "postgres", "PGPASSWORD": PASSWORD}
    with subprocess.Popen([program, "-c", "SELECT pg_sleep(600)"], env=env, stderr=subprocess.DEVNULL) as client:
        until(lambda: psql(database.ready(), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%(600)'") != "0")
        after = database.delete_pod()
        assert client.wait(timeout=30) != 0
    assert psql(after, "SELECT answer FROM kept") == "42"
    assert "database system was shut down at" in output(lab, database)
    assert "automatic recovery" not in output(lab, database)
    assert "received fast shutdown request" in output(lab, database, previous=True)


def test_a_claim_that_is_deleted_takes_its_folder_along(database: StatefulSet) -> None:
    database.ready()
    objects = database.objects
    folder = folder_of(objects, database.claim)
    claims = objects.kind("PersistentVolumeClaim")
    claims.delete(name=database.claim, namespace=objects.namespace)
    # It is in use, so it waits for its pod's end.
    assert folder.is_dir()
    assert psql(database.ready(), "SELECT 1") == "1"
    database.delete()
    assert until(lambda: not folder.exists())
    volumes = objects.kind("PersistentVolume")
    assert until(lambda: folder.name not in {one["metadata"]["name"] for one in volumes.get().to_dict()["items"]})


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_lab_goes_on_with_the_same_pod_and_its_data(
    lab: Lab, database: StatefulSet, end: signal.Signals
) -> None:
    before = database.ready()
    psql(before, "CREATE TABLE kept AS SELECT 42 AS answer")
    (runner,) = [process for process in lab.environment.processes() if process.name == "pods"]
    handle = psutil.Process(runner.pid)
    handle.send_signal(end)
    psutil.wait_procs([handle], timeout=20)
    if end == signal.SIGTERM:
        stopped = database.pod()
        assert stopped is not None
        assert (stopped["status"]["phase"], condition(stopped, "Ready")["status"]) == ("Running", "False")
        assert "terminated" in container_state(stopped)
    environment.start(lab.home)
    after = database.await_pod(lambda pod: is_ready(pod) and only_status(pod)["restartCount"] == 1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert psql(after, "SELECT answer FROM kept") == "42"
    recovered = "automatic recovery" in output(lab, database)
    assert recovered is (end == signal.SIGKILL), "only a killed runner's server has to recover"


def test_a_container_whose_liveness_probe_fails_is_restarted(objects: Jobs) -> None:
    probe = {"exec": {"command": ["test", "-e", "/data/alive"]}, "periodSeconds": 1, "failureThreshold": 2}
    script = "touch /data/alive; echo up; sleep 86431.5 & wait"
    stateful_set = tools(objects, script, livenessProbe=probe)
    first = stateful_set.ready()
    (folder_of(objects, stateful_set.claim) / "alive").unlink()
    again = stateful_set.await_pod(lambda pod: only_status(pod)["restartCount"] == 1 and is_ready(pod))
    assert again["metadata"]["uid"] == first["metadata"]["uid"]
    assert only_status(again)["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGTERM
    events = objects.kind("Event").get(namespace=objects.namespace).to_dict()["items"]
    said = {one["reason"]: one["message"] for one in events if one["involvedObject"]["name"] == "tools-0"}
    assert said["Unhealthy"].startswith("Liveness probe failed: ")
    assert said["Killing"] == "Container main failed liveness probe, will be restarted"


def test_a_pod_is_ready_while_its_readiness_probe_says_so(objects: Jobs) -> None:
    probe = {"exec": {"command": ["test", "-e", "/data/open"]}, "periodSeconds": 1, "failureThreshold": 1}
    stateful_set = tools(objects, "sleep 86432.5 & wait", readinessProbe=probe)
    running = stateful_set.await_pod(lambda pod: container_state(pod).get("running"))
    assert not is_ready(running)
    switch = folder_of(objects, stateful_set.claim) / "open"
    switch.touch()
    stateful_set.ready()
    switch.unlink()
    closed = stateful_set.await_pod(lambda pod: not is_ready(pod))
    assert condition(closed, "Ready")["reason"] == "ContainersNotReady"
    assert only_status(closed)["restartCount"] == 0


def test_a_container_that_ends_is_started_again_whatever_its_exit_code(objects: Jobs) -> None:
    stateful_set = tools(objects, "test -e /data/been || { touch /data/been; exit 0; }; sleep 86433.5 & wait")
    pod = stateful_set.await_pod(lambda pod: only_status(pod)["restartCount"] == 1 and is_ready(pod))
    assert only_status(pod)["lastState"]["terminated"]["exitCode"] == 0


def test_the_hook_runs_before_the_stop_signal_which_only_the_main_process_gets(objects: Jobs) -> None:
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> /data/story"]}}}
    child = "trap 'echo child >> /data/story' TERM; sleep 86434.5 & wait"
    script = f'sh -c "{child}" & trap "echo main >> /data/story; exit 0" TERM; echo ready >> /data/story; wait'
    stateful_set = tools(objects, script, lifecycle=hook)
    stateful_set.ready()
    story = folder_of(objects, stateful_set.claim) / "story"
    assert until(lambda: story.exists() and story.read_text() == "ready\n")
    stateful_set.delete()
    assert story.read_text() == "ready\nhook\nmain\n"


def test_a_changed_secret_reaches_the_running_pod(objects: Jobs) -> None:
    objects.create("Secret", "key", data={"value": base64.b64encode(b"old").decode()})
    script = "while cp /secret/value /data/.new && mv /data/.new /data/seen; do sleep 0.2; done"
    mounts = [{"name": "secret", "mountPath": "/secret"}]
    main = {"command": ["sh", "-c", script], "volumeMounts": mounts}
    volumes = [{"name": "secret", "secret": {"secretName": "key"}}]
    stateful_set = StatefulSet(objects, "tools", main, volumes=volumes, terminationGracePeriodSeconds=1)
    stateful_set.ready()
    seen = folder_of(objects, stateful_set.claim) / "seen"
    assert until(lambda: seen.exists() and seen.read_text() == "old")
    data = {"data": {"value": base64.b64encode(b"new").decode()}}
    objects.kind("Secret").patch(name="key", namespace=objects.namespace, body=data)
    assert until(lambda: seen.read_text() == "new")
    assert only_status(stateful_set.ready())["restartCount"] == 0


def test_a_pod_whose_claim_names_an_unknown_class_waits_as_for_a_scheduler(objects: Jobs) -> None:
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    objects.create("PersistentVolumeClaim", "data-held-0", spec={**size, "storageClassName": "unknown"})
    held = StatefulSet(objects, "held", {"command": ["true"]})
    pod = held.await_pod(lambda pod: condition(pod, "PodScheduled")["status"] == "False")
    scheduled = condition(pod, "PodScheduled")
    assert (pod["status"]["phase"], scheduled["reason"]) == ("Pending", "Unschedulable")
    assert scheduled["message"].endswith("pod has unbound immediate PersistentVolumeClaims.")
    assert "nodeName" not in pod["spec"]
