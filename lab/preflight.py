"""What a machine must have for the lab, checked in a second, before minutes of downloads and builds fail at their end.

Owns the requirements and their sentences. What only a part can know, such as the disk that one build needs, that part
checks itself. Runs before any package is installed (`python -m lab.preflight`, from the Makefile), so it imports the
standard library only.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.home import CHECKOUT, Home, LabError, cache_path
from lab.servers import PARTS
from lab.stand_ins.pods.walls.trial import refusal

GIB = 1024**3
ARCHITECTURES = ("x86_64", "AMD64")
"""Those for which every program of the lab is a wheel, or builds."""

MEMORY = 2.0
"""GiB that the servers of two sites take, or the largest of the builds."""

BUILDS = 7.0
"""GiB of Go's caches and of what is built, once."""

PACKAGES = 1.0
"""GiB of the virtual environment."""

STATE = 1.0
"""GiB of a lab's databases, logs and state."""

CONFINED = frozenset({"pods", "cnpg"})
"""The parts that confine containers on this machine."""


@dataclass(frozen=True)
class Machine:
    """What a machine has.

    Attributes:
        system: `Linux`, or something else.
        architecture: as `uname -m`.
        is_root: whether this process is root.
        confinement: why containers cannot be confined, or empty.
        memory: GiB that are free for new processes.
        disks: for each device (by a folder on it), GiB that are free and GiB that the lab needs there.
    """

    system: str
    architecture: str
    is_root: bool
    confinement: str
    memory: float
    disks: dict[Path, tuple[float, float]]

    @classmethod
    def here(cls, parts: frozenset[str]) -> "Machine":
        """This machine; containers are tried only for the parts that have any."""
        is_root = os.geteuid() == 0
        tried = platform.system() == "Linux" and is_root and bool(CONFINED & parts)
        return cls(
            system=platform.system(),
            architecture=platform.machine(),
            is_root=is_root,
            confinement=_confinement() if tried else "",
            memory=_memory(),
            disks=_disks(_needs()),
        )


def check(parts: frozenset[str] = frozenset(PARTS)) -> None:
    """Refuse a machine on which a lab of these parts cannot run.

    Raises:
        LabError: with every reason at once.
    """
    if found := list(problems(Machine.here(parts), parts)):
        raise LabError("\n  - ".join(["The lab cannot run on this machine:", *found]) if found[1:] else found[0])


def problems(machine: Machine, parts: frozenset[str]) -> Iterator[str]:
    """One sentence for each thing that this machine lacks, with what to do about it."""
    if machine.system != "Linux":
        yield f"The lab needs Linux, and this is {machine.system}: run it in a Linux virtual machine or container."
        return
    if machine.architecture not in ARCHITECTURES:
        yield (
            f"The lab needs an x86-64 machine, and this one is {machine.architecture}: "
            "some of its servers come as x86-64 programs only."
        )
    if CONFINED & parts and not machine.is_root:
        yield (
            "The lab needs root, for its pods are confined with mount namespaces and run as users of their own: "
            "run it as root (sudo), or in a container whose user is root."
        )
    if machine.confinement:
        yield (
            f"The lab's pods cannot be confined here ({machine.confinement}): in a container, start that one with "
            "`--privileged` (or with CAP_SYS_ADMIN and without the seccomp and AppArmor profiles)."
        )
    if machine.memory < MEMORY:
        yield (
            f"The lab needs {MEMORY:.0f} GiB of free memory, and {machine.memory:.1f} GiB are left: "
            "end something else, or give the container more."
        )
    for folder, (free, needed) in machine.disks.items():
        if free < needed:
            yield (
                f"The lab needs {needed:.0f} GiB of free disk at {folder}, and {free:.1f} GiB are left: "
                "free some, or set RHSI_CACHE (builds) and RHSI_LAB_HOME (state) to folders on a larger disk."
            )


def _confinement() -> str:
    with tempfile.TemporaryDirectory(prefix="rhsi-trial-") as scratch:
        return refusal(Path(scratch))


def _memory() -> float:
    """What the kernel would give to new processes, or the control group's limit where that is lower."""
    lines = dict(line.split(":") for line in _text("/proc/meminfo").splitlines())
    available = int(lines.get("MemAvailable", "0").split()[0]) * 1024
    limit = _text("/sys/fs/cgroup/memory.max").strip()
    return (min(available, int(limit)) if limit.isdecimal() else available) / GIB


def _text(file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError:
        return ""


def _needs() -> Iterator[tuple[Path, float]]:
    if sys.prefix == sys.base_prefix:
        yield CHECKOUT, PACKAGES
    yield Home.default().root, STATE
    cache = cache_path()
    if not any(cache.glob("bin/*/")):
        yield cache, BUILDS


def _disks(needs: Iterator[tuple[Path, float]]) -> dict[Path, tuple[float, float]]:
    folders: dict[int, Path] = {}
    sums: dict[int, float] = {}
    for wanted, gigabytes in needs:
        folder = next(place for place in (wanted, *wanted.parents) if place.exists())
        device = folder.stat().st_dev
        folders.setdefault(device, folder)
        sums[device] = sums.get(device, 0) + gigabytes
    return {folder: (shutil.disk_usage(folder).free / GIB, sums[device]) for device, folder in folders.items()}


if __name__ == "__main__":
    try:
        check()
    except LabError as error:
        sys.exit(f"error: {error}")
