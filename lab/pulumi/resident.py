"""The resident process: has the plugins' clients imported and forks one process for each plugin that is started.

Every plugin is a process of its own, with the environment, folder and streams of whoever asked: two stacks, or two
providers of one stack, share nothing. Forking is safe because this process has one thread and never uses gRPC itself.
Source of the other half: launcher.py.
"""

import json
import os
import selectors
import signal
import socket
import struct
import threading
import traceback
from contextlib import suppress
from pathlib import Path

from lab.pulumi.plugins import run

_HEADER = struct.Struct("!I")
_STREAMS = 3
# A launcher sends its message at once; one that stops halfway must not hold the others up.
_MESSAGE_SECONDS = 5.0


def serve(address: Path, ready_file: Path) -> None:
    """Fork plugins for whoever asks at the socket, until SIGTERM or Ctrl-C; plugins that run then go on to their end.

    Args:
        address: of the Unix socket, in a folder that only its owner can enter.
        ready_file: is written when the socket takes connections.
    """
    with _listen(address) as listener, selectors.DefaultSelector() as selector:
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        # Nobody asks how a plugin ended but its launcher, which hears it from the plugin.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        ready_file.write_text("ready")
        while all(key.fileobj is listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _become_plugin(connection)


def _listen(address: Path) -> socket.socket:
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    directory = os.open(address.parent, os.O_RDONLY)
    try:
        # The path may be longer than an address can be.
        listener.bind(f"/proc/self/fd/{directory}/{address.name}")
    finally:
        os.close(directory)
    listener.listen()
    return listener


def _become_plugin(connection: socket.socket) -> None:
    """Be the plugin that the launcher at the other end asks for; never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        connection.settimeout(_MESSAGE_SECONDS)
        header, streams, _, _ = socket.recv_fds(connection, _HEADER.size, _STREAMS)
        asked = json.loads(_received(connection, *_HEADER.unpack(header)))
        connection.settimeout(None)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(asked["environ"])
        os.chdir(asked["folder"])
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        threading.Thread(target=_watch, args=(connection, stopped), daemon=True).start()
        code = run(asked["plugin"], asked["arguments"], stopped)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            connection.send(bytes([code]))
        # Not sys.exit: this is a copy of the resident process, whose clean-up is not this one's.
        os._exit(code)


def _received(connection: socket.socket, size: int) -> bytes:
    message = b""
    while len(message) < size:
        part = connection.recv(size - len(message))
        if not part:
            raise ConnectionError("the launcher is gone")
        message += part
    return message


def _watch(connection: socket.socket, stopped: threading.Event) -> None:
    """Stop when the launcher asks for it, or is gone."""
    with suppress(OSError):
        connection.recv(1)
    stopped.set()
