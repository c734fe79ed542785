"""The loop of a controller: takes keys from the queue, and comes back to those that failed.

Owns threads, retries and what a failure looks like in the log. The rules are in the handlers.
"""

import logging
import threading
import time
from collections.abc import Callable

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from lab.stand_ins.controller.api import error_text
from lab.stand_ins.controller.workqueue import Key, WorkQueue

Handle = Callable[[Key], float | None]
"""Does what a key asks for; a number means: again after so many seconds."""


class Worker:
    """Works on a queue until it is closed."""

    def __init__(
        self,
        queue: WorkQueue,
        handle: Handle,
        log: logging.Logger,
        *,
        attempts: int | None = None,
        threads: int = 1,
        foreseen: tuple[type[Exception], ...] = (),
    ) -> None:
        """Set up; `start` begins.

        Args:
            queue: where the keys come from.
            handle: what to do with one.
            log: is told of failures.
            attempts: failures in a row after which a key is left alone, never by default.
            threads: how many keys are worked on at a time.
            foreseen: errors of `handle` whose text says all; of others the log shows the trace.
        """
        self._queue = queue
        self._handle = handle
        self._log = log
        self._attempts = attempts
        self._foreseen: tuple[type[Exception], ...] = (ApiException, *foreseen)
        self._threads = [threading.Thread(target=self._work, name="worker", daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the keys at hand, for so many seconds at most."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def attempt(self, key: Key) -> None:
        """Work on one key; a failure queues it again."""
        try:
            again = self._handle(key)
        except self._foreseen as error:
            retried = self._queue.retry(key, self._attempts)
            text = error_text(error) if isinstance(error, ApiException) else error
            self._log.info("%s %s%s: %s", *key, ", again" if retried else "", text)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The API server is away: upstream would give up after its attempts too, but has nobody waiting for it.
            self._queue.retry(key, None)
            self._log.info("%s %s waits for the API server: %s", *key, type(error).__name__)
        except Exception:
            # One object that nobody foresaw must not end the controller for all others.
            self._log.exception("%s %s", *key)
            self._queue.retry(key, self._attempts)
        else:
            self._queue.forget(key)
            if again is not None:
                self._queue.add_after(key, again)

    def _work(self) -> None:
        while key := self._queue.get():
            try:
                self.attempt(key)
            finally:
                self._queue.done(key)
