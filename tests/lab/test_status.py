"""Whether `python -m lab status` and `python -m ops status` are true, also while servers are dead or answer nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import yaml
from kubernetes.client import AuthenticationV1TokenRequest, CoreV1Api, V1TokenRequestSpec

from lab import databases as logins
from lab import link
from lab.home import CHECKOUT
from lab.kube import api_client
from lab.stacks import Runner
from lab.status.awaited import awaited
from lab.status.clusters import place
from lab.status.survey import Status, survey
from ops.clusters import Cluster
from ops.status import kinds
from ops.status.advice import Advice
from ops.status.objects import DATABASE_KINDS, LINK_KINDS
from ops.status.place import Standing
from ops.status.row import Row
from ops.status.survey import survey as look_at_clusters
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import control_plane, down, stalled
from tests.lab.waiting import eventually, until

pytestmark = pytest.mark.lab

SECONDS = 5.0
"""How long a look may take, whatever is dead."""

RECEIVER_SECONDS = 60.0
"""PostgreSQL's wal_receiver_timeout: until then a standby may believe that it is connected."""


@pytest.fixture(scope="module")
def databases(lab: Lab, copy_checkout: Callable[..., Checkout]) -> Iterator[Checkout]:
    found = copy_checkout(databases=True)
    found.up()
    until(lambda: survey(lab.environment, found.stacks()).ok)
    yield found
    # A subscription cannot go without its source: both end before the stacks are destroyed.
    runner = Runner(found.environment, found.root)
    runner.prepare(found.stacks(), subscribe=False)
    assert [runner.run("up", stack, quiet=True) for stack in found.stacks()] == [0, 0]


@pytest.fixture
def whole(lab: Lab, databases: Checkout) -> Iterator[Checkout]:
    """Everything is Ready, before and in the end."""
    yield databases
    until(lambda: survey(lab.environment, databases.stacks()).ok)


def looked(lab: Lab, checkout: Checkout) -> Status:
    """What a look comes to, in time."""
    begin = time.monotonic()
    found = survey(lab.environment, checkout.stacks())
    assert time.monotonic() - begin < SECONDS
    return found


def row(status: Status, kind: str, name: str) -> Row:
    return next(row for row in status.rows if (row.kind, row.name) == (kind, name))


def changed(lab: Lab, checkout: Checkout) -> None:
    """A transaction on the primary, for the standby to apply."""
    login = logins.of(lab.environment, checkout.stacks()[0])
    with psycopg.connect(host=login.host, dbname=login.name, user=login.user, password=login.password) as connection:
        connection.execute("SELECT pg_current_xact_id()")


