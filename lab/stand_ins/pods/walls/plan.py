"""What one container gets, decided: the hand-over from the runner to the process that builds the walls.

Owns the two records and their text form. Standard library only, as everything that `confinement.py` imports.
"""

import json
import signal
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or folder of the machine (`source`, without symbolic links) that the container sees at `target`."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that one container gets.

    `scratch` is an empty folder for the root file system, which is kept in memory. `hosts` is the file within the
    container that /etc/hosts stands for, empty for the machine's own. `stop_signal` is what asks the command to end.
    """

    scratch: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    hostname: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    working_dir: str = "/"
    read_only_root: bool = False
    mounts: tuple[Mount, ...] = ()
    hosts: str = ""
    stop_signal: int = signal.SIGTERM

    def encode(self) -> bytes:
        """As the confined process reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> "Plan":
        """The inverse of `encode`."""
        parts = json.loads(encoded)
        for key in ("argv", "groups"):
            parts[key] = tuple(parts[key])
        return cls(**{**parts, "mounts": tuple(Mount(**mount) for mount in parts["mounts"])})
