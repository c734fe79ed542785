"""Files that change all at once under a container's eyes, as a kubelet's atomic writer does it.

A volume's files lie in a folder with a time stamp; `..data` is a link to it, and what a container sees are links
through `..data`: one rename shows all new files together (kubernetes: pkg/volume/util/atomic_writer.go).
"""

import os
import shutil
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lab.stand_ins.pods.storage.contents import Content, Files, VolumeError

_PRESENT, _NEXT = "..data", "..data_tmp"
_GROUP_READS = 0o440


def own(path: Path, group: int) -> None:
    """Give a file to the group. Only root can; otherwise the container runs as the runner's own user."""
    if os.geteuid() == 0:
        os.chown(path, 0, group)


def inside(folder: Path, relative: str) -> Path:
    """The path below the folder.

    Raises:
        VolumeError: it leads out of it.
    """
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts:
        raise VolumeError(f"path {relative!r} leaves its volume")
    return folder / parts


def publish(folder: Path, files: Files, group: int) -> None:
    """Let the folder show these files and no others; does nothing where it does already.

    Raises:
        VolumeError: a path leads out of the folder; what was there stays.
    """
    present = folder / _PRESENT
    if present.is_dir() and _held(present.resolve()) == {path: _as_kept(content) for path, content in files.items()}:
        return
    fresh = _written(folder, files, group)
    former = present.resolve() if present.is_symlink() else None
    (folder / _NEXT).unlink(missing_ok=True)
    (folder / _NEXT).symlink_to(fresh.name)
    (folder / _NEXT).replace(present)
    _show(folder, {PurePosixPath(path).parts[0] for path in files})
    if former:
        shutil.rmtree(former)


def _as_kept(content: Content) -> Content:
    return Content(content.data, content.mode | _GROUP_READS)


def _held(folder: Path) -> Files:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): Content(path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in paths
    }


def _written(folder: Path, files: Files, group: int) -> Path:
    """A new folder with the files, which nobody sees yet."""
    fresh = Path(tempfile.mkdtemp(prefix=datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S."), dir=folder))
    try:
        for relative, content in files.items():
            path = inside(fresh, relative)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(content.data)
            own(path, group)
            path.chmod(_as_kept(content).mode)
        for each in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            own(each, group)
            each.chmod(0o755)
    except BaseException:
        shutil.rmtree(fresh)
        raise
    return fresh


def _show(folder: Path, names: set[str]) -> None:
    """Link what a container is to see, and take away what it is not to see any more."""
    shown = {entry.name for entry in folder.iterdir() if not entry.name.startswith("..")}
    for name in names - shown:
        (folder / name).symlink_to(Path(_PRESENT, name))
    for name in shown - names:
        (folder / name).unlink()