def ops(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `python -m ops` says in the lab's project, where `pulumi` and kubeconfig are the lab's."""
    line = ["env", f"PYTHONPATH={checkout.root}", sys.executable, "-m", "ops", *arguments]
    shell = [sys.executable, "-m", "lab", "shell", "--", *line]
    return subprocess.run(shell, cwd=checkout.root, capture_output=True, text=True, check=False)


def all_ready(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `status` says once everything is Ready: on a busy machine a copy is behind for a moment now and then."""

    def ready() -> subprocess.CompletedProcess[str]:
        told = ops(checkout, "status", *arguments)
        assert (told.returncode, told.stderr) == (0, ""), told.stdout
        return told

    return eventually(ready)


def command(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """What `python -m lab` says of the same lab."""
    line = [sys.executable, "-m", "lab", *arguments]
    environ = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(line, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)


def test_everything_that_was_brought_up_is_ready_with_its_figures(lab: Lab, whole: Checkout) -> None:
    changed(lab, whole)
    until(
        lambda: all(copy.change_seconds for copy in looked(lab, whole).replication if copy.copy == "postgres-standby")
    )
    status = looked(lab, whole)
    assert status.ok, status.rows
    assert re.fullmatch(
        r"2 sites in the network, authority \d+ (s|min) old", row(status, "Site", "rhsi-primary").detail
    )
    assert re.fullmatch(
        r"to rhsi-primary, certificate \d+ (s|min) old", row(status, "Link", "standby-from-vault-1").detail
    )
    assert row(status, "AccessGrant", "rhsi-site-b-grant-1").detail == "redeemed 1 of 1"
    copies = {copy.copy: copy for copy in status.replication}
    assert set(copies) == {"postgres-standby", "site_a_from_site_b", "site_b_from_site_a"}
    for copy in copies.values():
        assert (copy.running, copy.state, copy.replay, copy.slot_active) == (True, "streaming", "applied", True)
        assert copy.bytes_behind is not None
        assert copy.message_seconds is not None
    told = command("status")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith(f"\n{len(status.rows)} Ready, 0 not\n")
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_ops_says_the_same_of_the_clusters_and_knows_nothing_of_the_lab(lab: Lab, whole: Checkout) -> None:
    told = all_ready(whole, "--json")
    document = json.loads(told.stdout)
    rows = {(one["stack"], one["kind"], one["name"], one["status"]) for one in document["objects"]}
    rotation = ("site-b", "Rotation", "site-b", "Ready")
    assert rows == {(one.stack, one.kind, one.name, one.status) for one in looked(lab, whole).rows} | {rotation}
    assert (document["ok"], document["links_ready"], document["next"]) == (True, True, [])
    assert {(copy["copy"], copy["state"]) for copy in document["replication"]} == {
        ("postgres-standby", "streaming"),
        ("site_a_from_site_b", "streaming"),
        ("site_b_from_site_a", "streaming"),
    }
    told = all_ready(whole, "-s", "site-b")
    assert "rhsi-primary " not in told.stdout
    assert "Replication" in told.stdout


@pytest.fixture
def reader(lab: Lab, whole: Checkout, tmp_path: Path) -> Iterator[list[Standing]]:
    """The stacks as a login sees them that may list what docs/status.md says, and may not exec."""
    kubeconfig = yaml.safe_load(Path(lab.environment.kubeconfig).read_text())
    listed = {*LINK_KINDS, *DATABASE_KINDS, kinds.JOB, kinds.POD, kinds.EVENT, kinds.SERVICE}
    rules = [
        {"apiGroups": [kind.api_version.rpartition("/")[0]], "resources": [kind.plural], "verbs": ["get", "list"]}
        for kind in listed
    ]
    account = {"kind": "ServiceAccount", "name": "status-reader", "namespace": "rhsi"}
    named = {"metadata": {"name": "status-reader"}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "status-reader"}
    for context in lab.contexts:
        client = lab.connect(context)
        resources = client.resources
        resources.get(api_version="v1", kind="ServiceAccount").create(body=named, namespace="rhsi")
        rbac = "rbac.authorization.k8s.io/v1"
        resources.get(api_version=rbac, kind="ClusterRole").create(body={**named, "rules": rules})
        bound = {**named, "roleRef": role, "subjects": [account]}
        resources.get(api_version=rbac, kind="ClusterRoleBinding").create(body=bound)
        wanted = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[], expiration_seconds=3600))
        core = CoreV1Api(api_client(context, str(lab.kubeconfig)))
        answer = core.create_namespaced_service_account_token("status-reader", "rhsi", wanted)
        assert answer.status
        (entry,) = [entry for entry in kubeconfig["contexts"] if entry["name"] == context]
        entry["context"]["user"] = f"reader-{context}"
        kubeconfig["users"].append({"name": f"reader-{context}", "user": {"token": answer.status.token}})
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig))
    stacks = whole.stacks()
    yield [Standing(place(lab.environment, stack), Cluster(stack.context, str(file))) for stack in stacks]
    for context in lab.contexts:
        resources = lab.connect(context).resources
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            resources.get(api_version="rbac.authorization.k8s.io/v1", kind=kind).delete(name="status-reader")
        resources.get(api_version="v1", kind="ServiceAccount").delete(name="status-reader", namespace="rhsi")


def test_a_login_that_may_not_exec_sees_everything_but_the_replication(reader: list[Standing]) -> None:
    status = look_at_clusters(reader, Advice())
    unknown = [row for row in status.rows if not row.ready]
    assert {row.kind for row in unknown} == {"Replication"}
    assert len(unknown) == 3
    for row in unknown:
        assert row.status == "Unknown"
        assert "it needs get and create on pods/exec in namespace " in row.detail


