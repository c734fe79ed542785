"""How tables reach the routers' process, whoever of the two is started anew."""

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from lab.stand_ins.network.forwarding import Forwarder
from lab.stand_ins.network.table import Address, Table, Target
from lab.stand_ins.router.__main__ import obey
from lab.stand_ins.router.control import Control, address


class Served(queue.Queue[Table]):
    """Stands in for the forwarder."""

    def serve(self, table: Table) -> None:
        self.put(table)


def table(port: int) -> Table:
    return Table({Address("127.64.0.9", port): [Target(Address("127.128.0.1", port))]})


@contextmanager
def router(file: Path) -> Iterator[Served]:
    """The routers' process, as far as the control is concerned."""
    served = Served()
    file.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, address(file) as path:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=obey, args=(listener, cast("Forwarder", served)), daemon=True)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def controllers(file: Path) -> Iterator[Control]:
    control = Control(file)
    control.start()
    yield control
    control.stop()


def test_a_router_gets_what_was_said_before_it_was_there(tmp_path: Path) -> None:
    with controllers(tmp_path / "router.sock") as control:
        control.serve(table(1))
        with router(tmp_path / "router.sock") as served:
            assert served.get(timeout=10) == table(1)
            control.serve(table(2))
            assert served.get(timeout=10) == table(2)


def test_controllers_that_are_started_anew_are_obeyed(tmp_path: Path) -> None:
    with router(tmp_path / "router.sock") as served:
        for port in (1, 2):
            with controllers(tmp_path / "router.sock") as control:
                control.serve(table(port))
                assert served.get(timeout=10) == table(port)


def test_the_socket_may_be_deep_in_the_file_system(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 200)
    folder.mkdir()
    with router(folder / "router.sock") as served, controllers(folder / "router.sock") as control:
        control.serve(table(1))
        assert served.get(timeout=10) == table(1)
