"""The root file system of one container: the machine's system folders, and nothing else of the machine.

Stands for the image. System folders are copy-on-write overlays in memory; `/tmp`, `/run`, `/var`, `/home` and `/root`
are empty; devices are the harmless ones. So a mount point may lie anywhere, nothing that a container writes reaches the
machine, and homes and checkouts are absent. Has no `/sys`. Standard library only.
"""

import contextlib
import os
from pathlib import Path

from lab.stand_ins.pods.walls import kernel
from lab.stand_ins.pods.walls.plan import Mount, Plan

SYSTEM_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix", "gnu")
_EMPTY_FOLDERS = ("proc", "sys", "dev", "run", "var", "home", "root", "tmp", "var/tmp")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Kernel settings that a root user could change even without capabilities; container runtimes lock the same ones.
_LOCKED_IN_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs")
_MACHINE = "/.machine"
_HOSTS = Path("/etc/hosts")


def enter(plan: Plan) -> None:
    """Build the root, change to it and close the way back. Needs namespaces of its own.

    Raises:
        KernelError: the kernel refused a part, or a mount point cannot be made.
    """
    layers = Path(plan.scratch)
    kernel.add_mount("tmpfs", layers, "tmpfs", kernel.NOSUID | kernel.NODEV, "mode=0755")
    root = layers / "root"
    root.mkdir()
    kernel.add_mount("tmpfs", root, "tmpfs", kernel.NOSUID | kernel.NODEV, "mode=0755")
    _add_empty_folders(root)
    for name in SYSTEM_FOLDERS:
        _add_system_folder(name, layers, root, hidden=str(_HOSTS) if plan.hosts else "")
    _add_devices(root)
    former = root / _MACHINE.lstrip("/")
    former.mkdir()
    kernel.change_root(root, former)
    _add_proc()
    for mount in plan.mounts:
        _add_mount(mount)
    if plan.hosts:
        # A link, so that a file that is replaced as a whole is seen at once.
        _HOSTS.unlink(missing_ok=True)
        _HOSTS.symlink_to(plan.hosts)
    kernel.detach(_MACHINE)
    Path(_MACHINE).rmdir()
    Path(plan.working_dir).mkdir(parents=True, exist_ok=True)
    if plan.read_only_root:
        for folder in ("/", *(f"/{name}" for name in SYSTEM_FOLDERS)):
            if os.path.ismount(folder):
                kernel.make_read_only(folder)


def _add_empty_folders(root: Path) -> None:
    for name in _EMPTY_FOLDERS:
        (root / name).mkdir(mode=0o755)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "var" / "run").symlink_to("/run")


def _mount_points_below(folder: str) -> list[str]:
    """The outermost mounts inside a folder; mountinfo writes blanks in octal."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    decoded = {point.encode("latin-1", "replace").decode("unicode_escape") for point in points}
    inside = sorted(point for point in decoded if point.startswith(f"{folder}/"))
    return [point for point in inside if not any(point.startswith(f"{outer}/") for outer in inside)]


def _add_system_folder(name: str, layers: Path, root: Path, hidden: str) -> None:
    """The machine's folder as the lower layer of an overlay; mounts in it (Docker's resolv.conf) are bound on top."""
    machine, target = Path("/", name), root / name
    if machine.is_symlink():
        target.symlink_to(machine.readlink())
        return
    if not machine.is_dir():
        return
    upper, work = layers / f"{name}.upper", layers / f"{name}.work"
    for folder in (target, upper, work):
        folder.mkdir(mode=0o755)
    options = f"lowerdir={machine},upperdir={upper},workdir={work}"
    kernel.add_mount("overlay", target, "overlay", kernel.NOSUID | kernel.NODEV, options)
    for point in _mount_points_below(str(machine)):
        if point == hidden:
            continue
        # What is mounted on a deleted file cannot be shown anywhere else.
        with contextlib.suppress(kernel.KernelError):
            kernel.bind(point, f"{root}{point}")


def _add_devices(root: Path) -> None:
    devices = root / "dev"
    kernel.add_mount("tmpfs", devices, "tmpfs", kernel.NOSUID | kernel.NOEXEC, "mode=0755")
    for name in _DEVICES:
        (devices / name).touch()
        kernel.bind(Path("/dev", name), devices / name)
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        (devices / name).symlink_to(f"/proc/self/{target}")
    (devices / "shm").mkdir()
    (devices / "shm").chmod(0o1777)


def _add_proc() -> None:
    try:
        kernel.add_mount("proc", "/proc", "proc", kernel.NOSUID | kernel.NODEV | kernel.NOEXEC)
    except kernel.KernelError:
        # Inside another container the kernel may refuse a new one; the machine's serves, with its process numbers.
        kernel.bind(f"{_MACHINE}/proc", "/proc")
    for name in _LOCKED_IN_PROC:
        if (locked := Path("/proc", name)).exists():
            kernel.bind(locked, locked)
            kernel.make_read_only(locked)


def _add_mount(mount: Mount) -> None:
    source, target = Path(f"{_MACHINE}{mount.source}"), Path(mount.target)
    try:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    except OSError as error:
        raise kernel.KernelError(f"mount point {mount.target} cannot be made: {error.strerror}") from error
    kernel.bind(source, target)
    if mount.read_only:
        kernel.make_read_only(target)
