"""A user for PostgreSQL's servers, which refuse to be root, and folders that this user can enter.

A checkout and a cache below a person's home are nobody's to read, so programs and data go to a folder of their own.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

IDENTITY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
"""Arguments of subprocess that make a process `nobody` where the tests run as root."""


@contextmanager
def readable_folder(programs: Path) -> Iterator[Path]:
    """A folder with a copy of the programs in `programs`, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="rhsi-postgres-") as root:
        Path(root).chmod(0o755)
        shutil.copytree(programs, Path(root, "programs"))
        yield Path(root)


def own_folder(parent: Path, name: str) -> Path:
    """A folder that is the user's alone."""
    folder = parent / name
    folder.mkdir(mode=0o700)
    if IDENTITY:
        os.chown(folder, IDENTITY["user"], IDENTITY["group"])
    return folder


def write(file: Path, text: str) -> None:
    """Write a file that only the user can read."""
    file.touch(mode=0o600)
    file.write_text(text)
    if IDENTITY:
        os.chown(file, IDENTITY["user"], IDENTITY["group"])
