"""The way into a pod's thread: other threads leave word, the pod hears it when it listens.

Owns the queue and its closing, so that no word is lost between a pod's last turn and its end.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable

Word = Callable[[], None]


class Inbox:
    """Words for one thread, heard in the order in which they came."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[Word] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def leave(self, word: Word) -> bool:
        """Leave word; False where nobody will hear it any more."""
        with self._door:
            if not self._closed:
                self._words.put(word)
            return not self._closed

    def close(self) -> None:
        """Take nothing any more."""
        with self._door:
            self._closed = True

    def close_if_empty(self) -> None:
        """Take nothing any more, unless there is word to be heard first."""
        with self._door:
            self._closed = self._words.empty()

    def listen(self, due: Iterable[float], since: float) -> None:
        """Wait for word, or for the first of these moments of the monotonic clock; then hear all.

        Moments before `since` do not count: what was due by then has been seen to.
        """
        now = time.monotonic()
        ahead = [max(0.0, moment - now) for moment in due if since < moment < float("inf")]
        try:
            word = self._words.get(timeout=min(ahead) if ahead else None)
            while True:
                word()
                word = self._words.get_nowait()
        except queue.Empty:
            return
