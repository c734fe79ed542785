"""Where the output of containers is, how it is written, and how to read it.

Layout under the lab's home: pods/<context>/<namespace>/<pod>/<container>.log, with <container>.previous.log for the run
before, and <container>.earlier.log for what this run had said before its last 10 MiB.

A log has the format of a container runtime (CRI: `2026-11-27T16:00:00.123456Z stdout F text`), so that the kubelet's
own reader serves it to `kubectl logs`. A container's two streams are one here, which is called stdout.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lab.home import Home, context_folder

TAIL_BYTES = 2048
TAIL_LINES = 80
"""How much of a log serves as a termination message (kubernetes: pkg/kubelet/container/runtime.go)."""

LINE_BYTES = 16 * 1024
"""The longest text of an entry; a longer line is several, all but the last of them marked as partial."""

_LOG_BYTES = 10 * 1024 * 1024
_LOOK_BACK_BYTES = 4 * LINE_BYTES
_PREVIOUS, _EARLIER = ".previous.log", ".earlier.log"
# Not splitlines: to it the return that a progress bar makes ends a line as well.
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_ENTRY = re.compile(rb"\d{4}-\S+ (?:stdout|stderr) ([FP]) ")


class Log:
    """The log of one container, as it is written; a full disk stops nobody.

    One thread at a time follows the container's output; whole lines of somebody else's may come in between.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = b""

    def begin(self) -> None:
        """Begin the log of a new run; that of the last one becomes the previous log."""
        earlier(self.path).unlink(missing_ok=True)
        if self.path.exists():
            self.path.replace(previous(self.path))
        self.path.touch(mode=0o600)

    def append(self, output: bytes) -> None:
        """Add what the container printed. The beginning of a line waits for its end, unless it is very long."""
        output = self._unfinished + output
        end = output.rfind(b"\n") + 1
        if len(output) - end >= LINE_BYTES:
            end = len(output)
        self._unfinished = output[end:]
        self.write(output[:end])

    def finish(self) -> None:
        """Nothing more comes: what is left has no line's end."""
        self.write(self._unfinished)
        self._unfinished = b""

    def write(self, lines: bytes) -> None:
        """Write these lines now. A log that has grown too long begins anew."""
        if not lines:
            return
        with contextlib.suppress(OSError):
            with self.path.open("ab") as file:
                file.write(entries(lines))
                full = file.tell() > _LOG_BYTES
            if full:
                self.path.replace(earlier(self.path))


def entries(lines: bytes) -> bytes:
    """Lines in the format of a log."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    made = []
    for line in _LINE.findall(lines):
        body = line.removesuffix(b"\n")
        pieces = [body[start : start + LINE_BYTES] for start in range(0, len(body), LINE_BYTES)] or [b""]
        tags = [b"P"] * (len(pieces) - 1) + [b"F" if line.endswith(b"\n") else b"P"]
        made += [b"%b stdout %b %b\n" % (moment, tag, piece) for tag, piece in zip(tags, pieces, strict=True)]
    return b"".join(made)


def text(content: bytes) -> str:
    """What a container printed, of the content of its log."""
    said = []
    for entry in _LINE.findall(content):
        found = _ENTRY.match(entry)
        line = entry[found.end() :] if found else entry
        said.append(line.removesuffix(b"\n") if found and found[1] == b"P" else line)
    return b"".join(said).decode(errors="replace")


def folder(home: Home, context: str, namespace: str, pod: str) -> Path:
    """The folder of one pod's logs, made on demand."""
    return home.folder("pods", context_folder(context), namespace, pod)


def file(home: Home, context: str, namespace: str, pod: str, container: str) -> Path:
    """The present log of one container."""
    return folder(home, context, namespace, pod) / f"{container}.log"


def previous(log: Path) -> Path:
    """The log of the run before this one."""
    return log.with_name(f"{log.name.removesuffix('.log')}{_PREVIOUS}")


def earlier(log: Path) -> Path:
    """What the same run had said before the log had grown too long."""
    return log.with_name(f"{log.name.removesuffix('.log')}{_EARLIER}")


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
    found = [log for pod in pods for log in pod.glob("*.log") if not log.name.endswith((_PREVIOUS, _EARLIER))]
    return sorted(found, key=lambda log: log.stat().st_mtime)


def read(home: Home, context: str, namespace: str, name: str) -> Iterator[tuple[str, str, str]]:
    """What a pod, Job or StatefulSet has printed as (pod, container, text), oldest first."""
    for log in find(home, context, namespace, name):
        yield log.parent.name, log.name.removesuffix(".log"), text(log.read_bytes())


def tail(log: Path, *, lines: int = TAIL_LINES, size: int = TAIL_BYTES) -> str:
    """The end of what a container printed: at most so many lines and so many bytes, whichever is less."""
    try:
        with log.open("rb") as content:
            start = max(0, log.stat().st_size - _LOOK_BACK_BYTES)
            content.seek(start)
            if start:
                content.readline()
            said = text(content.read()).encode()[-size:].decode(errors="replace")
    except OSError:
        return ""
    return "".join(said.splitlines(keepends=True)[-lines:])
