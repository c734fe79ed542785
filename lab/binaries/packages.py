"""Python packages apart from the program's: put into a folder by pip, never into this virtual environment."""

import subprocess
import sys
from pathlib import Path


class PackageError(Exception):
    """What pip said last."""


def unpack(requirement: str, target: Path) -> None:
    """Install one wheel, without what it depends on, into a folder that does not exist yet.

    The Python that the package asks for does not matter: nothing of it is imported.

    Raises:
        PackageError: it cannot be had.
    """
    _install(target, "--ignore-requires-python", requirement)


def unpack_all(requirements: Path, target: Path) -> None:
    """The same for every wheel of a file, for this Python, which will import them from the folder.

    Raises:
        PackageError: one cannot be had.
    """
    _install(target, "--requirement", str(requirements))


def _install(target: Path, *wanted: str) -> None:
    arguments = ["--target", str(target), "--no-deps", "--only-binary=:all:", *wanted]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackageError((done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1])