def test_a_cut_link_shows_that_nothing_follows_until_it_is_restored(lab: Lab, whole: Checkout) -> None:
    standbys = [stack for stack in whole.stacks() if not stack.is_primary]
    link.cut(lab.environment, standbys)
    try:
        until(lambda: not any(copy.running for copy in looked(lab, whole).replication), RECEIVER_SECONDS)
        status = looked(lab, whole)
        assert not status.ok
        standby = row(status, "Replication", "postgres-standby")
        assert standby.status == "Error"
        assert standby.detail.startswith("it receives no WAL, and its slot site_b is not in use, ")
        for name in ("site_a_from_site_b", "site_b_from_site_a"):
            subscription = row(status, "Replication", name)
            assert subscription.status == "Error"
            assert subscription.detail.startswith(f"it receives nothing: its slot {name} is not in use")
        assert row(status, "Link", "standby-from-vault-1").detail == (
            "it is cut: `python -m lab link restore` restores it"
        )
        # The pod's own probe says the same once it has failed often enough.
        until(lambda: any(found.kind == "Pod" for found in looked(lab, whole).rows))
        said = row(looked(lab, whole), "Pod", "postgres-standby-0")
        assert said.detail == "Readiness probe failed: It receives no WAL."
        told = command("status", "--json")
        assert told.returncode == 1
        assert not any(copy["running"] for copy in json.loads(told.stdout)["replication"])
        assert awaited(lab.environment, standbys[0]) == (
            "Pod postgres-standby-0: Readiness probe failed: It receives no WAL."
        )
    finally:
        link.restore(lab.environment, standbys)


def test_a_dead_api_server_is_two_rows_and_no_traceback(lab: Lab, whole: Checkout) -> None:
    with down(lab, *control_plane("site-b")):
        status = looked(lab, whole)
        assert row(status, "process", "kube-apiserver-site-b").status == "DEAD"
        assert row(status, "cluster", "site-b").detail == (
            "kube-apiserver-site-b is dead: nothing is known of its objects"
        )
        assert row(status, "Site", "rhsi-primary").ready, "the other cluster answers"
        assert not status.running
        for arguments in (("status",), ("status", "--json"), ("link", "cut")):
            told = command(*arguments)
            assert told.returncode == 1, told.stdout
            assert "Traceback" not in told.stderr
            assert "python -m lab up" in told.stdout + told.stderr
        assert awaited(lab.environment, whole.stacks()[0]) == (
            "kube-apiserver-site-b and kube-controller-manager-site-b are dead"
        )


@pytest.mark.parametrize("name", ["kube-apiserver-site-a", "etcd-site-b", "openbao", "network"])
def test_a_server_that_answers_nothing_is_a_row_within_seconds(lab: Lab, whole: Checkout, name: str) -> None:
    with stalled(lab, name):
        until(lambda: looked(lab, whole).rows[0].name == name)
        status = looked(lab, whole)
        assert status.rows[0].status == "Error"
        assert "kill -CONT" in status.rows[0].detail
        assert not status.ok


def _parent_of_standby(process: psutil.Process) -> int | None:
    """The parent of a process with the standby's command line; None for another process, or one that has gone."""
    with suppress(psutil.NoSuchProcess):
        if "primary_slot_name=site_b" in process.cmdline():
            return process.ppid()
    return None


@contextmanager
def held_postgres(lab: Lab) -> Iterator[None]:
    """PostgreSQL's standby takes connections and answers nothing."""
    (runner,) = (process for process in lab.environment.processes() if process.name == "pods")
    started = psutil.Process(runner.pid).children(recursive=True)
    parents = {one.pid: parent for one in started if (parent := _parent_of_standby(one)) is not None}
    # A child of the server's has its command line until it has given itself a title.
    (server,) = (pid for pid, parent in parents.items() if parent not in parents)
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def test_a_database_that_answers_nothing_is_a_row_within_seconds(lab: Lab, whole: Checkout) -> None:
    with held_postgres(lab):
        standby = row(looked(lab, whole), "Replication", "postgres-standby")
        assert standby.status == "Error"
        assert standby.detail.startswith("postgres-standby does not answer: ")
