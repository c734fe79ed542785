"""One container's walls: namespaces, a root file system of its own, its mounts, its user; then the command.

Run as a script by `container.py`, with the plan on standard input, so that nothing of it shows in an argument. Two
processes stay while the command runs: the outer one, which the runner knows, and process 1 of the container's own
process namespace, so that no process of a container can outlive it. SIGTERM to the outer one reaches every process of
the container; SIGKILL, or the runner's death, ends them all.

The root file system is new: the machine's system folders as copy-on-write overlays, empty `/tmp`, `/run`, `/var` and
`/home`, and the plan's mounts. So a mount point may lie anywhere, and nothing a container writes reaches the machine.
Uses the standard library only and imports nothing of the project, because it runs in an isolated interpreter.

Needs root, or unprivileged user namespaces (then one user only, shown under the plan's UID). Has no seccomp filter and
no network namespace: a pod shares the machine's loopback, where the lab's servers are.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

# sched.h, sys/mount.h, sys/prctl.h
_NEW_NS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_NOATIME, _NODIRATIME, _RELATIME = 1024, 2048, 1 << 21
_DETACH = 2
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 1, 24, 38, 47, 4

# What an image would bring along. Everything else of the machine, homes and checkouts among it, is absent.
_SYSTEM_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix", "gnu")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Kernel settings which a root user could change even without capabilities; container runtimes lock the same ones.
_LOCKED_IN_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or folder of the machine (`source`, without symbolic links) that the container sees at `target`."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """All that one container gets. `scratch` is an empty folder for the root file system, which is kept in memory."""

    scratch: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    hostname: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    working_dir: str = "/"
    read_only_root: bool = False
    mounts: tuple[Mount, ...] = ()

    def encode(self) -> bytes:
        """As the script reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> "Confinement":
        """The inverse of `encode`."""
        parts = json.loads(encoded)
        for key in ("argv", "groups"):
            parts[key] = tuple(parts[key])
        return cls(**{**parts, "mounts": tuple(Mount(**mount) for mount in parts["mounts"])})


class ConfinementError(Exception):
    """What the kernel refused, as one sentence; raised before the command runs."""


def _call(what: str, result: int) -> None:
    if result != 0:
        raise ConfinementError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str | Path | None, target: str | Path, kind: str | None, flags: int, data: str = "") -> None:
    parts = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    _call(f"mount {target}", _libc.mount(*parts, ctypes.c_ulong(flags), data.encode() or None))


def _bind(source: str | Path, target: str | Path, *, recursive: bool = False) -> None:
    _mount(source, target, None, _BIND | (_REC if recursive else 0))


def _make_read_only(target: str | Path) -> None:
    """A remount must repeat the flags that stand: inside a user namespace they are locked."""
    present = os.statvfs(target).f_flag
    kept = sum(flag for flag in (_NOSUID, _NODEV, _NOEXEC, _NOATIME, _NODIRATIME) if present & flag)
    # statvfs(3) numbers this flag otherwise than mount(2).
    kept |= _RELATIME if present & 4096 else 0
    _mount(None, target, None, _REMOUNT | _BIND | _RDONLY | kept)


def _mapped(uid: int) -> bool:
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)


