"""Answers the questions of kubelet-streams about the pods of one runner, and runs the commands of `kubectl exec`.

A question is one line of JSON on a Unix socket, its answer another (the other half: lab/binaries/kubelet-streams/
runner.go). The standard streams of a command come along as descriptors, so nothing of them passes through here. A
command is killed when whoever asked for it is gone, and ends with this process. Does not own what the runner knows.
"""

import contextlib
import json
import logging
import os
import selectors
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.api import UNREACHABLE, error_text
from lab.stand_ins.pods.known import KnownPod, RefusalError
from lab.stand_ins.pods.walls.launching import StartError, Streams, end

Find = Callable[[str, str], KnownPod | None]
"""The runner's pod of a namespace and name. May raise what the API server's client does."""

_STREAMS = 3
_READ_BYTES = 64 * 1024
_QUESTION_SECONDS = 5.0
"""How long a question may take to come: who stops halfway must not keep a thread."""

logger = logging.getLogger(__name__)


class Answers:
    """The socket of one runner, served by a thread for each question."""

    def __init__(self, address: Path, find: Find) -> None:
        self._address = address
        self._find = find
        self._server: _Server | None = None

    def start(self) -> None:
        """Begin to answer, in threads of its own."""
        self._server = _Server(self._address, self._find)
        threading.Thread(target=self._server.serve_forever, name="answers", daemon=True).start()

    def stop(self) -> None:
        """Answer nothing any more; commands that run end with their containers."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._address.unlink(missing_ok=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    # A command may be waited for.
    block_on_close = False

    def __init__(self, address: Path, find: Find) -> None:
        self.find = find
        address.unlink(missing_ok=True)
        directory = os.open(address.parent, os.O_RDONLY)
        try:
            # The path may be longer than an address can be.
            super().__init__(f"/proc/self/fd/{directory}/{address.name}", _Question)
        finally:
            os.close(directory)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as in the base class
        logger.exception("a question of the kubelet could not be answered")


class _Question(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(_QUESTION_SECONDS)
        asked, streams = self._receive()
        self.request.settimeout(None)
        try:
            answer = self._answer(asked, streams)
        except RefusalError as refusal:
            answer = {"refusal": str(refusal), "status": refusal.status}
        except StartError as error:
            answer = {"refusal": str(error), "status": 500}
        except UNREACHABLE as error:
            answer = {"refusal": f"the API server does not answer: {error_text(error)}", "status": 500}
        finally:
            for stream in streams:
                os.close(stream)
        # Whoever asked may be gone.
        with contextlib.suppress(OSError):
            self.request.sendall(json.dumps(answer).encode() + b"\n")

    def _receive(self) -> tuple[Manifest, list[int]]:
        line, streams, _, _ = socket.recv_fds(self.request, _READ_BYTES, _STREAMS)
        while line and not line.endswith(b"\n"):
            part = self.request.recv(_READ_BYTES)
            if not part:
                break
            line += part
        asked: Manifest = json.loads(line)
        return asked, streams

    def _answer(self, asked: Manifest, streams: list[int]) -> Manifest:
        pod = self.server.find(asked["namespace"], asked["pod"])
        if pod is None:
            return {"unknown": True}
        match asked["ask"]:
            case "container":
                run = pod.run(asked["container"])
                return {"running": run is not None, "run": run or ""}
            case "log":
                log, run = pod.log_of(asked["container"], previous=asked["previous"])
                return {"log": str(log), "run": run}
            case "address":
                return {"address": pod.address}
        stdin, stdout, stderr = streams
        given = Streams(stdin, stdout, stderr, terminal=asked["terminal"])
        return {"code": self._end_of(pod.start_inside(asked["container"], asked["argv"], given))}

    def _end_of(self, process: "subprocess.Popen[bytes]") -> int:
        """The exit code of a command, which is killed when the other end of the connection is closed."""
        ended = os.pidfd_open(process.pid)
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(self.request, selectors.EVENT_READ)
            events = {key.fileobj for key, _ in selector.select()}
        os.close(ended)
        if ended not in events:
            end(process)
        code = process.wait()
        return code if code >= 0 else 128 - code
