"""The lab's copies of the stack files, beside which `pulumi` keeps what it needs to decrypt the stack.

Owns what is written there and the way back to what was there before. What the settings are is settings.py's.
"""

from pathlib import Path
from typing import Any

import yaml

from lab.files import write_private
from lab.stacks.files import Stack


class Copies:
    """The copies in one folder.

    Attributes:
        changed: names of the stacks whose settings have become other ones.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._former: dict[Path, bytes] = {}
        self.changed: set[str] = set()

    def exists(self, stack: Stack) -> bool:
        """Whether there is a copy."""
        return self._file(stack).exists()

    def is_initialized(self, stack: Stack) -> bool:
        """Whether Pulumi has put anything of its own into the copy."""
        return bool(self._read(stack).keys() - {"config"})

    def config(self, stack: Stack) -> dict[str, Any]:
        """The settings in the copy, empty where there are none."""
        return self._read(stack).get("config") or {}

    def write(self, stack: Stack, config: dict[str, Any]) -> None:
        """Make these the copy's settings; what Pulumi keeps beside them stays."""
        file, content = self._file(stack), self._read(stack)
        if content.get("config") != config:
            self.changed.add(stack.name)
        if file.exists():
            self._former.setdefault(file, file.read_bytes())
        write_private(file, yaml.safe_dump({**content, "config": config}, sort_keys=False).encode())

    def put_back(self) -> None:
        """Give every copy the content again that it had before the first `write`."""
        for file, former in self._former.items():
            write_private(file, former)
        self._former.clear()
        self.changed.clear()

    def _file(self, stack: Stack) -> Path:
        return self._folder / stack.file

    def _read(self, stack: Stack) -> dict[str, Any]:
        file = self._file(stack)
        return (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
