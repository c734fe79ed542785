"""Where one server lives on this machine, and the files that only it may read.

Owns the layout that a container of the operator's has: PGDATA on the volume, everything else under /controller. Does
not decide what is written there.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from lab.stand_ins.cnpg.host_based_access import SERVER_USER
from lab.stand_ins.pods.walls import kernel
from lab.stand_ins.pods.walls.plan import Mount

PGDATA = "/var/lib/postgresql/data/pgdata"
VOLUME = "/var/lib/postgresql/data"
CONTROLLER = "/controller"
SOCKETS = f"{CONTROLLER}/run"
_FOLDERS = ("certificates", "external", "log", "run", "tmp")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server lives.

    Attributes:
        name: of its pod, which is its host name too.
        folder: everything of it that is no data; it goes with the pod.
        volume: the folder of its claim.
        programs: PostgreSQL's folder with `bin`, `lib` and `share`, on the machine.
        home: where the container has it.
        log: what its programs print.
        uid: as whom they run.
        names: the folder with the files of names, and within the container the one that is /etc/hosts; None and empty
            where the lab's network is not at work.
    """

    name: str
    folder: Path
    volume: Path
    programs: Path
    home: str
    log: Path
    uid: int
    names: Mount | None = field(default=None)
    hosts: str = ""


class Files:
    """The folders and files of one server; made on demand."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.scratch = place.folder / "scratch"
        self._controller = place.folder / "controller"
        self._passwd = place.folder / "passwd"
        folders = [self._controller, *(self._controller / name for name in _FOLDERS)]
        for path in (self.scratch, *folders):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (place.volume, *folders):
            self._give(path)
        # To the server the operator, who is root or this very user, is the same user of the operating system as itself.
        uid = place.uid
        self._passwd.write_text(
            f"{SERVER_USER}:x:{uid}:{uid}::/:/bin/sh\n{SERVER_USER}:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh\n"
        )

    @property
    def pgdata(self) -> Path:
        """The data folder, as the machine sees it."""
        return self._place.volume / "pgdata"

    @property
    def sockets(self) -> Path:
        """The folder with the server's Unix socket."""
        return self._controller / "run"

    def mounts(self) -> tuple[Mount, ...]:
        """What the container sees of all this."""
        place = self._place
        found = (
            Mount(source=str(place.programs.resolve()), target=place.home, read_only=True),
            Mount(source=str(place.volume.resolve()), target=VOLUME),
            Mount(source=str(self._controller.resolve()), target=CONTROLLER),
            Mount(source=str(self._passwd.resolve()), target="/etc/passwd", read_only=True),
        )
        return (*found, place.names) if place.names else found

    def write(self, path: str, content: bytes) -> bool:
        """Write a file below /controller or PGDATA, whole or not at all; True if that changed it."""
        target = self._outside(path)
        if target.exists() and target.read_bytes() == content:
            return False
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700)
            self._give(target.parent)
        draft = target.with_name(f".{target.name}.new")
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        self._give(draft)
        draft.replace(target)
        return True

    def read(self, path: str) -> bytes:
        """What is in a file below /controller or PGDATA; empty where there is none."""
        target = self._outside(path)
        return target.read_bytes() if target.exists() else b""

    def last_line(self, path: str) -> str:
        """The last line of such a file that says anything."""
        lines = [line for line in self.read(path).decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def clear(self) -> None:
        """Remove a data folder that is not known to be whole."""
        shutil.rmtree(self.pgdata, ignore_errors=True)

    def forget(self) -> None:
        """Remove what goes with the pod: keys, passwords, sockets."""
        shutil.rmtree(self._place.folder, ignore_errors=True)

    def _give(self, path: Path) -> None:
        """Let the server's user have a file or folder; without root there is one user only, whose it is already."""
        if os.geteuid() == 0 and kernel.is_mapped(self._place.uid):
            os.chown(path, self._place.uid, self._place.uid)

    def _outside(self, path: str) -> Path:
        for inside, outside in {PGDATA: self.pgdata, CONTROLLER: self._controller}.items():
            if path.startswith(f"{inside}/"):
                return outside / path.removeprefix(f"{inside}/")
        raise ValueError(f"{path} is on no volume of the server")
