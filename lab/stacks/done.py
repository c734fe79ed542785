"""With which settings and which program each stack came up last: whoever runs the same again need not look first.

Owns the folder `done` in the lab's home, one digest a stack. Says nothing of what somebody did to a stack otherwise.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from lab.home import Home


def digest(config: dict[str, Any], checkout: Path) -> str:
    """A digest of a stack's settings and of the program that reads them."""
    found = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for file in sorted((checkout / "components").rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            found.update(file.read_bytes())
    return found.hexdigest()


def matches(home: Home, stack: str, wanted: str) -> bool:
    """Whether the stack came up with this digest last."""
    file = _file(home, stack)
    return file.exists() and file.read_text() == wanted


def keep(home: Home, stack: str, reached: str) -> None:
    """The stack has come up."""
    _file(home, stack).write_text(reached)


def forget(home: Home, stack: str) -> None:
    """The stack is about to be something else, or nothing."""
    _file(home, stack).unlink(missing_ok=True)


def _file(home: Home, stack: str) -> Path:
    return home.folder("done") / stack
