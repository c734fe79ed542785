"""Where the output of containers is, and how to read it. `kubectl logs` would ask a kubelet, which the lab has not.

Layout under the lab's home: pods/<context>/<namespace>/<pod>/<container>.log, with <container>.previous.log for the run
before (or for what came before the last 10 MiB).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lab.home import Home, context_folder

TAIL_BYTES = 2048
TAIL_LINES = 80
"""How much of a log serves as a termination message (kubernetes: pkg/kubelet/container/runtime.go)."""

_PREVIOUS = ".previous.log"


def folder(home: Home, context: str, namespace: str, pod: str) -> Path:
    """The folder of one pod's logs, made on demand."""
    return home.folder("pods", context_folder(context), namespace, pod)


def previous(log: Path) -> Path:
    """The log of the run before this one."""
    return log.with_name(f"{log.name.removesuffix('.log')}{_PREVIOUS}")


def find(home: Home, context: str, namespace: str, name: str) -> list[Path]:
    """The present logs of a pod, or of all pods of a Job or StatefulSet, oldest first; empty where nothing has run."""
    parent = home.root / "pods" / context_folder(context) / namespace
    if not parent.is_dir():
        return []
    pods = [
        pod
        for pod in parent.iterdir()
        if pod.name == name or re.fullmatch(rf"{re.escape(name)}-([a-z0-9]{{5}}|[0-9]+)", pod.name)
    ]
    found = [log for pod in pods for log in pod.glob("*.log") if not log.name.endswith(_PREVIOUS)]
    return sorted(found, key=lambda log: log.stat().st_mtime)


def read(home: Home, context: str, namespace: str, name: str) -> Iterator[tuple[str, str, str]]:
    """The logs of a pod, Job or StatefulSet as (pod, container, text), oldest first."""
    for log in find(home, context, namespace, name):
        yield log.parent.name, log.name.removesuffix(".log"), log.read_text(errors="replace")


def tail(log: Path, *, lines: int = TAIL_LINES, size: int = TAIL_BYTES) -> str:
    """The end of a log: at most so many lines and so many bytes, whichever is less."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "".join(text.splitlines(keepends=True)[-lines:])
