"""Barman's cloud tools as an image has them: packages, the Python that imports them, and commands in a folder.

Owns where they are within a container's walls. Which image has them is up to images.py; CloudNativePG's servers get
them by the operator's own doing (lab/stand_ins/cnpg/barman.py).
"""

import hashlib
import shlex
import tempfile
from configparser import ConfigParser
from functools import cache
from pathlib import Path

from lab.binaries.backup_tools import backup_tools, interpreter
from lab.progress import Silent
from lab.stand_ins.pods.walls.plan import Mount
from lab.stand_ins.pods.walls.root_filesystem import SYSTEM_FOLDERS

PACKAGES = "/usr/lib/barman"
COMMANDS = "/usr/lib/barman-commands"


@cache
def mounts() -> tuple[Mount, ...]:
    """What a container's walls need for the tools: their packages, and the Python that imports them.

    Raises:
        LabError: the packages cannot be had.
    """
    found = [Mount(source=str(backup_tools(Silent()).resolve()), target=PACKAGES, read_only=True)]
    prefix = interpreter().parent.parent
    if prefix.parts[1] not in SYSTEM_FOLDERS:
        # At its own place, for it may know where its libraries are.
        found.append(Mount(source=str(prefix), target=str(prefix), read_only=True))
    return tuple(found)


@cache
def commands() -> Mount:
    """The folder with a command for each of the tools, as pip would make them.

    Raises:
        LabError: the packages cannot be had.
    """
    packages = backup_tools(Silent())
    # The commands name their Python, and the cache is that of all Pythons of one version.
    python = hashlib.sha256(bytes(interpreter())).hexdigest()[:12]
    folder = packages.with_name(f"{packages.name}-commands-{python}")
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            made = Path(scratch, "commands")
            made.mkdir()
            for name, module in _entry_points(packages):
                script = made / name
                script.write_text(_command(module))
                script.chmod(0o755)
            # Another process may have been faster, with the same content.
            if not folder.is_dir():
                made.rename(folder)
    return Mount(source=str(folder.resolve()), target=COMMANDS, read_only=True)


def _entry_points(packages: Path) -> list[tuple[str, str]]:
    (file,) = packages.glob("barman-*.dist-info/entry_points.txt")
    found = ConfigParser()
    found.read_string(file.read_text())
    return [(name, entry.partition(":")[0]) for name, entry in found["console_scripts"].items()]


def _command(module: str) -> str:
    python = shlex.quote(str(interpreter()))
    return f'#!/bin/sh\nexport PYTHONPATH={PACKAGES}\nexec {python} -s -P -m {module} "$@"\n'
