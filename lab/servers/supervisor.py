"""The processes of one lab: started where they are missing, awaited by a condition, recorded the moment they exist.

Owns the record files in the home's `processes` folder and the retry when a port was taken in between. Knows nothing of
what a server is for.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.files import write_private
from lab.home import Home, LabError
from lab.progress import Progress
from lab.servers.ports import Ports
from lab.servers.process import Process, last_words, spawn, stop, tail, telling_line, unrecorded

POLL_SECONDS = 0.05
PORT_ATTEMPTS = 3
# From when on a server's log is quoted while it is awaited, and how much of its last line.
LONG_SECONDS = 8.0
LINE = 160
GIVEN_UP = "The start of the lab was given up."


@dataclass(frozen=True, kw_only=True)
class Server:
    """How one program is run, and when it counts as ready.

    Attributes:
        name: unique in the lab.
        argv: program and arguments.
        environ: the whole environment.
        ready: a quick question that is asked again and again; True ends the wait.
        ports: names of the ports (of `Ports`) that the program binds.
        timeout: seconds until a server that lives but is not ready counts as failed.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool]
    ports: tuple[str, ...] = ()
    timeout: float = 120.0


class InterruptedStartError(LabError):
    """The start was given up while this server was awaited."""


class EndedError(LabError):
    """A server ended while it was awaited."""


class Supervisor:
    """Starts, finds and stops the processes of one lab. Several threads may use one supervisor."""

    def __init__(self, home: Home, progress: Progress) -> None:
        self.home = home
        self.ports = Ports(home)
        self.progress = progress
        self._folder = home.folder("processes")
        self._begun: list[Process] = []
        self._awaited: dict[str, tuple[float, Process]] = {}
        self._given_up = threading.Event()
        self._lock = threading.Lock()

    def ensure(self, describe: Callable[[], Server]) -> Process:
        """The server's process, ready: the one that runs, or a new one.

        Args:
            describe: makes the description; asked again after a port was taken, since the arguments name the port.

        Raises:
            LabError: the program ended while it started, or did not become ready in time.
        """
        server = describe()
        known = self.find(server.name)
        if known and known.alive and self._is_kept(server, known):
            return self._settled(known)
        if known:
            why = last_words(known)
            self.progress.step(f"{server.name} has ended{f' ({why})' if why else ''}: starting it again")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            process = self._spawn(server)
            try:
                self._await(server, process)
            except LabError:
                taken = any("address already in use" in line.lower() for line in tail(process.log))
                # A known server's port is in other people's configuration: moving it would break them silently.
                if known or not taken or attempt == PORT_ATTEMPTS:
                    raise
                self.ports.renew(*server.ports)
                server = describe()
            else:
                break
        self.progress.step(f"{server.name} is ready")
        return self._settled(process)

    def wait_for(self, what: str, ready: Callable[[], bool], timeout: float = 120.0) -> None:
        """Ask until the answer is yes.

        Args:
            what: the state that is awaited, for the sentence: "X was not so within 120 s".
            ready: a quick question.
            timeout: seconds.

        Raises:
            LabError: it took too long, or the start was given up.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._given_up.is_set():
                raise InterruptedStartError(GIVEN_UP)
            if ready():
                return
            # Between two questions wait for the end of the start, not for the clock.
            self._given_up.wait(POLL_SECONDS)
        raise LabError(f"{what} within {timeout:.0f} s.")

    def find(self, name: str) -> Process | None:
        """The recorded process of that name, alive or not."""
        file = self._record(name)
        return Process.from_json(file.read_text()) if file.exists() else None

    def processes(self) -> list[Process]:
        """All recorded processes, by name."""
        return recorded(self.home)

    def give_up(self) -> None:
        """Make every wait end, so that the threads of an interrupted start come back."""
        self._given_up.set()

    def stop_begun(self) -> None:
        """Stop what this supervisor started, and nothing else; it starts nothing afterwards."""
        self.give_up()
        with self._lock:
            self._stop(self._begun)

    def stop_all(self) -> None:
        """Stop every process of this lab, also one whose start was killed before it was recorded."""
        known = self.processes()
        self._stop([*known, *unrecorded(self.home.root, known)])

    def _stop(self, processes: list[Process]) -> None:
        stop(processes)
        for process in processes:
            self._record(process.name).unlink(missing_ok=True)

    def _is_kept(self, server: Server, known: Process) -> bool:
        """Wait until a server that runs is ready; False where it ends meanwhile, as one that somebody is killing."""
        try:
            self._await(server, known)
        except EndedError:
            return False
        return True

    def _spawn(self, server: Server) -> Process:
        ports = {name: self.ports.get(name) for name in server.ports}
        log = self.home.logs / f"{server.name}.log"
        try:
            with self._lock:
                if self._given_up.is_set():
                    raise InterruptedStartError(GIVEN_UP)
                process = spawn(
                    server.name, server.argv, environ=server.environ, log=log, ports=ports, folder=self.home.root
                )
                self._begun.append(process)
                write_private(self._record(server.name), process.to_json().encode())
        except OSError as error:
            raise LabError(f"{server.argv[0]} cannot be run as {server.name} ({error.strerror}).") from error
        return process

    def _settled(self, process: Process) -> Process:
        """The process, recorded as ready: what it has said until now is no reason for what becomes of it."""
        if process.ready_at is not None:
            return process
        ready = replace(process, ready_at=process.log.stat().st_size if process.log.exists() else 0)
        with self._lock:
            self._begun[:] = [ready if one == process else one for one in self._begun]
            write_private(self._record(ready.name), ready.to_json().encode())
        return ready

    def _await(self, server: Server, process: Process) -> None:
        """Wait until the server is ready, or fail as soon as it has ended."""

        def ready() -> bool:
            if server.ready():
                return True
            if not process.alive:
                why = telling_line(process.log)
                raise EndedError(f"{server.name} ended while starting: {why} (log: {process.log})")
            self.progress.update(self._waiting())
            return False

        with self._lock:
            self._awaited[server.name] = time.monotonic(), process
        try:
            self.wait_for(f"{server.name} runs but was not ready (log: {process.log})", ready, server.timeout)
        finally:
            with self._lock:
                del self._awaited[server.name]

    def _waiting(self) -> str:
        """What is awaited, the first one's last words once it takes long."""
        with self._lock:
            first, *others = sorted(self._awaited.items(), key=lambda item: item[1][0])
        name, (began, process) = first
        seconds = time.monotonic() - began
        more = f" and {len(others)} more" if others else ""
        last = tail(process.log)[-1:] if seconds >= LONG_SECONDS else []
        return "".join([f"waiting for {name}{more}, {seconds:.0f} s", *(f": {line[:LINE]}" for line in last)])

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def recorded(home: Home) -> list[Process]:
    """All processes that the lab in this home has on record, alive or not, by name."""
    return [Process.from_json(file.read_text()) for file in sorted((home.root / "processes").glob("*.json"))]
