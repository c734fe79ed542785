"""A look at a lab whose servers answer, refuse connections, hang, or are dead: what it comes to, and how long it takes.

The API servers are little ones of the test's own; client, timeouts and processes are real.
"""

import dataclasses
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from lab import link
from lab.environment import Environment
from lab.home import Home, LabError
from lab.kube import Manifest
from lab.progress import Silent
from lab.servers.process import Process, plain_environ, stop
from lab.servers.supervisor import Server, Supervisor
from lab.stacks import Stack
from lab.status.awaited import awaited
from lab.status.clusters import subscribed
from lab.status.dead import dead_processes, restart
from lab.status.survey import Status, survey
from ops.status.advice import NOT_SERVED
from ops.status.row import Row
from tests.lab.waiting import until

SECONDS = 5.0
"""How long a look may take, whatever is dead."""

STACKS = [
    Stack(name, {"rhsi:role": role, "rhsi:cluster": {"context": name, "namespace": "rhsi"}})
    for name, role in (("site-a", "primary"), ("site-b", "standby"))
]
SITE = {"metadata": {"name": "rhsi-primary"}, "status": {"status": "Ready", "sitesInNetwork": 1}}
LINK_NAME = "standby-from-vault-1"
LINK = {"metadata": {"name": LINK_NAME}, "status": {"status": "Pending", "message": "Not operational"}}


