"""From the claims that a pod names to folders of this node, and whom their files belong to.

Owns the words of a scheduler and a kubelet about claims that are not there yet, and the ownership of what a volume
holds. Volumes are made by `provisioner.py`; none but the lab's own can be mounted.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.pods.storage.provisioning import is_ours

Read = Callable[[str, str], Manifest | None]
"""Reads a PersistentVolumeClaim of the pod's namespace or a PersistentVolume, None where it does not exist."""

_FILE_BITS, _FOLDER_BITS = 0o660, 0o770 | stat.S_ISGID


class ClaimError(Exception):
    """Why a claim cannot be mounted yet."""


class Claims:
    """The claims of one pod."""

    def __init__(self, pod: Manifest, read: Read) -> None:
        self._names = [
            volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["spec"].get("volumes") or []
            if "persistentVolumeClaim" in volume
        ]
        self._read = read

    def unschedulable(self) -> str:
        """Why a scheduler would keep the pod waiting, in its words; empty where nothing is in the way."""
        for name in self._names:
            claim = self._read("PersistentVolumeClaim", name)
            if claim is None:
                return f'0/1 nodes are available: persistentvolumeclaim "{name}" not found.'
            if claim["metadata"].get("deletionTimestamp"):
                return f'0/1 nodes are available: persistentvolumeclaim "{name}" is being deleted.'
            if not _is_bound(claim):
                return "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
        return ""

    def folder(self, name: str) -> Path:
        """Where the data of a claim is.

        Raises:
            ClaimError: it is not bound, or to a volume that is not the lab's.
        """
        claim = self._read("PersistentVolumeClaim", name)
        if claim is None or not _is_bound(claim):
            raise ClaimError(f'persistentvolumeclaim "{name}" is not bound')
        volume = self._read("PersistentVolume", claim["spec"]["volumeName"])
        if volume is None or not is_ours(volume):
            raise ClaimError(
                f'persistentvolumeclaim "{name}" is bound to a volume that the lab has not made: '
                "leave storageClassName out, or name a class of the lab's"
            )
        folder = Path(volume["spec"]["local"]["path"])
        if not folder.is_dir():
            raise ClaimError(f'the folder of persistentvolumeclaim "{name}" is gone: {folder}')
        return folder


def _is_bound(claim: Manifest) -> bool:
    return (claim.get("status") or {}).get("phase") == "Bound"


def give_to_group(folder: Path, group: int, policy: str) -> None:
    """Let an fsGroup have everything in a volume (kubernetes: pkg/volume/volume_linux.go).

    Every file and folder becomes the group's and writable for it, at every mount of the volume; `OnRootMismatch` leaves
    it at that where the uppermost folder is so already. Only root can: otherwise the data is the runner's own user's.
    """
    if os.geteuid() != 0 or (policy == "OnRootMismatch" and _fits(folder, group)):
        return
    for path in _all_in(folder):
        os.chown(path, -1, group, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) | _bits(path))


def _bits(path: Path) -> int:
    return _FOLDER_BITS if path.is_dir() else _FILE_BITS


def _fits(path: Path, group: int) -> bool:
    found = path.stat()
    return found.st_gid == group and stat.S_IMODE(found.st_mode) & _bits(path) == _bits(path)


def _all_in(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))
