"""Where the lab keeps things, and the one exception that it raises on purpose.

Owns the layout of the lab's folders; creates a folder only when somebody asks for its path. Does not own what is
written there.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """One clear sentence for the person at the terminal: what is wrong, with which value, and what to do."""


@dataclass(frozen=True)
class Home:
    """The folders of one lab. Two labs with different roots share nothing but the build cache."""

    root: Path

    @classmethod
    def default(cls) -> "Home":
        """`$RHSI_LAB_HOME`, else `.lab/` in the checkout."""
        return cls(Path(os.environ.get("RHSI_LAB_HOME") or CHECKOUT / ".lab").absolute())

    def folder(self, *parts: str) -> Path:
        """A folder under the root, made on demand and readable by its owner only: keys and tokens live there."""
        path = self.root.joinpath(*parts)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def kubelet_socket(self, runner: str, context: str) -> Path:
        """Where one who runs pods of a context (`pods`, `cnpg`) answers the kubelet's questions about them."""
        return self.folder(runner, context_folder(context)) / "kubelet.sock"

    @property
    def logs(self) -> Path:
        """One file a process, named `<process>.log`."""
        return self.folder("logs")


def context_folder(context: str) -> str:
    """A kubeconfig context as a folder's name; OpenShift's contexts contain slashes and colons."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", context)


def cache_path() -> Path:
    """Where `cache_folder` is, or will be: `$RHSI_CACHE`, else `rhsi` under the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RHSI_CACHE") or Path(base) / "rhsi").absolute()


def cache_folder() -> Path:
    """What takes minutes to build, shared by every checkout.

    Raises:
        LabError: the folder cannot be made.
    """
    path = cache_path()
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"The folder {path}, for what the lab builds, cannot be made ({error.strerror}): "
            "set RHSI_CACHE to one that can."
        ) from error
    return path
