"""Runs `pulumi` for what it only reads: versions, settings, outputs, names of resources.

Owns the command line, its deadline and the sentence of what failed. Nothing here passes `--show-secrets`, takes a lock
or changes a stack.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30.0
"""A command reads one document of the backend, which may be an object store."""


class EngineError(Exception):
    """`pulumi` cannot be run, failed or said something else than JSON: one sentence, with what it said itself."""


def ask(project: Path, *arguments: str, seconds: float = SECONDS) -> str:
    """What `pulumi` prints on standard output.

    Args:
        project: the folder with Pulumi.yaml.
        arguments: of `pulumi`.
        seconds: after which it is stopped.

    Raises:
        EngineError: see there.
    """
    line = ["pulumi", *arguments, "--non-interactive"]
    shown = " ".join(["pulumi", *arguments])
    try:
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
    """The line that says why, without what comes before it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")] or lines[-1:]
    return errors[-1].removeprefix("error: ").rstrip(".") + "." if errors else "it said nothing."
