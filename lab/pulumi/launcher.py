"""Starts a plugin for `pulumi`: asks the lab's resident process to fork it, or else runs it in this process.

`pulumi` starts a plugin several times in each command, and importing the plugins' clients takes more than a second
each time; the resident process (resident.py) has them imported already. This script is run by `python -I`, so it
imports nothing of the lab and little of the standard library.

It hands over its arguments, environment, folder and standard streams, passes on the signals that end it, and ends with
the plugin's exit code. When it is killed, or `pulumi` is gone, the plugin sees its end of the connection close.
"""

import json
import os
import select
import signal
import socket
import struct
import sys

LOOK_AGAIN_SECONDS = 1.0


def main(python: str, checkout: str, address: str, plugin: str, *arguments: str) -> int:
    """Run a plugin to its end; its exit code.

    Args:
        python: the lab's interpreter.
        checkout: folder with the package `lab`.
        address: of the resident process, a Unix socket.
        plugin: its name.
        arguments: what `pulumi` passed on.
    """
    try:
        connection = connect(address)
    except OSError:
        # No resident process: slower, and all the same.
        environ = {**os.environ, "PYTHONPATH": checkout}
        os.execve(python, [python, "-m", "lab.pulumi", plugin, *arguments], environ)  # noqa: S606 - no shell is wanted
    asked = {"plugin": plugin, "arguments": arguments, "environ": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib takes longer to import than all the rest
    message = json.dumps(asked).encode()
    socket.send_fds(connection, [struct.pack("!I", len(message))], [0, 1, 2])
    connection.sendall(message)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: connection.shutdown(socket.SHUT_WR))
    parent = os.getppid()
    while True:
        ready, _, _ = select.select([connection], [], [], LOOK_AGAIN_SECONDS)
        if ready:
            answer = connection.recv(1)
            return answer[0] if answer else 1
        if os.getppid() != parent:
            return 1


def connect(address: str) -> socket.socket:
    """A connection to a Unix socket; its path may be longer than an address can be."""
    folder, name = os.path.split(address)
    directory = os.open(folder, os.O_RDONLY)
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"/proc/self/fd/{directory}/{name}")
    finally:
        os.close(directory)
    return connection


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
