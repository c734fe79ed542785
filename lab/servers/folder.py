"""The home of a lab as a thing that is taken, locked and forgotten.

Owns the lock, and the mark by which `down` knows that it may delete the folder: a mistyped RHSI_LAB_HOME must cost
nobody their files.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.home import CHECKOUT, Home, LabError
from lab.progress import Progress

MARK = ".rhsi-lab"
LOCK = ".lock"


@contextmanager
def locked(home: Home, progress: Progress) -> Iterator[None]:
    """Hold the lab alone: two commands that start or stop it go one after the other."""
    while True:
        file = (home.folder() / LOCK).open("w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.step(f"another command is starting or stopping the lab in {home.root}: waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            # `down` deletes the lock with the rest: whoever waited for that one takes the new one.
            if _same_file(file.fileno(), home.root / LOCK):
                yield
                return


def take(home: Home) -> None:
    """Mark the home as the lab's own, so that it can be forgotten later.

    Raises:
        LabError: the folder holds other things.
    """
    mark = home.root / MARK
    strangers = sorted(entry.name for entry in home.root.iterdir() if entry.name != LOCK)
    if not mark.exists() and strangers and home.root != CHECKOUT / ".lab":
        raise LabError(
            f"The lab's home {home.root} holds other things ({', '.join(strangers[:3])}): "
            "set RHSI_LAB_HOME to a new or empty folder."
        )
    mark.touch()


def forget(home: Home, keep: tuple[str, ...] = ()) -> None:
    """Delete what the home holds, except the entries in `keep`; the folder itself goes when nothing is kept.

    A folder without the mark is left alone.
    """
    if not (home.root / MARK).exists():
        return
    if not keep:
        shutil.rmtree(home.root)
        return
    for entry in home.root.iterdir():
        if entry.name in {*keep, MARK, LOCK}:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
