"""What a run leaves where somebody could read it: processes, files, the state of a stack."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

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
        while not self._done.wait(0.05):
            for process in psutil.process_iter():
                try:
                    self.seen.add("\n".join([*process.cmdline(), *process.environ().values()]))
                except psutil.Error:
                    continue


def readable(root: Path) -> Iterator[Path]:
    """Logs, stack files and state of the lab; what its etcd and Vault store is theirs to hide."""
    for folder in ("logs", "pods", "stacks", "state", "pulumi"):
        yield from (file for file in (root / folder).rglob("*") if file.is_file())


def texts(part: Any) -> Iterator[str]:
    """Every text of an exported state, those inside its secrets too."""
    if isinstance(part, dict) and "plaintext" in part:
        yield from texts(json.loads(part["plaintext"]))
    elif isinstance(part, dict | list):
        for item in part.values() if isinstance(part, dict) else part:
            yield from texts(item)
    elif isinstance(part, str):
        yield part


def held(checkout: Checkout, stack: str) -> list[str]:
    """Every text in a stack's state, encrypted or not."""
    export = checkout.pulumi("stack", "export", "--show-secrets", "--stack", stack)
    assert export.code == 0, export.text
    assert "ciphertext" not in export.text, "nothing can hide from this search"
    return list(texts(json.loads(export.text)["deployment"]["resources"]))
