"""A work queue with the promises of client-go's: no key twice in the queue, no key worked on twice at a time.

Owns delays and retries with back-off. Does not know what a key means.
"""

import heapq
import itertools
import threading
import time
from collections import deque
from typing import NamedTuple


class Key(NamedTuple):
    """What is to be looked at: a handler's name and `<namespace>/<name>` (or `<namespace>`)."""

    handler: str
    name: str


class WorkQueue:
    """Keys in the order in which they were added. Safe for any number of threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ready: deque[Key] = deque()
        self._dirty: set[Key] = set()
        self._working: set[Key] = set()
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._order = itertools.count()
        self._failures: dict[Key, int] = {}
        self._closed = False

    def add(self, key: Key) -> None:
        """Queue the key; one that is waiting already is not queued again, one being worked on follows afterwards."""
        with self._changed:
            self._add(key)

    def _add(self, key: Key) -> None:
        if key in self._dirty or self._closed:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._ready.append(key)
            self._changed.notify_all()

    def add_after(self, key: Key, seconds: float) -> None:
        """Queue the key when so much time has passed, unless it is to be queued sooner anyway."""
        with self._changed:
            due = time.monotonic() + seconds
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                heapq.heappush(self._later, (due, next(self._order), key))
                self._changed.notify_all()

    def get(self) -> Key | None:
        """The next key, waited for; None once the queue is closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    due, _, key = heapq.heappop(self._later)
                    # An entry that a sooner one has overtaken is dropped.
                    if self._due.get(key) == due:
                        del self._due[key]
                        self._add(key)
                if self._ready:
                    key = self._ready.popleft()
                    self._dirty.discard(key)
                    self._working.add(key)
                    return key
                self._changed.wait(self._later[0][0] - now if self._later else None)
            return None

    def done(self, key: Key) -> None:
        """The work on this key has ended; a key that was added meanwhile is queued now."""
        with self._changed:
            self._working.discard(key)
            if key in self._dirty:
                self._ready.append(key)
            self._changed.notify_all()

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait, but so many seconds at most, until no key is queued, worked on, or due later; returns whether so."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._dirty or self._working or self._due), timeout)

    def forget(self, key: Key) -> None:
        """The work succeeded: the next failure starts counting anew."""
        with self._changed:
            self._failures.pop(key, None)

    def retry(self, key: Key, attempts: int | None) -> bool:
        """Queue a failed key again, 5 ms after the first failure, doubling up to 5 s.

        Returns:
            False if it has failed `attempts` times in a row already; the next resync will bring it back.
        """
        with self._changed:
            failures = self._failures.get(key, 0)
            if attempts is not None and failures >= attempts:
                self._failures.pop(key, None)
                return False
            self._failures[key] = failures + 1
        self.add_after(key, min(0.005 * 2 ** min(failures, 10), 5.0))
        return True

    def close(self) -> None:
        """Wake everybody who waits in `get`; nothing more is handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
