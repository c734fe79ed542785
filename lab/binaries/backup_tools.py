"""Barman's cloud tools and moto's S3 server, from Python wheels into the cache: what backups need on the lab.

Owns the folder, which is one on PYTHONPATH. Both bring an SDK of AWS and a dozen packages more, in versions of their
own, so none of it enters the virtual environment; backup_tools.txt pins them all.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from lab.binaries.build import bin_folder, locked
from lab.binaries.packages import PackageError, unpack_all
from lab.home import LabError
from lab.progress import Progress

REQUIREMENTS = Path(__file__).with_suffix(".txt")


def backup_tools(progress: Progress) -> Path:
    """The folder with the packages; brought into the cache at the first call.

    Raises:
        LabError: a package cannot be had, or the disk is full.
    """
    version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = bin_folder() / f"backup-tools-{sys.implementation.cache_tag}-{version}"
    with locked(folder.name, "the backup tools", progress):
        if not folder.is_dir():
            progress.step("bringing barman and an S3 server into the cache (once)")
            _bring(folder)
    return folder


def interpreter() -> Path:
    """The Python that can import them, without the virtual environment around it."""
    return Path(os.path.realpath(sys.executable))


def _bring(folder: Path) -> None:
    """Fill the folder; it appears whole, or not at all."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            packages = Path(scratch, "packages")
            unpack_all(REQUIREMENTS, packages)
            packages.rename(folder)
    except PackageError as error:
        raise LabError(
            f"The Python packages of the lab's backups ({REQUIREMENTS.name}) cannot be had ({error}): "
            "check the network and pip's settings, then run the command again."
        ) from error
    except OSError as error:
        raise LabError(
            f"The packages of the lab's backups cannot be put into {folder} ({error.strerror}): free 200 MiB or fix "
            "the folder's rights, then run the command again."
        ) from error
