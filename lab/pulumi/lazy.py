"""Client libraries, imported when they are first needed: each takes a part of a second that not every run should pay.

One at a time, because they share modules that import each other, and threads would meet these half made.
"""

import importlib
import threading
from typing import Any

_lock = threading.RLock()


def load(name: str) -> Any:
    """The module of that name."""
    with _lock:
        return importlib.import_module(name)
