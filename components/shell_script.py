"""The text of a shell script as it goes into a manifest: without comments.

A changed script starts a server again or runs a Job anew; a reworded comment must do neither. Only lines that are
comments or blank go. A comment behind a statement would stay, so scripts have none (tests/unit/test_shell_scripts.py).
"""

import re
from collections.abc import Iterator
from pathlib import Path

# `<<EOF`, `<<'EOF'` and `<<-EOF`; the word ends the here-document.
_HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(?P<end>\w+)\1")


def read_script(*files: Path) -> str:
    """The scripts one after the other, as one script with a single `#!` line."""
    lines = [line for file in files for line in _code(file.read_text().splitlines())]
    return "\n".join(["#!/bin/sh", *lines]) + "\n"


def _code(lines: list[str]) -> Iterator[str]:
    end = ""
    for line in lines:
        text = line.strip()
        if end:
            end = "" if text == end else end
            yield line
        elif text and not text.startswith("#"):
            here = _HERE_DOCUMENT.search(line)
            end = here["end"] if here else ""
            yield line