def _map_user(inside: int, inside_gid: int, outside: int, outside_gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {outside} 1")
    Path("/proc/self/gid_map").write_text(f"{inside_gid} {outside_gid} 1")


def _enter_namespaces(uid: int) -> bool:
    """Leave the machine's namespaces; True where that took a user namespace with a single user."""
    kinds = _NEW_NS | _NEW_UTS | _NEW_IPC | _NEW_PID
    if os.geteuid() == 0 and _mapped(uid) and _libc.unshare(kinds) == 0:
        return False
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(kinds | _NEW_USER) != 0:
        raise ConfinementError(
            f"the kernel refuses namespaces of their own to containers ({os.strerror(ctypes.get_errno())}): run the "
            "lab as root, or allow unprivileged user namespaces (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    _map_user(0, 0, user, group)
    return True


def _mount_points_below(folder: str) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    decoded = sorted(point.encode().decode("unicode_escape") for point in points)
    inside = [point for point in decoded if point.startswith(f"{folder}/")]
    return [point for point in inside if not any(point.startswith(f"{other}/") for other in inside)]


def _add_system_folder(name: str, layers: Path, root: Path) -> None:
    """The machine's folder as the lower layer of an overlay; mounts below it (Docker's hosts file) are bound on top."""
    machine, target = Path("/", name), root / name
    if machine.is_symlink():
        target.symlink_to(machine.readlink())
        return
    if not machine.is_dir():
        return
    upper, work = layers / f"{name}.upper", layers / f"{name}.work"
    for folder in (target, upper, work):
        folder.mkdir(mode=0o755)
    _mount("overlay", target, "overlay", _NOSUID | _NODEV, f"lowerdir={machine},upperdir={upper},workdir={work}")
    for point in _mount_points_below(str(machine)):
        _bind(point, f"{root}{point}", recursive=True)


def _add_devices(root: Path) -> None:
    _mount("tmpfs", root / "dev", "tmpfs", _NOSUID | _NOEXEC, "mode=0755")
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _bind(Path("/dev", name), root / "dev" / name)
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        (root / "dev" / name).symlink_to(f"/proc/self/{target}")
    (root / "dev" / "shm").mkdir()
    (root / "dev" / "shm").chmod(0o1777)


def _build_root(plan: Confinement) -> None:
    """Make the new root the root, with the machine's still reachable at `/.machine`."""
    layers = Path(plan.scratch)
    _mount("tmpfs", layers, "tmpfs", _NOSUID | _NODEV, "mode=0755")
    root = layers / "root"
    root.mkdir()
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=0755")
    for name in ("proc", "sys", "dev", "run", "var", "home", "root", "tmp", "var/tmp", ".machine"):
        (root / name).mkdir(mode=0o755)
    (root / "var" / "run").symlink_to("/run")
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    for name in _SYSTEM_FOLDERS:
        _add_system_folder(name, layers, root)
    _add_devices(root)
    _call("pivot_root", _libc.pivot_root(os.fsencode(root), os.fsencode(root / ".machine")))
    os.chdir("/")
    try:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except ConfinementError:
        # Inside another container the kernel may refuse a new one; the machine's serves, with its process numbers.
        _bind("/.machine/proc", "/proc", recursive=True)
    for name in _LOCKED_IN_PROC:
        if (locked := Path("/proc", name)).exists():
            _bind(locked, locked)
            _make_read_only(locked)


def _add_mounts(plan: Confinement) -> None:
    for mount in plan.mounts:
        source, target = Path(f"/.machine{mount.source}"), Path(mount.target)
        try:
            if source.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
        except OSError as error:
            raise ConfinementError(f"mount point {mount.target} cannot be made: {error.strerror}") from error
        # Recursive, because a user namespace may not take a mount apart.
        _bind(source, target, recursive=True)
        if mount.read_only:
            _make_read_only(target)


def _close_root(plan: Confinement) -> None:
    _call("leave the machine's root", _libc.umount2(b"/.machine", _DETACH))
    Path("/.machine").rmdir()
    Path(plan.working_dir).mkdir(parents=True, exist_ok=True)
    if plan.read_only_root:
        for folder in ("/", *(f"/{name}" for name in _SYSTEM_FOLDERS)):
            if os.path.ismount(folder):
                _make_read_only(folder)


def _become(plan: Confinement, *, single_user: bool) -> None:
    """Give up every capability, the way to new ones, and the user; the order matters."""
    if single_user:
        # Entering a user namespace gives every capability in it, so it comes before they are dropped.
        _call("unshare user", _libc.unshare(_NEW_USER))
        _map_user(plan.uid, plan.gid, 0, 0)
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    _libc.prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if not single_user:
        os.setgroups(plan.groups)
        os.setresgid(plan.gid, plan.gid, plan.gid)
        os.setresuid(plan.uid, plan.uid, plan.uid)
    _call("no_new_privs", _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _run_command(plan: Confinement, *, single_user: bool) -> None:
    # Writing to /dev/stdout opens the pipe anew, which asks for its owner.
    for stream in (1, 2):
        if not single_user:
            os.fchown(stream, plan.uid, plan.gid)
    os.setsid()
    os.umask(0o022)
    # Python ignores these two, and an ignored signal stays ignored across exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    _become(plan, single_user=single_user)
    try:
        os.chdir(plan.working_dir)
        os.execvpe(plan.argv[0], plan.argv, plan.environment)  # noqa: S606 - the point of this module
    except OSError as error:
        raise ConfinementError(f'exec: "{plan.argv[0]}": {error.strerror}') from error


def _fork(child: Callable[[], None], report: int) -> int:
    """Start `child` in a process of its own, which never returns here. What stops it goes to `report` as text."""
    if (process := os.fork()) != 0:
        os.close(report)
        return process
    status = 125
    try:
        child()
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    except Exception as error:
        # Whatever it is, it must reach the runner: nobody else reads what happens here.
        os.write(report, str(error or type(error).__name__).encode())
    finally:
        os._exit(status)


def _wait(child: int, on_terminate: Callable[[], None]) -> int:
    """The child's exit code as a shell counts (128 + signal); other children are reaped on the way."""
    signal.signal(signal.SIGTERM, lambda *_: on_terminate())
    while True:
        process, status = os.wait()
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _terminate_all() -> None:
    try:
        os.kill(-1, signal.SIGTERM)
    except ProcessLookupError:
        return


def _process_one(plan: Confinement, report: int, *, single_user: bool) -> None:
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _mount(None, "/", None, _REC | _PRIVATE)
    socket.sethostname(plan.hostname[:63])
    _build_root(plan)
    _add_mounts(plan)
    _close_root(plan)
    command = _fork(lambda: _run_command(plan, single_user=single_user), report)
    sys.exit(_wait(command, _terminate_all))


def main(report: int) -> int:
    """Run the plan from standard input; `report` is a pipe that closes when the command runs, or says why not."""
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    plan = Confinement.decode(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.set_inheritable(report, False)
    try:
        single_user = _enter_namespaces(plan.uid)
    except ConfinementError as error:
        os.write(report, str(error).encode())
        return 125
    # A user namespace clears it.
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    first = _fork(lambda: _process_one(plan, report, single_user=single_user), report)
    return _wait(first, lambda: os.kill(first, signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
