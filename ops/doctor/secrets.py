"""The stack's own secrets: whether the engine can decrypt them with the passphrase or provider of this run.

A standby needs no key of its primary's: the engine leaves out what it cannot decrypt of another stack's outputs, and
none of these is secret (pulumi:pkg/resource/deploy/builtins.go, readStackOutputs).
"""

from collections.abc import Iterator

from ops import stacks
from ops.doctor.finding import Finding, error, ok
from ops.doctor.scene import Scene
from ops.stacks import StackError

SUBJECT = "state"


def check(scene: Scene) -> Iterator[Finding]:
    """The state of a stack that exists."""
    if not scene.exists:
        return
    if scene.unreadable:
        raise scene.unreadable
    try:
        stacks.decrypt(scene.project, scene.stack)
    except StackError as problem:
        yield error(
            SUBJECT,
            f"The secrets of the stack {scene.stack} cannot be decrypted: {problem}",
            "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, or log in to its secrets provider; "
            f"ask again: python -m ops doctor -s {scene.stack}",
        )
        return
    yield ok(SUBJECT, "The engine can decrypt the state.")
