"""Linux calls that Python 3.11 does not offer: mounts, namespaces, capabilities.

Owns the numbers of the C headers and turns a refusal into one sentence. Decides nothing. Standard library only.
"""

import ctypes
import os
import signal
from pathlib import Path

# sys/mount.h
NOSUID, NODEV, NOEXEC = 2, 4, 8
_RDONLY, _REMOUNT, _NOATIME, _NODIRATIME, _BIND, _REC, _PRIVATE, _RELATIME = (
    1,
    32,
    1024,
    2048,
    4096,
    16384,
    1 << 18,
    1 << 21,
)
_DETACH = 2
_STATVFS_RELATIME = 4096
# sched.h
_NEW_NS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
# sys/prctl.h
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 1, 24, 38, 47, 4

_libc = ctypes.CDLL(None, use_errno=True)


class KernelError(Exception):
    """What the kernel refused, as one sentence."""


def _check(what: str, result: int) -> None:
    if result != 0:
        raise KernelError(f"{what}: {os.strerror(ctypes.get_errno())}")


def add_mount(source: str | Path | None, target: str | Path, kind: str | None, flags: int, options: str = "") -> None:
    """Mount as mount(2) does; `source` and `kind` are None where an existing mount is changed."""
    parts = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    _check(f"mount {target}", _libc.mount(*parts, ctypes.c_ulong(flags), options.encode() or None))


def bind(source: str | Path, target: str | Path) -> None:
    """Show a file or folder at another place, with all that is mounted in it: a user namespace may not part them."""
    add_mount(source, target, None, _BIND | _REC)


def make_read_only(target: str | Path) -> None:
    """Let nobody write through this mount. Its other flags are repeated: inside a user namespace they are locked."""
    present = os.statvfs(target).f_flag
    kept = sum(flag for flag in (NOSUID, NODEV, NOEXEC, _NOATIME, _NODIRATIME) if present & flag)
    # statvfs(3) numbers this flag otherwise than mount(2).
    kept |= _RELATIME if present & _STATVFS_RELATIME else 0
    add_mount(None, target, None, _REMOUNT | _BIND | _RDONLY | kept)


def keep_mounts_to_ourselves() -> None:
    """No mount made from now on shows outside this namespace."""
    add_mount(None, "/", None, _REC | _PRIVATE)


def change_root(root: Path, former: Path) -> None:
    """Make `root` the root folder; the one before is seen at `former`, which lies in it."""
    _check("pivot_root", _libc.pivot_root(os.fsencode(root), os.fsencode(former)))
    os.chdir("/")


def detach(target: str) -> None:
    """Unmount, whoever still uses it."""
    _check(f"unmount {target}", _libc.umount2(os.fsencode(target), _DETACH))


def is_mapped(uid: int) -> bool:
    """Whether the user exists in the present user namespace."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)


def leave_namespaces(uid: int) -> bool:
    """Enter new namespaces (mounts, processes by the next fork, host name, IPC).

    Args:
        uid: a user that is needed inside.

    Returns:
        True where that took a user namespace, in which there is one user only: the present one, as root.

    Raises:
        KernelError: neither way is allowed; the sentence says what to change.
    """
    kinds = _NEW_NS | _NEW_UTS | _NEW_IPC | _NEW_PID
    if os.geteuid() == 0 and is_mapped(uid) and _libc.unshare(kinds) == 0:
        return False
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(kinds | _NEW_USER) != 0:
        raise KernelError(
            f"the kernel refuses namespaces of their own to containers ({os.strerror(ctypes.get_errno())}): run the "
            "lab as root, or allow unprivileged user namespaces (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    _map_user((0, 0), (user, group))
    return True


def join_namespaces(process: int) -> bool:
    """Enter the namespaces that `leave_namespaces` has given to another process; processes by the next fork.

    Returns:
        What `leave_namespaces` returned there.

    Raises:
        KernelError: the process or its children do not run any more.
    """
    theirs = Path("/proc", str(process), "ns")
    try:
        single_user = not (theirs / "user").samefile("/proc/self/ns/user")
        names = [*(["user"] if single_user else []), "uts", "ipc", "pid_for_children", "mnt"]
        # All of them before the first is entered: afterwards /proc is another.
        spaces = [os.open(theirs / name, os.O_RDONLY) for name in names]
    except OSError as error:
        raise KernelError(f"the container does not run any more: {error.strerror}") from error
    for name, space in zip(names, spaces, strict=True):
        _check(f"enter {name}", _libc.setns(space, 0))
        os.close(space)
    return single_user


def rename_user(uid: int, gid: int) -> None:
    """Go on under another UID and GID in a user namespace of one user, who is root so far. Gives all capabilities."""
    _check("unshare", _libc.unshare(_NEW_USER))
    _map_user((uid, gid), (0, 0))


def _map_user(inside: tuple[int, int], outside: tuple[int, int]) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    for file, inner, outer in zip(("uid_map", "gid_map"), inside, outside, strict=True):
        Path("/proc/self", file).write_text(f"{inner} {outer} 1")


def drop_capabilities() -> None:
    """Take away every capability that the next program could have, root's too."""
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    _libc.prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def forbid_new_privileges() -> None:
    """Let set-user-ID programs run without their powers."""
    _check("no_new_privs", _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends. A change of user namespace undoes it."""
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
