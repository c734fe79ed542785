"""TCP in the lab: from a Service to its pods, and from a Listener over the link to a Connector."""

import contextlib
import hashlib
import secrets
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from ssl import create_default_context

import pytest

from lab import link
from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import POD, SERVICE
from lab.stand_ins.network.forwarding import NODE
from lab.stand_ins.network.table import Address
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.skupper import api as skupper
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import down
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

PORT = 7007
NAMESPACE = "rhsi"


class Echo:
    """A server that sends back what it gets, says who asked last, and finishes when the client has."""

    def __init__(self, host: str, port: int) -> None:
        self.address = Address(host, port)
        self.last_peer = ""
        self._listener = socket.create_server((host, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, (self.last_peer, _) = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    @staticmethod
    def _answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(65536):
                client.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    # An address in the pods' half of loopback, one in two million.
    server = Echo(".".join(["127", *(str(128 + byte % 120) for byte in secrets.token_bytes(3))]), PORT)
    yield server
    server.close()


def received(connection: socket.socket) -> bytes:
    """Everything up to the other side's half-close."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(address: Address, sent: bytes) -> bytes:
    """Send, finish sending, and return all that comes back."""
    with socket.create_connection(address, timeout=30) as connection:

        def send() -> None:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return received(connection)
        finally:
            sender.join()


def echoes(address: Address) -> None:
    assert exchange(address, b"hello") == b"hello"


def is_alive(connection: socket.socket) -> bool:
    """Whether an established connection still carries bytes there and back."""
    connection.sendall(b"alive")
    return connection.recv(5) == b"alive"


def is_reset(connection: socket.socket) -> bool:
    """Whether its end, which is awaited, is no proper one."""
    try:
        connection.recv(1)
    except ConnectionResetError:
        return True
    return False


def refuses(address: Address) -> None:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(address, timeout=5):
        raise AssertionError(f"{address} takes connections")


def service_address(api: Api, namespace: str, name: str) -> Address:
    found = api.get(SERVICE, namespace, name)
    assert found is not None
    return Address(found["spec"]["clusterIP"], PORT)


class Pod:
    """A pod that nobody runs: its address is the echo's and its state what the test reports."""

    def __init__(self, api: Api, namespace: str, address: str) -> None:
        self._api, self._namespace, self._address = api, namespace, address
        container = {"name": "echo", "image": "none"}
        metadata = {"name": "echo", "labels": {"app": "echo"}}
        api.create(POD, namespace, {"metadata": metadata, "spec": {"containers": [container], "nodeName": "x"}})

    def report(self, ready: str) -> None:
        conditions = [{"type": "Ready", "status": ready}]
        status = {"phase": "Running", "podIP": self._address, "conditions": conditions}
        self._api.apply(POD, self._namespace, {"metadata": {"name": "echo"}, "status": status}, subresource="status")

    def delete(self) -> None:
        self._api.client.request("delete", POD.path(self._namespace, "echo"), body={"gracePeriodSeconds": 0})


@pytest.fixture
def service(lab: Lab, namespace: Callable[[str], str]) -> tuple[Api, str]:
    """A Service `echo` for pods labelled so, in a namespace of site-a."""
    api, where = Api(lab.connect("site-a"), "test"), namespace("site-a")
    spec = {"selector": {"app": "echo"}, "ports": [{"port": PORT}]}
    api.create(SERVICE, where, {"metadata": {"name": "echo"}, "spec": spec})
    return api, where


def test_a_service_leads_to_its_pod_while_that_is_ready(service: tuple[Api, str], echo: Echo) -> None:
    front = service_address(*service, "echo")
    refuses(front)
    pod = Pod(*service, echo.address.host)
    pod.report("True")
    eventually(lambda: echoes(front))
    assert echo.last_peer == NODE
    pod.report("False")
    eventually(lambda: refuses(front))


def test_established_connections_outlast_a_pods_readiness_but_not_the_pod(service: tuple[Api, str], echo: Echo) -> None:
    front = service_address(*service, "echo")
    pod = Pod(*service, echo.address.host)
    pod.report("True")
    eventually(lambda: echoes(front))
    with socket.create_connection(front, timeout=30) as connection:
        pod.report("False")
        eventually(lambda: refuses(front))
        assert is_alive(connection)
        pod.delete()
        assert is_reset(connection)


def test_pods_reach_the_api_server_by_its_service(lab: Lab) -> None:
    front = service_address(Api(lab.connect("site-a"), "test"), "default", "kubernetes").host
    trusted = create_default_context(cadata=lab.environment.api_authorities["site-a"])
    with urllib.request.urlopen(f"https://{front}:443/readyz", context=trusted, timeout=30) as answer:
        assert answer.read() == b"ok"


def test_every_namespace_has_a_file_of_names(lab: Lab, namespace: Callable[[str], str]) -> None:
    api, where = Api(lab.connect("site-b"), "test"), namespace("site-b")
    api.create(SERVICE, where, {"metadata": {"name": "db"}, "spec": {"ports": [{"port": PORT}]}})
    address = service_address(api, where, "db").host

    def named() -> None:
        text = (lab.home.root / "network" / "site-b" / f"{where}.hosts").read_text()
        assert f"{address} db.{where}.svc.cluster.local db.{where}.svc db.{where} db\n" in text

    eventually(named)


class Linked:
    """The program's own stacks with the link between them, and a Connector to the echo on site-a for site-b."""

    def __init__(self, lab: Lab, checkout: Checkout, echo: Echo) -> None:
        self.checkout = checkout
        self.here, self.there = Api(lab.connect("site-b"), "test"), Api(lab.connect("site-a"), "test")
        self._echo = echo.address.host
        self.connect(self.there, self.here, "echo")

    def connect(self, server: Api, client: Api, name: str) -> None:
        """Make a Connector in one cluster and a Listener in the other."""
        connector = {"routingKey": f"test/{name}", "port": PORT, "host": self._echo}
        server.create(skupper.CONNECTOR, NAMESPACE, {"metadata": {"name": name}, "spec": connector})
        listener = {"routingKey": f"test/{name}", "port": PORT, "host": name}
        client.create(skupper.LISTENER, NAMESPACE, {"metadata": {"name": name}, "spec": listener})

    @property
    def front(self) -> Address:
        """Where the Listener is reached on site-b."""
        return service_address(self.here, NAMESPACE, "echo")

    @property
    def link(self) -> Manifest:
        """The link that the stacks made."""
        found = self.here.get(skupper.LINK, NAMESPACE, self.checkout.outputs("site-b")["link"])
        assert found is not None
        return found

    @property
    def standby(self) -> Stack:
        """The stack that owns the link."""
        return next(stack for stack in self.checkout.stacks() if stack.name == "site-b")

    def is_ready(self, link: str) -> None:
        found = self.here.get(skupper.LINK, NAMESPACE, link)
        assert found
        assert found.get("status", {}).get("status") == "Ready"


@pytest.fixture(scope="module")
def linked(lab: Lab, echo: Echo, copy_checkout: Callable[..., Checkout]) -> Linked:
    checkout = copy_checkout()
    checkout.up()
    return Linked(lab, checkout, echo)


def test_megabytes_cross_the_link_both_ways_and_unchanged(linked: Linked, echo: Echo) -> None:
    eventually(lambda: echoes(linked.front))
    site = linked.there.get(skupper.SITE, NAMESPACE, "rhsi-primary")
    assert site
    assert echo.last_peer == address_of(site["metadata"]["uid"]), "it comes from the router of the Connector's site"
    sent = secrets.token_bytes(8 * 2**20)
    assert hashlib.sha256(exchange(linked.front, sent)).digest() == hashlib.sha256(sent).digest()


def test_the_link_also_leads_from_the_primary_to_the_standby(linked: Linked) -> None:
    linked.connect(linked.here, linked.there, "echo-back")
    eventually(lambda: echoes(service_address(linked.there, NAMESPACE, "echo-back")))


def test_a_cut_link_resets_its_connections_and_refuses_new_ones_until_it_is_back(lab: Lab, linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection:
        assert is_alive(connection)
        link.cut(lab.environment, [linked.standby])
        try:
            assert is_reset(connection)
            eventually(lambda: refuses(linked.front))
            assert linked.link["status"]["status"] == "Pending"
        finally:
            link.restore(lab.environment, [linked.standby])
    eventually(lambda: echoes(linked.front))


def test_a_link_beside_another_disturbs_nothing_and_takes_what_it_carries_with_it(linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as over_the_first:
        linked.here.create(skupper.LINK, NAMESPACE, {"metadata": {"name": "beside"}, "spec": linked.link["spec"]})
        eventually(lambda: linked.is_ready("beside"))
        with socket.create_connection(linked.front, timeout=30) as over_the_second:
            assert is_alive(over_the_second)
            linked.here.delete(skupper.LINK, NAMESPACE, "beside")
            assert is_reset(over_the_second)
        assert is_alive(over_the_first)
    eventually(lambda: echoes(linked.front))


def test_what_the_routers_carry_does_not_notice_that_the_controllers_are_killed(lab: Lab, linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection:
        with down(lab, "skupper"):
            assert is_alive(connection)
            echoes(linked.front)
        assert is_alive(connection)
    echoes(linked.front)


def test_routers_that_are_killed_lose_what_they_carry_and_serve_again_when_they_are_back(
    lab: Lab, linked: Linked
) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection, down(lab, "router"):
        with contextlib.suppress(ConnectionResetError):
            assert received(connection) == b""
        refuses(linked.front)
    eventually(lambda: echoes(linked.front))


def test_a_rotation_resets_what_the_old_link_carried_and_new_connections_take_the_new_one(linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection:
        assert is_alive(connection)
        number = linked.checkout.next_rotation()
        linked.checkout.up()
        assert is_reset(connection)
    eventually(lambda: echoes(linked.front))
    assert linked.link["metadata"]["name"] == f"standby-from-vault-{number}"
