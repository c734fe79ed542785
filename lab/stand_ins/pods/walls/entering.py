"""One more command within the walls of a container that runs, as a probe, a hook or `kubectl exec` needs it.

Run by `launching.py` as `python -m`, like `confinement.py`. Further arguments are the container's outer process, the
descriptor that is the command's standard input, and `terminal` where all three streams are one. SIGTERM kills the
command with its process group.
"""

import contextlib
import os
import signal
import sys

from lab.stand_ins.pods.walls import command, kernel


def main() -> int:
    """Run the plan from standard input."""
    container, stdin, *kind = sys.argv[2:]
    plan, report = command.receive(int(stdin))
    try:
        single_user = kernel.join_namespaces(int(container))
    except (kernel.KernelError, OSError) as error:
        os.write(report, str(error).encode())
        return command.NOT_STARTED
    kernel.die_with_parent()
    process = command.fork(lambda: command.run(plan, single_user=single_user, terminal="terminal" in kind), report)
    return command.wait(process, lambda: _kill(process))


def _kill(process: int) -> None:
    # Without its group yet where it has only just been started.
    command.send(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
