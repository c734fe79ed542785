"""Waiting for what a test expects to become true: the one way in which the lab's tests poll."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

T = TypeVar("T")

SECONDS = 90.0
"""How long servers, controllers and pods may take on a busy machine, unless a test says otherwise."""

PAUSE_SECONDS = 0.1
MEANWHILE = (AssertionError, KeyError, TypeError, OSError, psycopg.Error)
"""What is raised about objects that have no status yet, and by servers that come and go."""


class NotYetError(AssertionError):
    """What is awaited is not there in time."""


def eventually(check: Callable[[], T], seconds: float = SECONDS, *, pause: float = PAUSE_SECONDS) -> T:
    """What a function of asserts gives as soon as it holds; after that time, its last failure is raised.

    Args:
        check: what must hold.
        seconds: how long it may take.
        pause: seconds between two attempts.
    """
    return _again(MEANWHILE, seconds, pause)(check)


def until(condition: Callable[[], T | None], seconds: float = SECONDS, *, pause: float = PAUSE_SECONDS) -> T:
    """What a function gives as soon as that is true; what it raises ends the wait.

    Args:
        condition: asks for what is awaited.
        seconds: how long it may take.
        pause: seconds between two attempts.

    Raises:
        NotYetError: it gave nothing true in that time.
    """

    def found() -> T:
        value = condition()
        if not value:
            raise NotYetError(f"still {value!r} after {seconds} s")
        return value

    return _again((NotYetError,), seconds, pause)(found)


def _again(meanwhile: tuple[type[Exception], ...], seconds: float, pause: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(meanwhile), wait=wait_fixed(pause), stop=stop_after_delay(seconds), reraise=True
    )
