"""One more command within the walls of a container that runs, as a probe or a hook needs it.

Run by `launching.py` as `python -m`, like `confinement.py`; the second argument is the container's outer process.
SIGTERM kills the command with its process group.
"""

import contextlib
import os
import signal
import sys

from lab.stand_ins.pods.walls import command, kernel


def main() -> int:
    """Run the plan from standard input."""
    plan, report = command.receive()
    try:
        single_user = kernel.join_namespaces(int(sys.argv[2]))
    except (kernel.KernelError, OSError) as error:
        os.write(report, str(error).encode())
        return command.NOT_STARTED
    kernel.die_with_parent()
    process = command.fork(lambda: command.run(plan, single_user=single_user), report)
    return command.wait(process, lambda: _kill(process))


def _kill(process: int) -> None:
    # Without its group yet where it has only just been started.
    command.send(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
