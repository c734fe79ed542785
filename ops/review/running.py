"""Runs `pulumi preview --json`, for several stacks side by side. A preview changes nothing and takes no lock.

Owns the options of a preview; which stacks there are is up to ops/project.py, how `pulumi` is started to ops/engine.py.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ops.engine import run
from ops.review.preview import Preview, PreviewError, read

SIDE_BY_SIDE = 4
"""Previews at once: each is a Python program and three providers, some 600 MiB."""

_UNWANTED = frozenset({"PULUMI_ENABLE_STREAMING_JSON_PREVIEW", "PULUMI_DEBUG_COMMANDS"})
"""Variables that would make another document or none of the output."""


@dataclass(frozen=True)
class Run:
    """What one run of `pulumi preview --json` left: its document, if it printed one, its exit code and its stderr."""

    stack: str
    preview: Preview | None
    code: int
    stderr: str


def previews(project: Path, stacks: Sequence[str], *, refresh: bool = False) -> list[Run]:
    """Preview these stacks, each in its own process, and return what they left in the order of `stacks`.

    Args:
        project: the folder with Pulumi.yaml.
        stacks: names.
        refresh: whether each is compared with what really is there first.

    Raises:
        EngineError: there is no `pulumi`.
    """
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as threads:
        return list(threads.map(lambda stack: _preview(project, stack, refresh=refresh), stacks))


def _preview(project: Path, stack: str, *, refresh: bool) -> Run:
    # Replacement steps tell which of the two comes first.
    options = ["--json", "--non-interactive", "--show-replacement-steps", *(["--refresh"] if refresh else [])]
    done = run(project, "preview", "--stack", stack, *options, without=_UNWANTED)
    try:
        preview = read(done.stdout)
    except PreviewError:
        preview = None
    return Run(stack, preview, done.returncode, done.stderr)
