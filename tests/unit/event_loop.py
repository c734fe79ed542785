"""Coroutines run to their end beside the event loop that all programs of a test process share."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, from a loop of its own.

    The Pulumi SDK takes its thread's loop, and `asyncio.run` ends by leaving the thread without one: every program that
    the same process runs later would fail.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
