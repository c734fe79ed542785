"""A command within the walls: started as its user, without powers, and awaited.

Shared by the process that builds the walls and by those that enter them later. Standard library only.
"""

import contextlib
import fcntl
import os
import signal
import stat
import sys
import termios
from collections.abc import Callable

from lab.stand_ins.pods.walls import kernel
from lab.stand_ins.pods.walls.plan import Plan

NOT_STARTED = 125


def receive(stdin: int | None = None) -> tuple[Plan, int]:
    """The plan from standard input, and the pipe that closes when the command runs, or says why not.

    SIGTERM waits from now on, until there is somebody to pass it on to.

    Args:
        stdin: the descriptor that is to be the command's standard input; none is an empty one.
    """
    kernel.die_with_parent()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    report = int(sys.argv[1])
    plan = Plan.decode(sys.stdin.buffer.read())
    given = os.open(os.devnull, os.O_RDONLY) if stdin is None else stdin
    os.dup2(given, 0)
    os.close(given)
    os.set_inheritable(report, False)
    return plan, report


def run(plan: Plan, *, single_user: bool, terminal: bool = False) -> int:
    """Become the plan's user and its command; comes back by an error only.

    `terminal`: the standard streams are one, which becomes the command's own: its keys are signals, its end a hang-up.
    """
    os.setsid()
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(0o022)
    # An ignored signal stays ignored across exec: Python ignores two, nohup and a shell's background more of them.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
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
        # Using /dev/stdin or /dev/stdout opens the pipe or terminal anew, which asks for its owner.
        for stream in (0, 1, 2):
            # /dev/null is the machine's.
            if os.isatty(stream) or not stat.S_ISCHR(os.fstat(stream).st_mode):
                os.fchown(stream, plan.uid, plan.gid)
        kernel.drop_capabilities()
        os.setgroups(plan.groups)
        os.setresgid(plan.gid, plan.gid, plan.gid)
        os.setresuid(plan.uid, plan.uid, plan.uid)
    kernel.forbid_new_privileges()


def fork(child: Callable[[], int], report: int) -> int:
    """Start `child` in a process of its own, which never returns here. What stops it goes to `report` as text."""
    if (process := os.fork()) != 0:
        os.close(report)
        return process
    status = NOT_STARTED
    try:
        status = child()
    except Exception as error:
        # Whatever it is, it must reach the runner: nobody else reads what happens here.
        os.write(report, (str(error) or type(error).__name__).encode())
    finally:
        os._exit(status)


def wait(child: int, on_terminate: Callable[[], None]) -> int:
    """The child's exit code as a shell counts (128 + signal); other children are reaped on the way."""
    signal.signal(signal.SIGTERM, lambda *_: on_terminate())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    while True:
        process, status = os.wait()
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def send(process: int, number: int) -> None:
    """Signal a process that may have ended in between."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
