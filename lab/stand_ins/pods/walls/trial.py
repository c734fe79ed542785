"""A trial of the walls, before anything depends on them: whether this machine lets containers be confined at all."""

from pathlib import Path

from lab.stand_ins.pods.walls.launching import StartError, launch
from lab.stand_ins.pods.walls.plan import Plan

# Any user that is not root: the walls have to be able to change to one.
_UID = 65534


def refusal(scratch: Path) -> str:
    """Run a trial command within the walls that every container gets; why it did not run, or the empty text.

    Args:
        scratch: an empty folder.
    """
    trial = Plan(
        scratch=str(scratch),
        argv=("/bin/sh", "-c", ":"),
        environment={"PATH": "/usr/bin:/bin"},
        hostname="trial",
        uid=_UID,
        gid=0,
        read_only_root=True,
    )
    try:
        running = launch(trial)
    except StartError as error:
        return str(error)
    with running.output as output:
        said = output.read().decode(errors="replace").strip().splitlines()
    code = running.process.wait()
    return f"a trial of /bin/sh ended with {code}{f' ({said[-1]})' if said else ''}" if code else ""
