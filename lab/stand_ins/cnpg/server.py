"""One PostgreSQL server in its walls: the process, its log, and the programs that are run beside it.

Does not decide when the server runs, nor what its files say (files.py, manager.py).
"""

import contextlib
import json
import operator
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.stand_ins.cnpg.database import Database, SqlError
from lab.stand_ins.cnpg.files import CONTROLLER, PGDATA, SOCKETS, Files, Place
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.logs import Log
from lab.stand_ins.pods.walls.launching import Launched, StartError, Streams, launch, start_inside
from lab.stand_ins.pods.walls.plan import Mount, Plan

_TEMPORARY = f"{CONTROLLER}/tmp"  # noqa: S108 - within the walls nobody else has it
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# What the operator's pods have beside: with it psql reaches the server without a word.
_FOR_CLIENTS = {"PGDATA": PGDATA, "PGHOST": SOCKETS, "PSQL_HISTORY": f"{_TEMPORARY}/.psql_history"}

SIDECAR = "plugin-barman-cloud"
"""The container whose log has what the plugin's tools say; on the lab the pod does not list it."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0
"""How long a server may take to write its last checkpoint; upstream gives it half an hour."""
ARCHIVE_SECONDS = 90.0
"""The same for a server that archives its last files of WAL before."""
BACK_OFF_SECONDS = 5.0
"""Between two attempts at a server that does not start."""


class ServerError(Exception):
    """A program of PostgreSQL did not do what it was started for; the log says more."""


class Server:
    """The server of one pod; its methods are called by one thread at a time.

    `ended` is called from another thread when the process is gone, whoever ended it.
    """

    def __init__(self, place: Place, ended: Callable[[], None]) -> None:
        self.place = place
        self.files = Files(place)
        self._log = Log(place.log)
        self.database = Database(self.files.sockets)
        self._ended = ended
        self._launched: Launched | None = None
        self._not_before = 0.0
        self.tools: tuple[Mount, ...] = ()
        """What its walls have besides, from the next start on: a Cluster that backs up has Barman's tools there."""

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._launched is not None and self._launched.process.poll() is None

    def run(self, *argv: str) -> None:
        """Run one of PostgreSQL's programs to its end.

        Raises:
            ServerError: it cannot be run, or fails.
        """
        try:
            launched = launch(self._plan(argv))
        except StartError as error:
            raise ServerError(f"{argv[0]} cannot be run: {error}") from error
        follow(launched, self._log)
        if (code := launched.process.wait()) != 0:
            raise ServerError(f"{argv[0]} ended with {code}")

    def run_beside(self, *argv: str) -> None:
        """Run a program of the sidecar to its end, in walls of its own with the same volumes; its log is apart.

        Raises:
            ServerError: it cannot be run, or fails; the error is the last line that it wrote.
        """
        try:
            launched = launch(self._plan(argv))
        except StartError as error:
            raise ServerError(f"{argv[0]} cannot be run: {error}") from error
        log = Log(self.place.log.with_name(f"{SIDECAR}.log"))
        follow(launched, log)
        if (code := launched.process.wait()) != 0:
            said = logs.tail(log.path).splitlines()
            raise ServerError(said[-1] if said else f"{argv[0]} ended with {code}")

    def start(self) -> None:
        """Start the server and return when it answers on its socket.

        Raises:
            ServerError: it ended at once, or does not answer.
        """
        if time.monotonic() < self._not_before:
            raise ServerError("back-off restarting failed server")
        # Forgotten as soon as it answers.
        self._not_before = time.monotonic() + BACK_OFF_SECONDS
        try:
            launched = launch(self._plan(("postgres", "-D", PGDATA)))
        except StartError as error:
            raise ServerError(f"postgres cannot be run: {error}") from error
        self._launched = launched
        threading.Thread(target=self._watch, args=(launched,), daemon=True).start()

        @retry(retry=retry_if_result(operator.not_), wait=wait_fixed(0.05), stop=stop_after_delay(START_SECONDS))
        def settled() -> bool:
            return not self.alive or self.answers()

        try:
            settled()
        except RetryError as error:
            raise ServerError("postgres runs but does not answer") from error
        if not self.alive:
            raise ServerError(f"postgres ended with {launched.process.wait()} at its start")
        self._not_before = 0.0

    def start_inside(self, argv: Sequence[str], streams: Streams) -> "subprocess.Popen[bytes]":
        """Start a command beside the server, as its user; from any thread.

        Raises:
            StartError: it does not run, or the server does not.
        """
        launched = self._launched
        if launched is None or launched.process.returncode is not None:
            raise StartError("the container does not run")
        plan = self._plan(())
        within = replace(plan, environment={**plan.environment, **_FOR_CLIENTS})
        return start_inside(launched.process.pid, within, argv, streams)

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            with self.database.session() as session:
                session.value("SELECT 1")
        except SqlError:
            return False
        return True

    def stop(self, timeout: float | None = None) -> None:
        """End the server by a fast shutdown: clients are cut off, everything is written, and archived."""
        timeout = timeout or (ARCHIVE_SECONDS if self.tools else STOP_SECONDS)
        launched = self._launched
        if launched is None or launched.process.poll() is not None:
            return
        launched.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            launched.process.wait(timeout)
        launched.process.kill()
        launched.process.wait()

    def say(self, level: str, message: str, **more: object) -> None:
        """Write a line into the server's log as the instance manager does, who has the same standard output."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = {"level": level, "ts": moment, "msg": message, "logging_pod": self.place.name, **more}
        self._log.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _plan(self, argv: tuple[str, ...]) -> Plan:
        return Plan(
            scratch=str(self.files.scratch.resolve()),
            argv=argv,
            environment={"PATH": f"{self.place.home}/bin:{_SYSTEM_PATH}", "LC_ALL": "C.UTF-8", "TMPDIR": _TEMPORARY},
            hostname=self.place.name,
            uid=self.place.uid,
            gid=self.place.uid,
            read_only_root=True,
            mounts=(*self.files.mounts(), *self.tools),
            hosts=self.place.hosts,
            # To PostgreSQL: a fast shutdown.
            stop_signal=signal.SIGINT,
        )

    def _watch(self, launched: Launched) -> None:
        follow(launched, self._log)
        launched.process.wait()
        self._ended()


def follow(launched: Launched, log: Log) -> None:
    """Copy a command's output into a log until its last writer is gone."""
    with launched.output as pipe:
        while chunk := pipe.read1(1 << 16):
            log.append(chunk)
    log.finish()
