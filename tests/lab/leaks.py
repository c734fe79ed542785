"""Where a secret value of a run might show: arguments, environments, files of the lab, the state of a stack.

A value is searched for as it is, in base64, and as JSON writes it.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lab.home import Home
from lab.pulumi.installation import LAUNCHER
from tests.lab.checkout import Checkout

SWEEP_SECONDS, YOUNG_SECONDS = 0.05, 1.0


@dataclass(frozen=True)
class Seen:
    """A process: its program, its arguments, and the values of its environment."""

    program: str
    arguments: tuple[str, ...]
    environment: tuple[str, ...]

    def holds(self, form: str) -> bool:
        """Whether a text is a part of what it was given."""
        return any(form in text for text in (*self.arguments, *self.environment))

    def runs(self, program: str) -> bool:
        """Whether it is this program, or an interpreter that runs it."""
        return program in (self.program, *(Path(argument).name for argument in self.arguments[1:4]))

    def is_plugin(self, program: str, name: str) -> bool:
        """Whether it is a plugin: one that is installed, or the launcher of the lab's own of that name."""
        return self.runs(program) or (self.runs(LAUNCHER.name) and name in self.arguments)


ENGINE: dict[str, Callable[[Seen], bool]] = {
    "the engine": lambda seen: seen.program == "pulumi" and "up" in seen.arguments,
    "the language host": lambda seen: seen.is_plugin("pulumi-language-python", "python"),
    "the program": lambda seen: seen.runs("pulumi-language-python-exec"),
    "the plugin for Kubernetes": lambda seen: seen.is_plugin("pulumi-resource-kubernetes", "kubernetes"),
    "the plugin for Vault": lambda seen: seen.is_plugin("pulumi-resource-vault", "vault"),
}
"""The processes of an `up`, by what they run; a path in an environment variable proves nothing."""


class Watcher:
    """Collects program, arguments and environment of every process that lives while it watches.

    Labs may run side by side: what proves that it saw an `up` is only that of the lab with this home.
    """

    def __init__(self, home: Home) -> None:
        self.seen: set[Seen] = set()
        self._home = home
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        # A young process is read at each sweep, since few live long; an older one seldom: it may run another program.
        next_read: dict[int, float] = {}
        while not self._done.wait(SWEEP_SECONDS):
            pids = psutil.pids()
            next_read = {pid: next_read[pid] for pid in pids if pid in next_read}
            now = time.monotonic()
            for pid in pids:
                if now >= next_read.get(pid, 0):
                    next_read[pid] = now + self._read(pid)

    def _read(self, pid: int) -> float:
        """Collect a process, and say in how many seconds it is worth to do so again."""
        try:
            process = psutil.Process(pid)
            arguments, environment = process.cmdline(), process.environ()
            program = Path(arguments[0]).name if arguments else process.name()
            self.seen.add(Seen(program, tuple(arguments), tuple(environment.values())))
            return 0 if time.time() - process.create_time() < YOUNG_SECONDS else YOUNG_SECONDS
        except psutil.Error:
            return 0

    def assert_saw_the_engine(self) -> None:
        """The engine, the program and the plugins of this lab were among what it saw."""
        own = [seen for seen in self.seen if seen.holds(str(self._home.root))]
        missing = [name for name, is_one in ENGINE.items() if not any(map(is_one, own))]
        assert not missing, sorted({" ".join(seen.arguments[:3]) for seen in own})

    def saw(self, values: Iterable[str]) -> bool:
        """Whether a process was given one of these values."""
        wanted = [form for value in values for form in forms(value)]
        return any(seen.holds(form) for seen in self.seen for form in wanted)


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