class Answering(ThreadingHTTPServer):
    """An API server with these objects: path -> items; any other collection does not exist. It is Vault as well."""

    health = 200
    request_queue_size = 64
    """As an API server, it takes the connections of a whole look at once."""

    def __init__(self, **lists: list[Manifest]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lists = {"jobs": [], "pods": [], "events": [], **lists}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Answering)
        path = self.path.partition("?")[0]
        if path == "/v1/sys/health":
            self.send_response(self.server.health)
            self.end_headers()
            return
        kind, in_database = path.rpartition("/")[2], "/namespaces/db/" in path
        items = [] if in_database else self.server.lists.get(kind)
        body = json.dumps({"items": items} if items is not None else {"kind": "Status", "message": "no such kind"})
        self.send_response(200 if items is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def environment(home: Path, **ports: int) -> Environment:
    """A lab whose API servers are at these ports."""
    home.mkdir(exist_ok=True)
    entries = {context.replace("_", "-"): f"http://127.0.0.1:{port}" for context, port in ports.items()}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in entries.items()],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "nobody"}} for name in entries],
    }
    (home / "kubeconfig").write_text(yaml.safe_dump(config))
    return Environment(
        root=home,
        without=frozenset(),
        contexts=tuple(entries),
        kubeconfig=str(home / "kubeconfig"),
        api_servers=entries,
        api_authorities=dict.fromkeys(entries, ""),
        vault_addr="https://127.0.0.1:9",
        vault_cacert=None,
        vault_token_file=None,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def answering() -> Iterator[Answering]:
    with closing(Answering(sites=[SITE])) as server:
        yield server


@pytest.fixture
def hanging() -> Iterator[int]:
    """The port of a server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    found = Supervisor(Home(tmp_path / "lab"), Silent())
    yield found
    found.stop_all()


def begun(supervisor: Supervisor, name: str, code: str = "import signal; signal.pause()") -> Process:
    argv = (sys.executable, "-c", code)
    return supervisor.ensure(lambda: Server(name=name, argv=argv, environ=plain_environ(), ready=lambda: True))


def looked(found: Environment) -> Status:
    """What a look comes to, in time."""
    begin = time.monotonic()
    status = survey(found, STACKS)
    assert time.monotonic() - begin < SECONDS
    return status


def test_what_stands_is_listed_stack_by_stack_and_what_does_not_stand_names_its_command(
    tmp_path: Path, answering: Answering
) -> None:
    with closing(Answering(links=[LINK])) as other:
        status = looked(environment(tmp_path, site_a=answering.port, site_b=other.port))
    assert status.rows == [
        Row("site-a", "Site", "rhsi-primary", "Ready", "1 site in the network", "rhsi", resource="sites.skupper.io"),
        Row("site-b", "Link", LINK_NAME, "Pending", "Not operational", "rhsi", resource="links.skupper.io"),
        Row("site-b", "Site", "*", "Missing", NOT_SERVED, resource="sites.skupper.io"),
    ]
    assert (status.ready, status.not_ready, status.ok) == (1, 2, False)
    with closing(Answering()) as empty:
        status = looked(environment(tmp_path, site_a=answering.port, site_b=empty.port))
    said = "nothing stands: `python -m lab up -s site-b` brings it up"
    assert status.rows[1:] == [Row("site-b", "stack", "site-b", "Pending", said)]


def test_a_store_that_failed_says_what_its_last_event_says(tmp_path: Path) -> None:
    failed = {"type": "Ready", "status": "False", "message": "unable to create client"}
    store = {"metadata": {"name": "vault-rhsi"}, "status": {"conditions": [failed]}}
    event = {
        "type": "Warning",
        "involvedObject": {"kind": "SecretStore", "name": "vault-rhsi"},
        "message": "unable to log in: Error making API request.\n\nURL: PUT https://127.0.0.1:1/v1/auth/kubernetes-site-b/login\n"
        'Code: 400. Errors:\n\n* invalid role name "nobody"',
    }
    with closing(Answering(secretstores=[store], events=[event])) as server:
        found = environment(tmp_path, site_a=server.port)
        said = 'unable to create client, unable to log in: 400 invalid role name "nobody"'
        assert looked(found).rows[0] == Row(
            "site-a", "SecretStore", "vault-rhsi", "Error", said, "rhsi", resource="secretstores.external-secrets.io"
        )
        assert awaited(found, STACKS[0]) == f"SecretStore vault-rhsi: {said}"


def test_all_is_well_only_where_the_lab_runs_and_everything_is_ready(tmp_path: Path, answering: Answering) -> None:
    status = looked(environment(tmp_path, site_a=answering.port, site_b=answering.port))
    assert (status.ready, status.not_ready, status.ok) == (2, 0, True)
    assert not Status(exists=True).ok, "nothing stands"
    assert not survey(None, STACKS).ok, "there is no lab"


def test_the_document_for_scripts_has_every_row_and_what_they_come_to(tmp_path: Path, answering: Answering) -> None:
    document = looked(environment(tmp_path, site_a=answering.port, site_b=answering.port)).document()
    assert json.loads(json.dumps(document)) == document
    assert {key: document[key] for key in ("ok", "ready", "not_ready", "running", "links_ready", "replication")} == {
        "ok": True,
        "ready": 2,
        "not_ready": 0,
        "running": True,
        "links_ready": False,
        "replication": [],
    }
    assert [row["status"] for row in document["objects"]] == ["Ready", "Ready"]
    without = survey(None, STACKS).document()
    assert without.keys() == document.keys()
    assert not without["running"]


def test_an_api_server_that_refuses_or_hangs_is_one_row_and_hides_nothing_of_the_others(
    tmp_path: Path, answering: Answering, hanging: int
) -> None:
    for port, error in ((free_port(), "NewConnectionError"), (hanging, "ReadTimeoutError")):
        status = looked(environment(tmp_path, site_a=answering.port, site_b=port))
        assert [row.status for row in status.rows] == ["Ready", "Error"]
        said = f"the API server does not answer ({error}): nothing is known of its objects"
        assert status.rows[1] == Row("site-b", "cluster", "site-b", "Error", said)
        assert not status.ok


def test_a_dead_process_is_a_row_with_the_command_and_named_as_the_reason_for_what_is_not_known(
    answering: Answering, supervisor: Supervisor
) -> None:
    found = environment(supervisor.home.root, site_a=answering.port, site_b=free_port())
    begun(supervisor, "openbao")
    stop([begun(supervisor, "kube-apiserver-site-b")], grace=0)
    assert dead_processes(found) == ["kube-apiserver-site-b"]
    status = looked(found)
    assert status.rows[0] == Row(
        "lab", "process", "kube-apiserver-site-b", "DEAD", "`python -m lab up` starts it again"
    )
    assert status.rows[-1].detail == "kube-apiserver-site-b is dead: nothing is known of its objects"
    assert not status.running
    assert [process.alive for process in status.processes] == [False, True]
    assert restart(found) == "kube-apiserver-site-b is dead: `python -m lab up` starts what is missing."


def test_a_process_that_is_held_by_a_signal_names_the_command_that_lets_it_go_on(
    answering: Answering, supervisor: Supervisor
) -> None:
    found = environment(supervisor.home.root, site_a=answering.port, site_b=answering.port)
    server = begun(supervisor, "openbao")
    os.kill(server.pid, signal.SIGSTOP)
    until(lambda: psutil.Process(server.pid).status() == psutil.STATUS_STOPPED)
    said = f"held by a signal: `kill -CONT {server.pid}` lets it go on"
    assert looked(found).rows[0] == Row("lab", "process", "openbao", "Error", said)
    assert dead_processes(found) == []
    assert restart(found) == ""
    os.kill(server.pid, signal.SIGCONT)
    until(lambda: psutil.Process(server.pid).status() != psutil.STATUS_STOPPED)
    assert looked(found).ok


def test_a_vault_that_lives_and_is_sealed_or_answers_nothing_is_a_row(
    answering: Answering, supervisor: Supervisor, hanging: int
) -> None:
    lab = environment(supervisor.home.root, site_a=answering.port, site_b=answering.port)
    begun(supervisor, "openbao")

    def told(port: int) -> list[Row]:
        address = f"http://127.0.0.1:{port}"
        found = looked(dataclasses.replace(lab, vault_addr=address, vault_cacert=supervisor.home.root / "ca.crt"))
        return [row for row in found.rows if row.kind == "Vault"]

    assert told(answering.port) == []
    answering.health = 503
    said = "it is sealed: `python -m lab up` unseals it"
    assert told(answering.port) == [Row("lab", "Vault", "openbao", "Error", said)]
    assert told(hanging) == [Row("lab", "Vault", "openbao", "Error", "it does not answer (ReadTimeoutError)")]


def test_a_dead_process_is_quoted_only_with_what_explains_its_end(answering: Answering, supervisor: Supervisor) -> None:
    found = environment(supervisor.home.root, site_a=answering.port, site_b=answering.port)
    server = begun(supervisor, "etcd-site-a")
    with server.log.open("a") as log:
        log.write("error: a client went away\npanic: the disk is full\ngoroutine 1\n")
    stop([server], grace=0)
    assert looked(found).rows[0].detail == "`python -m lab up` starts it again; it said: panic: the disk is full"


def test_what_is_awaited_is_the_dead_server_before_anything_else(answering: Answering, supervisor: Supervisor) -> None:
    found = environment(supervisor.home.root, site_a=answering.port, site_b=free_port())
    stop([begun(supervisor, name) for name in ("etcd-site-b", "kube-apiserver-site-b", "pods")], grace=0)
    assert awaited(found, STACKS[1]) == "etcd-site-b, kube-apiserver-site-b and pods are dead"


def test_what_is_awaited_is_a_failed_job_before_a_pod_before_another_object(tmp_path: Path) -> None:
    waiting = {"name": "postgres", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    pod = {"metadata": {"name": "postgres-primary-0"}, "status": {"containerStatuses": [waiting]}}
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "backoff limit"}]}
    lists: dict[str, list[Manifest]] = {"sites": [SITE]}
    with closing(Answering(**lists)) as server:
        found = environment(tmp_path, site_a=server.port)
        assert not awaited(found, STACKS[0]), "all is Ready"
        server.lists["links"] = [LINK]
        assert awaited(found, STACKS[0]) == "Link standby-from-vault-1: Not operational"
        server.lists["pods"] = [pod]
        assert awaited(found, STACKS[0]) == "Pod postgres-primary-0: postgres ErrImagePull: no such image"
        server.lists["jobs"] = [{"metadata": {"name": "claim"}, "status": failed}]
        assert awaited(found, STACKS[0]) == "Job claim: backoff limit"


def test_what_is_awaited_of_a_server_that_hangs_is_said_within_three_seconds(tmp_path: Path, hanging: int) -> None:
    begin = time.monotonic()
    assert awaited(environment(tmp_path, site_a=hanging), STACKS[0]) == (
        "site-a: the API server does not answer (ReadTimeoutError)"
    )
    assert time.monotonic() - begin < 3
    assert not awaited(environment(tmp_path, site_c=hanging), STACKS[0]), "the lab has no such cluster"


def test_commands_that_need_an_api_server_say_in_one_sentence_that_it_does_not_answer(tmp_path: Path) -> None:
    found = environment(tmp_path, site_a=free_port(), site_b=free_port())
    sentence = (
        r"The cluster of site-. cannot be asked \(the API server does not answer \(\w+\)\): run `python -m lab up`"
    )
    with pytest.raises(LabError, match=sentence):
        subscribed(found, STACKS)
    with pytest.raises(LabError, match=sentence):
        link.cut(found, STACKS[1:])
