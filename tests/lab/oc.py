"""The `oc` lines of the pages in docs/, run on the lab by kubectl, which has the same words."""

import shlex
import subprocess

from tests.lab import kubectl
from tests.lab.lab import Lab


def run(lab: Lab, context: str, line: str) -> str:
    """Run `oc ... && oc ...` against a cluster and return what the commands print. Each must succeed."""
    return "".join(_run(lab, context, shlex.split(command)) for command in line.split("&&"))


def _run(lab: Lab, context: str, words: list[str]) -> str:
    program, *arguments = words
    assert program == "oc", words
    done = subprocess.run(kubectl.command(lab, context, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
