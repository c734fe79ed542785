"""Where a secret value of a run might show: arguments, environments, files of the lab, the state of a stack.

A value is searched for as it is, in base64, and as JSON writes it.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from lab.home import Home
from tests.lab.checkout import Checkout


class Watcher:
    """Collects the arguments and the environment of every process that lives while it watches."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        # One from before is read once: what it was given does not change, and there may be hundreds.
        before: set[psutil.Process] = set()
        began = time.time()
        while not self._done.wait(0.05):
            for process in psutil.process_iter():
                if process in before:
                    continue
                try:
                    self.seen.add("\n".join([*process.cmdline(), *process.environ().values()]))
                    if process.create_time() < began:
                        before.add(process)
                except psutil.Error:
                    continue

    def saw(self, values: Iterable[str]) -> bool:
        """Whether a process was given one of these values."""
        wanted = [form for value in values for form in forms(value)]
        return any(form in text for text in self.seen for form in wanted)


def forms(value: str) -> tuple[str, ...]:
    """How a value is written where it shows."""
    return value, base64.b64encode(value.encode()).decode(), json.dumps(value)[1:-1]


def readable(root: Path) -> Iterator[Path]:
    """Logs, stack files, state and volumes of the lab; what etcd, Vault and a passfile hold is theirs to hide."""
    for part in ("logs", "pods", "stacks", "state", "pulumi", "volumes"):
        for folder, _, names in os.walk(root / part):
            yield from (file for name in names if (file := Path(folder, name)).is_file())


def files_with(home: Home, values: Iterable[str]) -> list[Path]:
    """The files of a lab that hold one of the values in plain text."""
    wanted = [form.encode() for value in values for form in forms(value)]
    files = list(readable(home.root))
    assert any("site-a" in file.name for file in files), "this is where the lab keeps its files"
    return [file for file in files if holds(file, wanted)]


def holds(file: Path, wanted: Iterable[bytes]) -> bool:
    """Whether one of these is in the file."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        # A server that runs has removed it in between.
        return False
    return any(form in content for form in wanted)


def texts(part: Any) -> Iterator[str]:
    """Every text of an exported state, those inside its secrets too."""
    if isinstance(part, dict) and "plaintext" in part:
        yield from texts(json.loads(part["plaintext"]))
    elif isinstance(part, dict | list):
        for item in part.values() if isinstance(part, dict) else part:
            yield from texts(item)
    elif isinstance(part, str):
        yield part


def in_state(checkout: Checkout, stack: str, values: Mapping[str, str]) -> set[str]:
    """The names of those values that a stack's state holds, encrypted or not."""
    export = checkout.pulumi("stack", "export", "--show-secrets", "--stack", stack)
    assert export.code == 0, export.text
    assert "ciphertext" not in export.text, "nothing can hide from this search"
    held = list(texts(json.loads(export.text)["deployment"]["resources"]))
    return {name for name, value in values.items() if any(form in text for form in forms(value) for text in held)}
