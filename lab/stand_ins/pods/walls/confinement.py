"""One container's walls, as a process: namespaces, a root file system, a user without powers; then the command.

Run by `launching.py` as `python -m`, in an interpreter without site packages, with the plan on standard input, so that
nothing of it shows in an argument. Two processes stay while the command runs: the outer one, which the runner knows,
and process 1 of the container's own process namespace, so that no process of a container can outlive its command.
SIGTERM to the outer one reaches the command as the image's stop signal, as with a container runtime; SIGKILL, or the
end of the runner, ends them all.

Needs root, or unprivileged user namespaces (then with one user only, shown under the plan's UID). Has no seccomp filter
and no network namespace: a pod shares the machine's loopback, where the lab's servers are.
"""

import os
import signal
import socket
import sys

from lab.stand_ins.pods.walls import command, kernel, root_filesystem
from lab.stand_ins.pods.walls.plan import Plan


def main() -> int:
    """Run the plan from standard input."""
    plan, report = command.receive()
    try:
        single_user = kernel.leave_namespaces(plan.uid)
    except (kernel.KernelError, OSError) as error:
        os.write(report, str(error).encode())
        return command.NOT_STARTED
    kernel.die_with_parent()
    first = command.fork(lambda: _be_process_one(plan, report, single_user=single_user), report)
    return command.wait(first, lambda: command.send(first, signal.SIGTERM))


def _be_process_one(plan: Plan, report: int, *, single_user: bool) -> int:
    kernel.die_with_parent()
    kernel.keep_mounts_to_ourselves()
    socket.sethostname(plan.hostname[:63])
    root_filesystem.enter(plan)
    main_process = command.fork(lambda: command.run(plan, single_user=single_user), report)
    return command.wait(main_process, lambda: command.send(main_process, plan.stop_signal))


if __name__ == "__main__":
    sys.exit(main())
