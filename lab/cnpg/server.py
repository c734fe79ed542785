"""One PostgreSQL server in its walls: the process, its log, and the files that only it may read.

Owns the layout that a container of the operator's has: PGDATA on the volume, everything else under /controller. Does
not decide what is written there nor when the server runs.
"""

import contextlib
import json
import operator
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.cnpg.database import Database, SqlError
from lab.cnpg.host_based_access import SERVER_USER
from lab.pods import logs
from lab.pods.walls import kernel
from lab.pods.walls.launching import Launched, StartError, launch
from lab.pods.walls.plan import Mount, Plan

PGDATA = "/var/lib/postgresql/data/pgdata"
PROGRAMS = "/usr/lib/postgresql/16"
_VOLUME = "/var/lib/postgresql/data"
_CONTROLLER = "/controller"
_TEMPORARY = f"{_CONTROLLER}/tmp"  # noqa: S108 - within the walls nobody else has it
_FOLDERS = ("certificates", "external", "log", "run", "tmp")
_PATH = f"{PROGRAMS}/bin:/usr/local/bin:/usr/bin:/bin"

START_SECONDS = 60.0
STOP_SECONDS = 20.0
"""How long a server may take to write its last checkpoint; upstream gives it half an hour."""
_LOG_BYTES = 10 * 1024 * 1024


class ServerError(Exception):
    """A program of PostgreSQL did not do what it was started for; the log says more."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server lives.

    Attributes:
        name: of its pod, which is its host name too.
        folder: everything of it that is no data; it goes with the pod.
        volume: the folder of its claim.
        programs: PostgreSQL's folder with `bin`, `lib` and `share`.
        log: what its programs print.
        uid: as whom they run.
        names: the folder with the files of names, and within the container the one that is /etc/hosts; None and empty
            where the lab's network is not at work.
    """

    name: str
    folder: Path
    volume: Path
    programs: Path
    log: Path
    uid: int
    names: Mount | None = field(default=None)
    hosts: str = ""


class Server:
    """The server of one pod; its methods are called by one thread at a time.

    `ended` is called from another thread when the process is gone, whoever ended it.
    """

    def __init__(self, place: Place, ended: Callable[[], None]) -> None:
        self.place = place
        self.database = Database(place.folder / "controller" / "run")
        self._ended = ended
        self._launched: Launched | None = None
        self._prepare()

    @property
    def pgdata(self) -> Path:
        """The data folder, as the machine sees it."""
        return self.place.volume / "pgdata"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._launched is not None and self._launched.process.poll() is None

    def _prepare(self) -> None:
        folder = self.place.folder
        for path in (folder / "scratch", *(folder / "controller" / name for name in _FOLDERS)):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.place.volume, folder / "controller", *(folder / "controller" / name for name in _FOLDERS)):
            self._give(path)
        # To the server the operator, who is root or this very user, is the same user of the operating system as itself.
        uid = self.place.uid
        (folder / "passwd").write_text(
            f"{SERVER_USER}:x:{uid}:{uid}::/:/bin/sh\n{SERVER_USER}:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh\n"
        )

    def _give(self, path: Path) -> None:
        """Let the server's user have a file or folder; without root there is one user only, and it is hers already."""
        if os.geteuid() == 0 and kernel.is_mapped(self.place.uid):
            os.chown(path, self.place.uid, self.place.uid)

    def write(self, path: str, content: bytes, mode: int = 0o600) -> bool:
        """Write a file below /controller or PGDATA, whole or not at all; True if that changed it."""
        target = self._outside(path)
        if target.exists() and target.read_bytes() == content:
            return False
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700)
            self._give(target.parent)
        draft = target.with_name(f".{target.name}.new")
        draft.write_bytes(content)
        draft.chmod(mode)
        self._give(draft)
        draft.replace(target)
        return True

    def _outside(self, path: str) -> Path:
        for inside, outside in {PGDATA: self.pgdata, _CONTROLLER: self.place.folder / "controller"}.items():
            if path.startswith(f"{inside}/"):
                return outside / path.removeprefix(f"{inside}/")
        raise ValueError(f"{path} is on no volume of the server")

    def clear(self) -> None:
        """Remove a data folder that is not known to be whole."""
        shutil.rmtree(self.pgdata, ignore_errors=True)

    def run(self, *argv: str) -> None:
        """Run one of PostgreSQL's programs to its end.

        Raises:
            ServerError: it cannot be run, or fails.
        """
        try:
            launched = launch(self._plan(argv))
        except StartError as error:
            raise ServerError(f"{argv[0]} cannot be run: {error}") from error
        self._follow(launched)
        if (code := launched.process.wait()) != 0:
            raise ServerError(f"{argv[0]} ended with {code}")

    def start(self) -> None:
        """Start the server and return when it answers on its socket.

        Raises:
            ServerError: it ended at once, or does not answer.
        """
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

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            with self.database.session() as session:
                session.value("SELECT 1")
        except SqlError:
            return False
        return True

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """End the server by a fast shutdown: clients are cut off, everything is written."""
        launched = self._launched
        if launched is None or launched.process.poll() is not None:
            return
        launched.process.terminate()
        with contextlib.suppress(Exception):
            launched.process.wait(timeout)
        launched.process.kill()
        launched.process.wait()

    def forget(self) -> None:
        """Remove what goes with the pod: keys, passwords, sockets."""
        shutil.rmtree(self.place.folder, ignore_errors=True)

    def say(self, level: str, message: str, **more: object) -> None:
        """Write a line into the server's log as the instance manager does, who has the same standard output."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = {"level": level, "ts": moment, "msg": message, "logging_pod": self.place.name, **more}
        self._append(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _plan(self, argv: tuple[str, ...]) -> Plan:
        place = self.place
        controller = place.folder / "controller"
        mounts = [
            Mount(source=str(place.programs.resolve()), target=PROGRAMS, read_only=True),
            Mount(source=str(place.volume.resolve()), target=_VOLUME),
            Mount(source=str(controller.resolve()), target=_CONTROLLER),
            Mount(source=str((place.folder / "passwd").resolve()), target="/etc/passwd", read_only=True),
        ]
        return Plan(
            scratch=str((place.folder / "scratch").resolve()),
            argv=argv,
            environment={"PATH": _PATH, "LC_ALL": "C.UTF-8", "TMPDIR": _TEMPORARY},
            hostname=place.name,
            uid=place.uid,
            gid=place.uid,
            read_only_root=True,
            mounts=(*mounts, *([place.names] if place.names else [])),
            hosts=place.hosts,
            # To PostgreSQL: a fast shutdown.
            stop_signal=signal.SIGINT,
        )

    def _watch(self, launched: Launched) -> None:
        self._follow(launched)
        launched.process.wait()
        self._ended()

    def _follow(self, launched: Launched) -> None:
        """Copy the output into the log until its last writer is gone."""
        with launched.output as pipe:
            while chunk := pipe.read1(1 << 16):
                self._append(chunk)

    def _append(self, chunk: bytes) -> None:
        # A full disk must not stop the server.
        with contextlib.suppress(OSError):
            with self.place.log.open("ab") as file:
                file.write(chunk)
                full = file.tell() > _LOG_BYTES
            if full:
                self.place.log.replace(logs.previous(self.place.log))
