"""Waiting for what a test expects to become true."""

from collections.abc import Callable

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed


def eventually(check: Callable[[], object], seconds: float, *passing: type[Exception], pause: float = 0.05) -> None:
    """Try a function of asserts until it holds; the last failure is the test's.

    Args:
        check: what must hold.
        seconds: how long it may take.
        passing: what else may be raised meanwhile.
        pause: seconds between two attempts.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type((AssertionError, *passing)),
        wait=wait_fixed(pause),
        stop=stop_after_delay(seconds),
        reraise=True,
    ):
        with attempt:
            check()
