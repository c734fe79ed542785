"""One background process: started in a session of its own, known by pid and creation time, stopped for sure.

Owns the record, the identity check, the log's telling line and the stop. Which processes make up a lab is the
supervisor's business.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lab.home import LabError

SAME_START_SECONDS = 1.0
# How long a killed process may take to be gone: the system frees its memory and ends what it reads or writes first.
KILL_SECONDS = 30.0
TAIL_BYTES = 16_384
LONGEST_LINE = 400
# How long a program may take to load. A process that never has environment nor arguments is waited for in vain.
EXEC_SECONDS = 2.0
# What a program says because it ends, and at no other time: Go's panics, klog's fatal lines, an answer to a signal.
_ENDS = re.compile(
    r"\bpanic: |\bfatal\b|^F\d{4} |signal received|received signal|shutdown triggered|no space left|out of memory", re.I
)
# A traceback of Python ends so, but it may also be logged by a program that goes on: then it is not the last line.
_ENDED = re.compile(r"^(error|[\w.]*(Error|Exception|Interrupt|Exit))\b:? ?")
# An environment variable of every process: by it one is found that nobody came to record.
MARK = "RHSI_LAB_PROCESS"
# The process that started a server is its parent and must reap it: an object that is dropped cannot.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that the lab started, as its record file has it.

    Attributes:
        name: unique in its lab, and the name of its log.
        pid: of the process, which leads a session of its own.
        created: seconds since the epoch, as the system tells; with the pid it is the identity.
        ports: name -> loopback port that it serves.
        log: what it wrote to standard output and error.
        ready_at: how long its log was when it was ready; None before.
    """

    name: str
    pid: int
    created: float
    ports: dict[str, int]
    log: Path
    ready_at: int | None = None

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a process that got the same pid later is another one)."""
        return self.handle() is not None

    def handle(self) -> psutil.Process | None:
        """The running process, or None."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < SAME_START_SECONDS
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def to_json(self) -> str:
        """The text of the record file."""
        return json.dumps(asdict(self) | {"log": str(self.log)})

    @classmethod
    def from_json(cls, text: str) -> "Process":
        """The reverse of `to_json`."""
        facts = json.loads(text)
        return cls(**{**facts, "log": Path(facts["log"])})


def spawn(
    name: str, argv: Sequence[str], *, environ: Mapping[str, str], log: Path, ports: dict[str, int], folder: Path
) -> Process:
    """Start a program in the background; returns at once, whether or not it will live.

    Args:
        name: of the process in its lab.
        argv: the program and its arguments; no secret may be among them.
        environ: the whole environment.
        log: is written anew.
        ports: what the program was told to serve, for the record.
        folder: working directory.

    Raises:
        OSError: the program cannot be executed.
    """
    _close_inherited_at_exec()
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(argv),
            env={**environ, MARK: f"{name}@{folder}"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # They close at exec. Closed before it, the lab's lock would be free while the child does not bear its mark
            # yet: whoever then stops the lab would not see it.
            close_fds=False,
        )
    _children.append(child)
    try:
        created = psutil.Process(child.pid).create_time()
    except psutil.NoSuchProcess:
        created = 0.0
    return Process(name=name, pid=child.pid, created=created, ports=ports, log=log)


def unrecorded(folder: Path, known: Iterable[Process]) -> list[Process]:
    """Processes that were spawned with this working directory and are not known: their starter was killed too early.

    The caller holds the lab's lock, so that no child of a killed starter has yet to become its program.
    """
    recorded = {process.pid for process in known}
    found = []
    for one in psutil.process_iter():
        try:
            name, _, where = _environ(one).get(MARK, "").partition("@")
            if where == str(folder) and one.pid not in recorded:
                log = folder / "logs" / f"{name}.log"
                found.append(Process(name=name, pid=one.pid, created=one.create_time(), ports={}, log=log))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def stop(processes: Iterable[Process], grace: float = 5.0) -> None:
    """End these processes and what they started: politely, and after `grace` seconds for sure.

    Returns when none of them is left.

    Raises:
        LabError: the kernel does not let go of one, though it was killed.
    """
    leaders = [handle for process in processes if (handle := process.handle())]
    everyone = set(leaders)
    for leader in leaders:
        everyone.update(_descendants(leader))
    for leader in leaders:
        _signal(leader.terminate)
    _, stubborn = psutil.wait_procs(leaders, timeout=grace)
    # What a leader left behind is no longer its child, but is still known from before.
    survivors = [process for process in everyone if process.is_running()]
    for process in {*stubborn, *survivors}:
        _signal(process.kill)
    deadline = time.monotonic() + KILL_SECONDS
    while left := [process for process in everyone if not _has_ended(process)]:
        if time.monotonic() > deadline:
            pids = " ".join(str(process.pid) for process in left)
            raise LabError(f"Processes were killed and do not end: `ps -l {pids}` shows what they wait for.")
        psutil.wait_procs(left, timeout=0.1)
    _children[:] = [child for child in _children if child.poll() is None]


def tail(log: Path, since: int = 0) -> list[str]:
    """The last lines that say anything of a log, or of what is beyond so many bytes; none where there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - TAIL_BYTES))
            return [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return []


def telling_line(log: Path) -> str:
    """What the log of a server that did not start says most about it: the last line of an error, else the last line."""
    lines = tail(log)
    errors = [line for line in lines if re.search(r"error|fatal|panic|fail|cannot|in use", line, re.IGNORECASE)]
    return (errors or lines or ["it said nothing"])[-1][:LONGEST_LINE]


def last_words(process: Process) -> str:
    """Why a process has ended, in the words of its log; empty where that does not say, as when it was killed.

    The errors that a server got over while it started, or since, are no reasons.
    """
    if process.ready_at is None:
        return telling_line(process.log) if tail(process.log) else ""
    lines = tail(process.log, process.ready_at)
    decisive = [line for line in lines if _ENDS.search(line)] or [line for line in lines[-1:] if _ENDED.match(line)]
    return decisive[-1][:LONGEST_LINE] if decisive else ""


def memory(processes: Iterable[Process]) -> int:
    """Bytes of memory that these processes and their children have to themselves (PSS: shared pages count in parts)."""
    total = 0
    for process in processes:
        leader = process.handle()
        for member in [leader, *_descendants(leader)] if leader else []:
            try:
                total += member.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
    return total


def plain_environ(**more: str) -> dict[str, str]:
    """The environment of a server: what any program needs, and nothing of the user's cluster or Vault settings."""
    kept = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


def _close_inherited_at_exec() -> None:
    """Let no server inherit what this process was started with, such as a jobserver's pipe; Python's close at exec."""
    for entry in Path("/proc/self/fd").iterdir():
        # The listing's own is closed by now.
        with suppress(OSError):
            os.set_inheritable(int(entry.name), int(entry.name) <= 2)


def _environ(process: psutil.Process) -> dict[str, str]:
    """Its environment; the kernel sets a new program's a moment after it has closed the descriptors of the old one."""
    deadline = time.monotonic() + EXEC_SECONDS
    while not (found := process.environ()) and process.exe() and not process.cmdline() and time.monotonic() < deadline:
        time.sleep(0.001)
    return found


def _descendants(leader: psutil.Process) -> list[psutil.Process]:
    try:
        return leader.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or waits for nobody but a parent that never asks for its exit code."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
