"""Runs `pulumi preview --json`, for several stacks side by side. A preview changes nothing and takes no lock.

Owns the command line and its environment; which stacks there are is up to ops/project.py.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ops.review.preview import Preview, PreviewError, read

SIDE_BY_SIDE = 4
"""Previews at once: each is a Python program and three providers, some 600 MiB."""


class RunError(Exception):
    """`pulumi` cannot be run, in one sentence."""


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
        RunError: there is no `pulumi`.
    """
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as threads:
        return list(threads.map(lambda stack: _preview(project, stack, refresh=refresh), stacks))


def line(stack: str, *, refresh: bool) -> list[str]:
    """The command line of one preview."""
    # Replacement steps tell which of the two comes first.
    options = ["--json", "--non-interactive", "--show-replacement-steps", *(["--refresh"] if refresh else [])]
    return ["pulumi", "preview", "--stack", stack, *options]


def _preview(project: Path, stack: str, *, refresh: bool) -> Run:
    try:
        done = subprocess.run(
            line(stack, refresh=refresh),
            cwd=project,
            env=_environ(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise RunError(f"`pulumi` cannot be run in {project} ({error.strerror}): install it, or see --cwd.") from error
    try:
        preview = read(done.stdout)
    except PreviewError:
        preview = None
    return Run(stack, preview, done.returncode, done.stderr)


def _environ(own: Mapping[str, str]) -> dict[str, str]:
    """The person's environment, without what would make another document or none of the output."""
    unwanted = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW", "PULUMI_DEBUG_COMMANDS"}
    return {name: value for name, value in own.items() if name not in unwanted} | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
