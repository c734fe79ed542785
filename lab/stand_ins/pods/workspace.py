"""The runner's own folders: where the volumes and files of running pods are.

Owns a folder for each pod while it runs (mode 0700, in memory where the machine has /dev/shm) and the lock by which one
runner at a time serves a context. Logs are in the lab's home (`logs.py`) and stay.
"""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import psutil

from lab.home import Home, LabError, context_folder
from lab.kube import Manifest
from lab.stand_ins.pods import logs

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_PREFIX = "rhsi-pods-"
_OWNER = "owner"


class Workspace:
    """The folders of one runner, that is of one home and one context."""

    def __init__(self, home: Home, context: str) -> None:
        """Take the context over, and remove what a killed runner has left.

        Raises:
            LabError: another runner of this home serves the context.
        """
        self.home = home
        self._context = context
        lock = home.folder("pods", context_folder(context)) / "runner.lock"
        self._lock = lock.open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(
                f"Another pod runner of the lab {home.root} already serves context {context!r}: stop that one first."
            ) from error
        name = hashlib.sha256(f"{os.getuid()}\0{home.root}\0{context}".encode()).hexdigest()[:12]
        self._on_disk = lock.parent / ".work"
        self._in_memory = _SHARED_MEMORY / f"{_PREFIX}{name}" if _memory_serves() else self._on_disk
        self._clear()
        for folder in {self._in_memory, self._on_disk}:
            folder.mkdir(mode=0o700, parents=True)
        _sweep()
        itself = psutil.Process()
        (self._in_memory / _OWNER).write_text(f"{itself.pid} {itself.create_time()}")

    def _clear(self) -> None:
        for folder in (self._in_memory, self._on_disk):
            shutil.rmtree(folder, ignore_errors=True)

    def folder(self, uid: str, *, large: bool = False) -> Path:
        """The folder of one running pod; `large` for what may not fit into memory."""
        path = (self._on_disk if large else self._in_memory) / uid
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def log(self, pod: Manifest, container: str) -> Path:
        """The log file of one container."""
        metadata = pod["metadata"]
        return logs.file(self.home, self._context, metadata["namespace"], metadata["name"], container)

    def forget(self, uid: str) -> None:
        """Remove a pod's folders."""
        for folder in (self._in_memory, self._on_disk):
            shutil.rmtree(folder / uid, ignore_errors=True)

    def close(self) -> None:
        """Remove every pod's folder and let another runner have the context."""
        self._clear()
        self._lock.close()


def _memory_serves() -> bool:
    """Docker mounts its /dev/shm so that no script in it can be run."""
    return os.access(_SHARED_MEMORY, os.W_OK) and not os.statvfs(_SHARED_MEMORY).f_flag & os.ST_NOEXEC


def _sweep() -> None:
    """Remove what killed runners of other homes have left in memory; nobody else would ever come back for it."""
    for folder in _SHARED_MEMORY.glob(f"{_PREFIX}*"):
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            pid, created = (folder / _OWNER).read_text().split()
            alive = psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).create_time() == float(created)
        except (OSError, ValueError, psutil.Error):
            # It has just been made, or is going.
            continue
        if not alive:
            shutil.rmtree(folder, ignore_errors=True)
