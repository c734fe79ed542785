"""Runs `pulumi` for what it only reads: versions, settings, outputs, names of resources.

Owns the command line, its deadline, how many run at once, and the sentence of what failed. Callers take no lock, change
no stack and let no secret be shown.
"""

import json
import os
import subprocess
import threading
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


def ask(project: Path, *arguments: str, seconds: float = SECONDS) -> str:
    """What `pulumi` prints on standard output.

    Args:
        project: the folder with Pulumi.yaml.
        arguments: of `pulumi`.
        seconds: after which it is stopped, counted from its start.

    Raises:
        EngineError: see there.
    """
    line = ["pulumi", *arguments, "--non-interactive"]
    shown = " ".join(["pulumi", *arguments])
    try:
        with _TURNS:
            done = subprocess.run(
                line,
                cwd=project,
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"`{shown}` gave no answer within {seconds:g} s.") from error
    except OSError as error:
        raise EngineError(f"`pulumi` cannot be run ({error.strerror}): install it, and put it on PATH.") from error
    if done.returncode:
        raise EngineError(f"`{shown}` failed: {_reason(done.stderr or done.stdout)}")
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
        raise EngineError(f"`pulumi {' '.join(arguments)}` printed no JSON.") from error


def _reason(said: str) -> str:
    """What comes after the last `error:`, on one line; what comes before it is the engine's chatter."""
    _, found, after = said.rpartition("error: ")
    lines = (after if found else said.strip().rpartition("\n")[2]).split()
    return " ".join(lines)[:LONGEST].rstrip(".") + "." if lines else "it said nothing."
