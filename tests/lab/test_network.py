"""TCP in the lab: from a Service to its pods, and from a Listener over the link to a Connector."""

import contextlib
import hashlib
import secrets
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.controller.api import Api, Kind
from lab.network.forwarding import Address
from lab.skupper import api as skupper
from lab.skupper.survey import CUT
from tests.lab.checkout import Checkout
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

POD, SERVICE = Kind("v1", "Pod", "pods"), Kind("v1", "Service", "services")
PORT = 7007
NAMESPACE = "rhsi"


class Echo:
    """A server that sends back what it got, as a whole, once the client has finished sending."""

    def __init__(self, host: str, port: int) -> None:
        self.address = Address(host, port)
        self._listener = socket.create_server((host, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    @staticmethod
    def _answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.sendall(received(client))

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


def eventually(check: Callable[[], object]) -> None:
    """Try until it holds; the last failure is the test's."""
    for attempt in Retrying(
        retry=retry_if_exception_type((AssertionError, OSError)),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(30),
        reraise=True,
    ):
        with attempt:
            check()


def echoes(address: Address) -> None:
    assert exchange(address, b"hello") == b"hello"


def refuses(address: Address) -> None:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(address, timeout=5):
        raise AssertionError(f"{address} takes connections")


def service_address(api: Api, namespace: str, name: str) -> Address:
    found = api.get(SERVICE, namespace, name)
    assert found is not None
    return Address(found["spec"]["clusterIP"], PORT)


def test_a_service_leads_to_its_pod_while_that_is_ready(lab: Lab, namespace: Callable[[str], str], echo: Echo) -> None:
    api, where = Api(lab.connect("site-a"), "test"), namespace("site-a")
    api.create(
        SERVICE,
        where,
        {"metadata": {"name": "echo"}, "spec": {"selector": {"app": "echo"}, "ports": [{"port": PORT}]}},
    )
    front = service_address(api, where, "echo")
    refuses(front)
    container = {"name": "echo", "image": "none"}
    pod = {
        "metadata": {"name": "echo", "labels": {"app": "echo"}},
        "spec": {"containers": [container], "nodeName": "x"},
    }
    api.create(POD, where, pod)

    def report(ready: str) -> None:
        conditions = [{"type": "Ready", "status": ready}]
        status = {"phase": "Running", "podIP": echo.address.host, "conditions": conditions}
        api.apply(POD, where, {"metadata": {"name": "echo"}, "status": status}, subresource="status")

    report("True")
    eventually(lambda: echoes(front))
    report("False")
    eventually(lambda: refuses(front))


def test_every_namespace_has_a_file_of_names(lab: Lab, namespace: Callable[[str], str]) -> None:
    api, where = Api(lab.connect("site-b"), "test"), namespace("site-b")
    api.create(SERVICE, where, {"metadata": {"name": "db"}, "spec": {"ports": [{"port": PORT}]}})
    address = service_address(api, where, "db").host

    def named() -> None:
        text = (lab.home.root / "network" / "site-b" / f"{where}.hosts").read_text()
        assert f"{address} db.{where}.svc.cluster.local db.{where}.svc db.{where} db\n" in text

    eventually(named)


class Linked:
    """A Listener on site-b and a Connector on site-a, with the link of the program's own stacks between them."""

    def __init__(self, lab: Lab, checkout: Checkout, echo: Echo) -> None:
        self.checkout = checkout
        self.here, self.there = Api(lab.connect("site-b"), "test"), Api(lab.connect("site-a"), "test")
        host = {"routingKey": "test/echo", "port": PORT, "host": echo.address.host}
        self.there.create(skupper.CONNECTOR, NAMESPACE, {"metadata": {"name": "echo"}, "spec": host})
        listener = {"routingKey": "test/echo", "port": PORT, "host": "echo"}
        self.here.create(skupper.LISTENER, NAMESPACE, {"metadata": {"name": "echo"}, "spec": listener})

    @property
    def front(self) -> Address:
        """Where the Listener is reached on site-b."""
        return service_address(self.here, NAMESPACE, "echo")

    def cut(self, value: str | None) -> None:
        """Cut the link, or restore it with None."""
        link = self.checkout.outputs("site-b")["link"]
        body = {"metadata": {"name": link, "annotations": {CUT: value}}}
        self.here.client.request(
            "patch", skupper.LINK.path(NAMESPACE, link), body=body, content_type="application/merge-patch+json"
        )


@pytest.fixture(scope="module")
def linked(lab: Lab, echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    checkout = Checkout.copy(tmp_path_factory.mktemp("checkout"), lab.environment)
    try:
        checkout.up()
        yield Linked(lab, checkout, echo)
    finally:
        for stack in ("site-b", "site-a"):
            checkout.run("destroy", stack)


def test_megabytes_cross_the_link_both_ways_and_unchanged(linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    sent = secrets.token_bytes(8 * 2**20)
    assert hashlib.sha256(exchange(linked.front, sent)).digest() == hashlib.sha256(sent).digest()


def test_a_cut_link_resets_its_connections_and_refuses_new_ones_until_it_is_back(linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection:
        connection.sendall(b"on its way")
        linked.cut("true")
        with pytest.raises(ConnectionResetError):
            received(connection)
    eventually(lambda: refuses(linked.front))
    linked.cut(None)
    eventually(lambda: echoes(linked.front))


def test_a_rotation_resets_what_the_old_link_carried_and_new_connections_take_the_new_one(linked: Linked) -> None:
    eventually(lambda: echoes(linked.front))
    with socket.create_connection(linked.front, timeout=30) as connection:
        connection.sendall(b"on its way")
        linked.checkout.change("site-a", "standbys.site-b.rotation", 2)
        linked.checkout.up()
        with pytest.raises(ConnectionResetError):
            received(connection)
    eventually(lambda: echoes(linked.front))
    assert linked.checkout.outputs("site-b")["link"] == "standby-from-vault-2"
