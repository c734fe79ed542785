"""How bytes and connections fare on their way to a target, on real sockets."""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from lab.stand_ins.network import forwarding
from lab.stand_ins.network.forwarding import NODE, Forwarder
from lab.stand_ins.network.table import Address, Table, Target

SOURCE = "127.111.0.9"


class Server:
    """Accepts one connection after the other and hands them to the test."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.111.0.2", 0))
        self.address = Address(*self._listener.getsockname())

    def accept(self) -> socket.socket:
        self._listener.settimeout(10)
        connection, _ = self._listener.accept()
        connection.settimeout(10)
        return connection

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    made = Forwarder()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def front() -> Address:
    with socket.create_server(("127.111.0.1", 0)) as free:
        return Address(*free.getsockname())


def connect(front: Address, source: str = "127.0.0.1") -> socket.socket:
    """A connection, as soon as the forwarder listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(front, timeout=10, source_address=(source, 0))
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens at {front}"
            time.sleep(0.01)


def is_refused(front: Address) -> bool:
    try:
        socket.create_connection(front, timeout=10).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # It was accepted while its listener closed, and the reset came before connecting had returned.
        return False
    return False


def holds(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def exchange(client: socket.socket, served: socket.socket) -> None:
    client.sendall(b"question")
    assert served.recv(100) == b"question"
    served.sendall(b"answer")
    assert client.recv(100) == b"answer"


def all_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_each_side_may_finish_first_and_still_hear_the_other(
    forwarder: Forwarder, server: Server, front: Address
) -> None:
    forwarder.serve(Table({front: [Target(server.address)]}))
    with connect(front) as client, server.accept() as served:
        client.sendall(b"all I have")
        client.shutdown(socket.SHUT_WR)
        assert all_of(served) == b"all I have"
        served.sendall(b"so much for that")
        served.close()
        assert all_of(client) == b"so much for that"
    with connect(front) as client, server.accept() as served:
        served.sendall(b"greeting")
        served.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"greeting"
        client.sendall(b"thanks")
        client.close()
        assert all_of(served) == b"thanks"


def test_what_comes_before_the_target_has_answered_is_passed_on_once_it_has() -> None:
    """Some Pythons read from a transport that pauses as it is made, 3.11.2 among them."""
    connection = forwarding._Connection(mock.Mock(), Address("127.111.0.1", 5432))
    client, server = mock.MagicMock(), mock.Mock()
    client.is_closing.return_value = False
    connection.client.connection_made(client)
    connection.client.data_received(b"ques")
    connection.client.data_received(b"tion")
    assert connection.client.eof_received()
    connection.server.connection_made(server)
    assert server.method_calls == [mock.call.write(b"question"), mock.call.write_eof()]
    assert client.resume_reading.called


def test_a_slow_reader_slows_the_sender_and_loses_nothing(forwarder: Forwarder, server: Server, front: Address) -> None:
    forwarder.serve(Table({front: [Target(server.address)]}))
    sent = secrets.token_bytes(64 * 2**20)
    with connect(front) as client, server.accept() as served:
        gone = threading.Event()

        def send() -> None:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            gone.set()

        sender = threading.Thread(target=send)
        sender.start()
        assert not gone.wait(0.5), "everything was taken in although nobody read it"
        assert all_of(served) == sent
        sender.join()


def test_where_no_target_is_left_connecting_is_refused_and_what_is_established_goes_on(
    forwarder: Forwarder, server: Server, front: Address
) -> None:
    target = Target(server.address, needs=("pod",))
    forwarder.serve(Table({front: [target]}, frozenset({"pod"})))
    with connect(front) as client, server.accept() as served:
        forwarder.serve(Table({front: []}, frozenset({"pod"})))
        assert holds(lambda: is_refused(front))
        exchange(client, served)


def test_a_connection_is_reset_at_both_ends_when_something_goes_that_it_needs(
    forwarder: Forwarder, server: Server, front: Address
) -> None:
    target = Target(server.address, needs=("link-1", "pod"))
    forwarder.serve(Table({front: [target]}, frozenset({"link-1", "pod"})))
    with connect(front) as client, server.accept() as served:
        exchange(client, served)
        replaced = Target(server.address, needs=("link-2", "pod"))
        forwarder.serve(Table({front: [replaced]}, frozenset({"link-2", "pod"})))
        for end in (client, served):
            with pytest.raises(ConnectionResetError):
                end.recv(1)
    with connect(front) as client, server.accept() as served:
        exchange(client, served)


def test_a_reset_is_passed_on_as_a_reset(forwarder: Forwarder, server: Server, front: Address) -> None:
    forwarder.serve(Table({front: [Target(server.address)]}))
    with connect(front) as client, server.accept() as served:
        exchange(client, served)
        served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        served.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_client_whose_target_does_not_answer_is_reset(forwarder: Forwarder, server: Server, front: Address) -> None:
    server.close()
    forwarder.serve(Table({front: [Target(server.address)]}))
    # The reset may come so soon that connecting reports it.
    with pytest.raises(ConnectionResetError), connect(front) as client:
        client.recv(1)


def test_the_target_with_fewer_connections_is_taken_unless_it_costs_more(
    forwarder: Forwarder, server: Server, other: Server, front: Address
) -> None:
    forwarder.serve(Table({front: [Target(server.address), Target(other.address, cost=2)]}))
    with contextlib.ExitStack() as opened:
        for expected in (server, server):
            opened.enter_context(connect(front))
            opened.enter_context(expected.accept())
        third, fourth = opened.enter_context(connect(front)), opened.enter_context(connect(front))
        for each in (server.accept(), other.accept()):
            opened.enter_context(each)
        assert third.getpeername() == fourth.getpeername() == front


def test_nobody_seems_to_come_from_the_machine_itself(forwarder: Forwarder, server: Server, front: Address) -> None:
    """PostgreSQL's default rules let 127.0.0.1 in without a password."""
    forwarder.serve(Table({front: [Target(server.address)]}))
    with connect(front), server.accept() as served:
        assert served.getpeername()[0] == NODE
    with connect(front, source=SOURCE), server.accept() as served:
        assert served.getpeername()[0] == SOURCE
    forwarder.serve(Table({front: [Target(server.address, source="127.111.0.7")]}))
    assert holds(lambda: _source_of_next(front, server) == "127.111.0.7")


def _source_of_next(front: Address, server: Server) -> str:
    with connect(front, source=SOURCE), server.accept() as served:
        return str(served.getpeername()[0])


def test_an_address_that_is_taken_is_listened_on_once_it_is_free(
    forwarder: Forwarder, server: Server, front: Address
) -> None:
    with socket.create_server(front):
        forwarder.serve(Table({front: [Target(server.address)]}))
    with connect(front) as client, server.accept() as served:
        exchange(client, served)


def test_addresses_that_stay_taken_are_all_tried_once_in_a_while(
    forwarder: Forwarder, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pause, rounds = 0.05, 10
    monkeypatch.setattr(forwarding, "AGAIN_SECONDS", pause)
    with contextlib.ExitStack() as opened:
        taken = [opened.enter_context(socket.create_server((f"127.111.1.{number}", 0))) for number in range(1, 4)]
        begun = time.monotonic()
        forwarder.serve(Table({Address(*one.getsockname()): [Target(server.address)] for one in taken}))
        assert holds(lambda: len(caplog.records) >= rounds * len(taken))
    assert time.monotonic() - begun >= (rounds - 1) * pause, "each failure began a round of its own"


def test_a_table_is_the_same_after_its_way_to_another_process(front: Address, server: Server) -> None:
    target = Target(server.address, needs=("site/link/x", "site/listener/y"), cost=1, source=SOURCE)
    table = Table({front: [target], server.address: []}, frozenset({"site/link/x"}))
    assert Table.decode(table.encode()) == table
