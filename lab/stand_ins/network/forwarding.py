"""Forwarding of TCP connections: who listens where, which way each connection takes, and its end when the way goes.

Owns sockets and bytes, in one event loop in a thread of its own. Which addresses are served and where they lead is told
from outside, as a whole, whenever it changes (`Table`).
"""

import asyncio
import logging
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import cast

from lab.stand_ins.network.table import Address, Table, Target

log = logging.getLogger("forwarding")

AGAIN_SECONDS = 0.5
# Closing a socket with this option resets the connection, as a router does with streams that it has lost.
_RESET = struct.pack("ii", 1, 0)
# A client that bound no address of its own has the machine's, which PostgreSQL's default rules trust without asking for
# a password. Nobody in a cluster comes from there: such a client counts as one on the node.
LOOPBACK, NODE = "127.0.0.1", "127.0.0.2"


class Forwarder:
    """Serves the addresses of the latest Table; at an address without targets connecting is refused."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._table = Table({})
        self._servers: dict[Address, asyncio.Server] = {}
        self._connections: set[_Connection] = set()
        self._applying = asyncio.Lock()
        self._again: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and end every connection; returns when that is done."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def serve(self, table: Table) -> None:
        """Serve these addresses and no others; returns at once, from any thread."""
        asyncio.run_coroutine_threadsafe(self._apply(table), self._loop)

    async def _apply(self, table: Table) -> None:
        async with self._applying:
            self._table = table
            served = {address for address, targets in table.routes.items() if targets}
            for address in self._servers.keys() - served:
                self._servers.pop(address).close()
            for connection in [each for each in self._connections if not table.present.issuperset(each.needs)]:
                connection.reset()
            for address in served - self._servers.keys():
                await self._listen(address)

    async def _stop(self) -> None:
        await self._apply(Table({}))
        for connection in list(self._connections):
            connection.reset()

    async def _listen(self, address: Address) -> None:
        try:
            self._servers[address] = await self._loop.create_server(lambda: _Connection(self, address).client, *address)
        except OSError as error:
            log.warning("%s:%s cannot be listened on (%s): trying again", *address, error.strerror)
            if self._again is None:
                self._again = self._loop.call_later(AGAIN_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        self.serve(self._table)

    def begin(self, connection: "_Connection", client: str) -> None:
        """Lead a client on to one of its targets; it is reset where none is left or it does not answer."""
        targets = self._table.routes.get(connection.front)
        if not targets:
            connection.reset()
            return
        carried = Counter(each.target for each in self._connections)
        target = min(targets, key=lambda each: (each.cost + carried[each], random.random()))  # noqa: S311 -- load only
        connection.target = target
        self._connections.add(connection)
        task = self._loop.create_task(self._connect(connection, target, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ended(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    async def _connect(self, connection: "_Connection", target: Target, client: str) -> None:
        source = target.source or (NODE if client == LOOPBACK else client)
        # Only on loopback anybody can come from any address.
        local_addr = (source, 0) if target.address.host.startswith("127.") else None
        try:
            await self._loop.create_connection(lambda: connection.server, *target.address, local_addr=local_addr)
        except OSError as error:
            log.info("%s:%s does not answer: %s", *target.address, error.strerror or error)
            connection.reset()


class _End(asyncio.Protocol):
    """One end of a connection. What arrives here goes out at the other end, no faster than that one takes it."""

    def __init__(self, connected: Callable[[], None], lost: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.finished = False
        self._early = bytearray()
        self._connected = connected
        self._lost = lost

    def pair_with(self, other: "_End") -> None:
        """Say where the bytes go."""
        self._other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connected()

    def data_received(self, data: bytes) -> None:
        if self._other.transport:
            self._other.transport.write(data)
        else:
            self._early += data

    def eof_received(self) -> bool:
        """Pass the half-close on; the connection stays open for the answers until the other end has finished too."""
        self.finished = True
        if self._other.finished:
            return False
        if self._other.transport:
            self._other.transport.write_eof()
        return True

    def catch_up(self) -> None:
        """Pass on what came before there was an other end.

        Mostly nothing. But some Pythons, 3.11.2 among them, go on reading from a transport that pauses as it is made.
        """
        out = self._other.transport
        if out and self._early:
            out.write(bytes(self._early))
            self._early.clear()
        if out and self.finished:
            out.write_eof()

    def pause_writing(self) -> None:
        if self._other.transport:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other.transport:
            self._other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if exc:
            self._other.reset()
        elif self._other.transport:
            self._other.transport.close()
        self._lost()

    def reset(self) -> None:
        """End the connection at once, in a way that nobody takes for its proper end."""
        if self.transport and not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class _Connection:
    """A client and the server that it is led to."""

    def __init__(self, forwarder: Forwarder, front: Address) -> None:
        self.front = front
        self.target: Target | None = None
        self._forwarder = forwarder
        self.client = _End(self._accepted, self._lost)
        self.server = _End(self._joined, self._lost)
        self.client.pair_with(self.server)
        self.server.pair_with(self.client)

    @property
    def needs(self) -> tuple[str, ...]:
        """What it lives on."""
        return self.target.needs if self.target else ()

    def reset(self) -> None:
        """End both sides."""
        self.client.reset()
        self.server.reset()

    def _accepted(self) -> None:
        transport = self.client.transport
        if transport:
            # Nothing is read before there is somebody to pass it on to.
            transport.pause_reading()
            self._forwarder.begin(self, transport.get_extra_info("peername")[0])

    def _joined(self) -> None:
        if self.client.transport and not self.client.transport.is_closing():
            self.client.catch_up()
            self.client.transport.resume_reading()
        else:
            self.server.reset()

    def _lost(self) -> None:
        if self.client.transport is None and self.server.transport is None:
            self._forwarder.ended(self)
