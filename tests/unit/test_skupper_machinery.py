"""The emulator's machinery: queue, informer, certificates, and small rules of access and services."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from lab.certificates import chains_to
from lab.kube import Manifest
from lab.stand_ins.controller.informer import Change, Informer
from lab.stand_ins.controller.workqueue import Key, WorkQueue
from lab.stand_ins.skupper import api, pki
from lab.stand_ins.skupper.access import endpoints_of, load_balancer_host
from lab.stand_ins.skupper.grants import IssuingError
from lab.stand_ins.skupper.issuing import links
from lab.stand_ins.skupper.redemption import RedemptionError
from lab.stand_ins.skupper.services import allocate_ports, is_live
from lab.stand_ins.skupper.sites import SiteSpecError, verify
from lab.stand_ins.skupper.tokens import decode

ONE, TWO = Key("Link", "n/one"), Key("Link", "n/two")


def test_a_key_that_waits_is_not_queued_again() -> None:
    queue = WorkQueue()
    for key in (ONE, TWO, ONE):
        queue.add(key)
    assert [queue.get(), queue.get()] == [ONE, TWO]
    queue.add_after(TWO, 60)
    queue.close()
    assert queue.get() is None


def test_a_key_being_worked_on_follows_afterwards() -> None:
    queue = WorkQueue()
    queue.add(ONE)
    queue.get()
    queue.add(ONE)
    queue.add(TWO)
    assert queue.get() == TWO
    queue.done(ONE)
    assert queue.get() == ONE


def test_a_delayed_key_comes_when_it_is_due() -> None:
    queue = WorkQueue()
    queue.add_after(TWO, 0.05)
    queue.add_after(ONE, 0.01)
    assert [queue.get(), queue.get()] == [ONE, TWO]


def test_of_two_delays_of_a_key_the_sooner_counts() -> None:
    queue = WorkQueue()
    for delay in (0.03, 0.01, 0.02):
        queue.add_after(ONE, delay)
    assert queue.get() == ONE
    queue.done(ONE)
    queue.add_after(TWO, 0.05)
    assert queue.get() == TWO


def test_a_key_is_given_up_after_so_many_failures_and_starts_anew() -> None:
    queue = WorkQueue()
    assert [queue.retry(ONE, 2) for _ in range(4)] == [True, True, False, True]
    queue.forget(ONE)
    assert queue.retry(ONE, 1)
    assert queue.retry(TWO, None)


class Response:
    """A body of JSON, or a watch: events, sent in two pieces that split in the middle of a line."""

    def __init__(self, body: Any, ended: threading.Event | None = None) -> None:
        self.data = json.dumps(body)
        self._lines = b"".join(json.dumps(event).encode() + b"\n" for event in body) if ended else b""
        self._ended = ended

    def stream(self, _: int) -> Iterator[bytes]:
        half = len(self._lines) // 2
        yield self._lines[:half]
        yield self._lines[half:]
        assert self._ended is not None
        self._ended.wait(10)

    def shutdown(self) -> None:
        if self._ended:
            self._ended.set()

    def close(self) -> None:
        """Nothing to close."""


class Client:
    """Answers lists and watches from a script; after its end watches stay silent."""

    def __init__(self, lists: list[Any], watches: list[list[Any]]) -> None:
        self.lists, self.watches = lists, watches
        self.ended = threading.Event()

    def request(self, _: str, __: str, **options: Any) -> Response:
        if not options.get("watch"):
            found = self.lists.pop(0)
            if isinstance(found, Exception):
                raise found
            return Response({"items": found, "metadata": {"resourceVersion": "10"}})
        events = self.watches.pop(0) if self.watches else []
        if any(event["type"] == "ERROR" for event in events):
            ended = threading.Event()
            ended.set()
            return Response(events, ended)
        return Response(events, self.ended)


def link(name: str, version: int, uid: str = "u") -> Manifest:
    return {"metadata": {"namespace": "n", "name": name, "uid": f"{uid}-{name}", "resourceVersion": str(version)}}


def told(client: Client, number: int) -> tuple[Informer, list[str]]:
    """An informer after so many notifications, and their keys."""
    keys: list[str] = []
    enough = threading.Event()

    def tell(_: Change, found: Manifest) -> None:
        keys.append(api.key_of(found))
        if len(keys) == number:
            enough.set()

    informer: Informer = Informer(client, api.LINK, tell)  # type: ignore[arg-type] # only request() is called
    informer.start()
    assert enough.wait(10), keys
    informer.stop()
    return informer, keys


def test_an_informer_follows_list_and_watch() -> None:
    client = Client(
        [[link("a", 1), link("b", 2)]],
        [
            [
                {"type": "MODIFIED", "object": link("a", 11)},
                {"type": "DELETED", "object": link("b", 12)},
                {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "13"}}},
                {"type": "ADDED", "object": link("c", 14)},
            ]
        ],
    )
    informer, keys = told(client, 5)
    assert keys == ["n/a", "n/b", "n/a", "n/b", "n/c"]
    assert informer.known() == ["n/a", "n/c"]


def test_an_informer_lists_again_after_410_gone_and_reports_what_went() -> None:
    gone = {"type": "ERROR", "object": {"code": 410, "message": "too old resource version: 1 (10)"}}
    client = Client([[link("a", 1), link("b", 2)], [link("b", 20)]], [[gone]])
    informer, keys = told(client, 4)
    assert keys == ["n/a", "n/b", "n/b", "n/a"]
    assert informer.known() == ["n/b"]


def test_an_informer_survives_a_server_that_is_away() -> None:
    client = Client([ApiException(status=503), ConnectionResetError(), [link("a", 1)]], [])
    informer, _ = told(client, 1)
    assert informer.synced.wait(10)
    assert informer.known() == ["n/a"]


def test_what_we_wrote_is_not_overwritten_by_an_older_event() -> None:
    client = Client([[link("a", 1)]], [])
    informer, _ = told(client, 1)
    informer.observe({**link("a", 9), "status": {"status": "Ready"}})
    informer.observe(link("a", 5))
    assert (informer.get("n/a") or {})["status"] == {"status": "Ready"}


def test_a_cached_object_is_a_copy() -> None:
    informer, _ = told(Client([[link("a", 1)]], []), 1)
    (informer.get("n/a") or {})["metadata"]["name"] = "changed"
    assert informer.items("n")[0]["metadata"]["name"] == "a"


def test_a_certificate_is_correct_for_its_hosts_and_subject_only() -> None:
    authority = pki.issue("ca", [], ca=None)
    issued = pki.issue("server", ["127.0.0.1", "router.ns"], authority)
    assert pki.is_correct(issued.crt, "server", ["router.ns", "127.0.0.1"])
    assert not pki.is_correct(issued.crt, "server", ["router.ns"])
    assert not pki.is_correct(issued.crt, "other", ["router.ns", "127.0.0.1"])
    assert not pki.is_correct(b"nonsense", "server", [])
    assert pki.is_correct(authority.crt, "ca", [])
    assert chains_to(issued.crt, authority.crt)
    assert issued.ca == authority.crt
    assert b"BEGIN RSA PRIVATE KEY" in issued.key
    assert issued.key.decode() not in repr(issued)


def test_a_load_balancer_has_another_name_in_another_cluster() -> None:
    assert load_balancer_host("rhsi", "skupper-router", "site-a") == "skupper-router.rhsi.site-a.internal"
    odd = load_balancer_host("rhsi", "skupper-router", "default/api-x:6443/kube:admin")
    assert odd == "skupper-router.rhsi.default-api-x-6443-kube-admin.internal"


def test_an_ip_address_is_preferred_to_a_host_name() -> None:
    access: Manifest = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"ports": [{"name": "edge", "port": 1}]}}
    service: Manifest = {
        "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "hostname": "h"}, {"hostname": "i"}, {}]}}
    }
    assert [found["host"] for found in endpoints_of(access, service)] == ["1.2.3.4", "i"]
    assert endpoints_of(access, {"status": {}}) == []
    local = {**access, "spec": {**access["spec"], "accessType": "local"}}
    assert endpoints_of(local, None) == [{"name": "edge", "host": "a.n", "port": "1"}]


@pytest.mark.parametrize("access", ["", "none", "default", "route", "loadbalancer", "local"])
def test_a_known_link_access_is_accepted(access: str) -> None:
    verify({"spec": {"linkAccess": access}})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"linkAccess": "nodeport"}, "Unsupported value for LinkAccess: nodeport"),
        ({"linkAccess": "Default"}, "Unsupported value for LinkAccess: Default"),
        ({"edge": True, "ha": True}, "Edge sites cannot have HA enabled"),
    ],
)
def test_a_site_that_cannot_be_is_refused(spec: Manifest, text: str) -> None:
    with pytest.raises(SiteSpecError, match=text):
        verify({"spec": spec})


def test_an_edge_site_grants_no_links() -> None:
    endpoints = [{"name": "inter-router", "host": "h", "port": "1", "group": "g"}]
    with pytest.raises(IssuingError, match="Edge sites cannot accept incoming links"):
        links({"spec": {"edge": True}, "status": {"endpoints": endpoints}}, "x")


def test_ports_are_allocated_from_1024_up_and_kept() -> None:
    assert allocate_ports(["a", "b"], {}) == {"a": 1024, "b": 1025}
    assert allocate_ports(["b", "c"], {"a": 1024, "b": 1025}) == {"b": 1025, "c": 1024}


@pytest.mark.parametrize(
    ("phase", "ready", "terminating", "waived", "live"),
    [
        ("Running", "True", False, False, True),
        ("Running", "False", False, False, False),
        ("Running", "False", False, True, True),
        ("Pending", "True", False, True, False),
        ("Running", "True", True, False, False),
    ],
)
def test_a_connector_uses_pods_that_are_live(
    phase: str, ready: str, *, terminating: bool, waived: bool, live: bool
) -> None:
    metadata = {"deletionTimestamp": "now"} if terminating else {}
    pod = {"metadata": metadata, "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}
    assert is_live(pod, not_ready_too=waived) is live


@pytest.mark.parametrize("body", [b"", b"plain text", b"[1, 2]", b"a: b: c"])
def test_an_answer_that_is_no_object_cannot_be_decoded(body: bytes) -> None:
    with pytest.raises(RedemptionError, match="Controller could not decode response"):
        decode(body)


def test_an_answer_is_a_secret_and_links() -> None:
    secret, found = decode(b"---\nkind: Secret\n---\nkind: Link\n---\nkind: Link\n")
    assert (secret["kind"], len(found)) == ("Secret", 2)


def test_an_api_error_is_the_servers_own_sentence() -> None:
    error = ApiException(status=409, reason="Conflict")
    assert api.error_text(error) == "Conflict"
    error.body = json.dumps({"message": 'secrets "x" already exists'})
    assert api.error_text(error) == 'secrets "x" already exists'
