"""One container's walls, as a process: namespaces, a root file system, a user without powers; then the command.

Run by `container.py` as `python -m`, in an interpreter without site packages, with the plan on standard input, so that
nothing of it shows in an argument. Two processes stay while the command runs: the outer one, which the runner knows,
and process 1 of the container's own process namespace, so that no process of a container can outlive it. SIGTERM to
the outer one reaches every process of the container; SIGKILL, or the end of the runner, ends them all.

Needs root, or unprivileged user namespaces (then with one user only, shown under the plan's UID). Has no seccomp filter
and no network namespace: a pod shares the machine's loopback, where the lab's servers are.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable

from lab.pods.walls import kernel, root_filesystem
from lab.pods.walls.plan import Plan

_NOT_STARTED = 125


def main(report: int) -> int:
    """Run the plan from standard input; `report` is a pipe that closes when the command runs, or says why not."""
    kernel.die_with_parent()
    # Until there is somebody to pass it on to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    plan = Plan.decode(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.set_inheritable(report, False)
    try:
        single_user = kernel.leave_namespaces(plan.uid)
    except (kernel.KernelError, OSError) as error:
        os.write(report, str(error).encode())
        return _NOT_STARTED
    kernel.die_with_parent()
    first = _fork(lambda: _be_process_one(plan, report, single_user=single_user), report)
    return _wait(first, lambda: os.kill(first, signal.SIGTERM))


def _be_process_one(plan: Plan, report: int, *, single_user: bool) -> int:
    kernel.die_with_parent()
    kernel.keep_mounts_to_ourselves()
    socket.sethostname(plan.hostname[:63])
    root_filesystem.enter(plan)
    command = _fork(lambda: _run_command(plan, single_user=single_user), report)
    return _wait(command, _terminate_all)


def _run_command(plan: Plan, *, single_user: bool) -> int:
    os.setsid()
    os.umask(0o022)
    # Python ignores these two, and an ignored signal stays ignored across exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _become_user(plan, single_user=single_user)
    try:
        os.chdir(plan.working_dir)
        os.execvpe(plan.argv[0], plan.argv, plan.environment)  # noqa: S606 - no shell is wanted here
    except OSError as error:
        raise kernel.KernelError(f'exec: "{plan.argv[0]}": {error.strerror}') from error


def _become_user(plan: Plan, *, single_user: bool) -> None:
    """Give up the user and every capability, in the order in which the one still allows the other."""
    if single_user:
        kernel.rename_user(plan.uid, plan.gid)
        kernel.drop_capabilities()
    else:
        # Writing to /dev/stdout opens the pipe anew, which asks for its owner.
        for stream in (1, 2):
            os.fchown(stream, plan.uid, plan.gid)
        kernel.drop_capabilities()
        os.setgroups(plan.groups)
        os.setresgid(plan.gid, plan.gid, plan.gid)
        os.setresuid(plan.uid, plan.uid, plan.uid)
    kernel.forbid_new_privileges()


def _fork(child: Callable[[], int], report: int) -> int:
    """Start `child` in a process of its own, which never returns here. What stops it goes to `report` as text."""
    if (process := os.fork()) != 0:
        os.close(report)
        return process
    status = _NOT_STARTED
    try:
        status = child()
    except Exception as error:
        # Whatever it is, it must reach the runner: nobody else reads what happens here.
        os.write(report, (str(error) or type(error).__name__).encode())
    finally:
        os._exit(status)


def _wait(child: int, on_terminate: Callable[[], None]) -> int:
    """The child's exit code as a shell counts (128 + signal); other children are reaped on the way."""
    signal.signal(signal.SIGTERM, lambda *_: on_terminate())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
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


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
