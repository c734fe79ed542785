"""What a person needs to work on the lab as on a real system: `pulumi`, `kubectl`, `bao`, `psql`, and where they act.

Owns the folder `bin` in the lab's home, with the programs that PATH lacks. The folder to type in is the lab's copy of
the project, whose stack files have the lab's addresses.
"""

import os
import shlex
import shutil
from pathlib import Path

from lab.binaries import locate
from lab.binaries.postgresql import postgresql
from lab.home import Home
from lab.progress import Progress
from lab.stacks import Runner

# OpenBao's command speaks Vault's API and has its verbs.
VAULT = "vault"
# OpenShift's command has kubectl's verbs, which are all that the pages in docs/ use of it.
OC = "oc"


def environ(home: Home, runner: Runner, progress: Progress) -> dict[str, str]:
    """What a shell needs beside the person's own environment: the lab's servers, and PATH with every program.

    Raises:
        LabError: a program cannot be had.
    """
    programs = locate(("kubectl", "bao"), progress)
    programs[VAULT], programs[OC] = programs["bao"], programs["kubectl"]
    programs["psql"] = postgresql(progress) / "bin" / "psql"
    folder = home.folder("bin")
    for name, path in programs.items():
        # Those of the machine come first.
        if not shutil.which(name):
            _link(folder / name, path)
    found = runner.own_environ()
    return {**found, "PATH": f"{found['PATH']}{os.pathsep}{folder}"}


def exports(variables: dict[str, str], project: Path) -> str:
    """Lines for `eval`: the variables, and the folder to work in."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    return "\n".join([*lines, f"cd {shlex.quote(str(project))}"])


def _link(link: Path, target: Path) -> None:
    if not (link.is_symlink() and link.readlink() == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
