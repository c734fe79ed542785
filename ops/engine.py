"""Runs `pulumi` for what it only reads: versions, settings, outputs, names of resources, previews.

Owns the command line, its deadline, how many run at once, and the sentence of what failed. Callers take no lock, change
no stack and let no secret be shown.
"""

import json
import os
import subprocess
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

SECONDS = 30.0
"""A command reads one document of the backend, which may be an object store."""

AT_ONCE = 2 * (os.cpu_count() or 2)
"""Each is a process of 100 MB that reads the whole state; with a hundred stacks there would be hundreds of them."""

_TURNS = threading.BoundedSemaphore(AT_ONCE)

LONGEST = 500
"""Characters of what it said that a sentence takes over."""


class EngineError(Exception):
    """`pulumi` cannot be run, failed or said something else than JSON: one sentence, with what it said itself."""


def run(
    project: Path, *arguments: str, seconds: float | None = None, without: Collection[str] = ()
) -> subprocess.CompletedProcess[str]:
    """What `pulumi` left: its exit code and all that it printed.

    Args:
        project: the folder with Pulumi.yaml.
        arguments: of `pulumi`, all of them.
        seconds: after which it is stopped, counted from its start; None waits for as long as it takes.
        without: variables of the environment that it does not get.

    Raises:
        EngineError: it cannot be run, or gives no answer in that time.
    """
    line = ["pulumi", *arguments]
    environ = {name: value for name, value in os.environ.items() if name not in without}
    try:
        with _TURNS:
            return subprocess.run(
                line,
                cwd=project,
                env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"`{_shown(arguments)}` gave no answer within {seconds:g} s.") from error
    except OSError as error:
        raise EngineError(f"`pulumi` cannot be run ({error.strerror}): install it, and put it on PATH.") from error


def ask(project: Path, *arguments: str, seconds: float = SECONDS) -> str:
    """What `pulumi` prints on standard output.

    Args:
        project: the folder with Pulumi.yaml.
        arguments: of `pulumi`, but for `--non-interactive`.
        seconds: after which it is stopped, counted from its start.

    Raises:
        EngineError: see there.
    """
    done = run(project, *arguments, "--non-interactive", seconds=seconds)
    if done.returncode:
        raise EngineError(f"`{_shown(arguments)}` failed: {_reason(done.stderr or done.stdout)}")
    return done.stdout


def ask_json(project: Path, *arguments: str, seconds: float = SECONDS) -> Any:
    """The same, decoded.

    Raises:
        EngineError: see there.
    """
    text = ask(project, *arguments, seconds=seconds)
    try:
        return json.loads(text)
    except ValueError as error:
        raise EngineError(f"`{_shown(arguments)}` printed no JSON.") from error


def _shown(arguments: Sequence[str]) -> str:
    """The command as a person types it."""
    return " ".join(["pulumi", *(one for one in arguments if one != "--non-interactive")])


def _reason(said: str) -> str:
    """What comes after the last `error:`, on one line; what comes before it is the engine's chatter."""
    _, found, after = said.rpartition("error: ")
    lines = (after if found else said.strip().rpartition("\n")[2]).split()
    return " ".join(lines)[:LONGEST].rstrip(".") + "." if lines else "it said nothing."
