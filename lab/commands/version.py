"""Which lab this is: the commit of the checkout, and the versions of what it runs."""

import importlib.metadata
import subprocess
import sys

from lab.binaries.find import WHEELS
from lab.binaries.recipes import RECIPES
from lab.home import CHECKOUT


def version() -> str:
    """One line for the checkout, and one for each program that the lab brings with it."""
    lines = [f"rhsi lab {_commit()}, Python {sys.version.split()[0]}"]
    lines += [f"  {recipe.name} {recipe.version}" for recipe in RECIPES]
    for wheel in WHEELS.values():
        try:
            lines.append(f"  {wheel.distribution} {importlib.metadata.version(wheel.distribution)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"  {wheel.distribution} is not installed")
    return "\n".join(lines)


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--tags"],  # noqa: S607 - the person's own git
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "of an unknown commit"
    return done.stdout.strip()
