"""What the program costs on top of Pulumi: a run with nothing to do, beside one of a program that registers nothing.

Both run on the same engine right after each other, so that their ratio says little of what else the machine does.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Figure
from lab.home import LabError
from lab.progress import Progress
from lab.stacks import Runner, Stack

ROUNDS = 5
ACTIONS = {
    "preview": ("preview", "--non-interactive"),
    "up": ("up", "--yes", "--skip-preview", "--non-interactive"),
}
MOST = 1.8


class Empty:
    """A project whose program only imports the SDK."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self._folder = folder
        self._runner = runner
        options = {"toolchain": "pip", "virtualenv": sys.prefix}
        project = {"name": "empty", "runtime": {"name": "python", "options": options}}
        (folder / "Pulumi.yaml").write_text(json.dumps(project))
        (folder / "__main__.py").write_text("import pulumi\n")
        self._pulumi("stack", "init", "empty")
        self.run("up")

    def run(self, action: str) -> float:
        """Seconds that an action takes."""
        began = time.monotonic()
        self._pulumi(*ACTIONS[action], "--stack", "empty")
        return time.monotonic() - began

    def _pulumi(self, *arguments: str) -> None:
        line = [self._runner.command, *arguments]
        done = subprocess.run(
            line, cwd=self._folder, env=self._runner.environ(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"`{' '.join(arguments)}` of an empty program failed: {done.stderr or done.stdout}")


def measure(runner: Runner, stacks: Sequence[Stack], folder: Path, progress: Progress) -> list[Figure]:
    """Figures of previews and ups with nothing to do, of an empty program and of each stack, and their ratios.

    Args:
        runner: of the lab; the stacks are up.
        stacks: to measure.
        folder: an empty one, for the empty program.
        progress: is told of each round.
    """
    progress.update("the first `up` of an empty program")
    empty = Empty(folder, runner)
    seconds: dict[tuple[str, str], list[float]] = {}
    for number in range(1, ROUNDS + 1):
        for action in ACTIONS:
            progress.update(f"round {number} of {ROUNDS}: {action}, nothing to do")
            seconds.setdefault((action, ""), []).append(empty.run(action))
            for stack in stacks:
                began = time.monotonic()
                if runner.run(action, stack, ["--expect-no-changes"], quiet=True):
                    raise LabError(
                        f"`{action}` of {stack.name} would change something: run `make preview` to see what."
                    )
                seconds.setdefault((action, stack.name), []).append(time.monotonic() - began)
        told = (
            f"{action} {', '.join(f'{seconds[action, one.name][-1]:.1f}' for one in stacks)} s" for action in ACTIONS
        )
        progress.step(f"round {number} of {ROUNDS} with nothing to do: {', '.join(told)}")
    return figures(seconds)


def figures(seconds: Mapping[tuple[str, str], list[float]]) -> list[Figure]:
    """Seconds by action and stack ("" is the empty program), and how many times the empty program's they are."""
    found = []
    for (action, stack), values in seconds.items():
        found.append(Figure(f"{action} of {stack or 'an empty program'}, nothing to do", "s", None, values))
        if stack:
            ratios = [one / empty for one, empty in zip(values, seconds[action, ""], strict=True)]
            found.append(Figure(f"{action} of {stack} / of an empty program", "", MOST, ratios))
    return found
