"""`python -m lab.stand_ins.router --socket PATH`: carry what the latest table says until a signal comes."""

import contextlib
import logging
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from lab.stand_ins.controller.process import Process, ReadyFile
from lab.stand_ins.network.forwarding import Forwarder
from lab.stand_ins.network.table import Table
from lab.stand_ins.router.control import address

log = logging.getLogger("router")


def obey(listener: socket.socket, forwarder: Forwarder) -> None:
    """Serve the tables that come in, from one controller process after the other; ends when the listener does.

    Between two of them everything goes on as it was.
    """
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            log.info("the controllers are here")
            with connection, connection.makefile("rb") as lines, contextlib.suppress(ConnectionError):
                for line in lines:
                    # A controller that is killed may leave half a line.
                    if line.endswith(b"\n"):
                        forwarder.serve(Table.decode(line))
            log.info("the controllers are gone: going on as they left it")


def main(
    socket_file: Annotated[Path, typer.Option("--socket", help="The Unix socket at which controllers send tables.")],
    ready_file: ReadyFile = None,
) -> None:
    """Forward TCP as the Skupper controllers say."""
    with Process(ready_file) as process, socket.socket(socket.AF_UNIX) as listener, address(socket_file) as path:
        forwarder = Forwarder()
        forwarder.start()
        process.defer(forwarder.stop)
        socket_file.unlink(missing_ok=True)
        listener.bind(path)
        listener.listen()
        threading.Thread(target=obey, args=(listener, forwarder), name="control", daemon=True).start()
        process.serve()


if __name__ == "__main__":
    typer.run(main)
