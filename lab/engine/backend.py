"""Where stacks are kept: the layout of Pulumi's file backend below `PULUMI_BACKEND_URL=file://<folder>`.

`.pulumi/stacks/<project>/<stack>.json` holds a stack's checkpoint; while somebody changes it there is a
`.pulumi/locks/organization/<project>/<stack>/<uuid>.json`. Source: pulumi:pkg/backend/diy/{state,lock,backend}.go.
"""

import contextlib
import getpass
import json
import os
import socket
import tempfile
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engine.errors import EngineError, StackNotFoundError
from lab.engine.state import now

ORGANIZATION = "organization"


@dataclass(frozen=True)
class StackName:
    """A stack's name within its project; the file backend knows only one organization."""

    project: str
    stack: str

    @property
    def qualified(self) -> str:
        """`organization/<project>/<stack>`, as StackReferences name it."""
        return f"{ORGANIZATION}/{self.project}/{self.stack}"

    @classmethod
    def parse(cls, text: str, project: str) -> "StackName":
        """A name as users write it: `<stack>`, or `organization/<project>/<stack>`.

        Raises:
            EngineError: it is neither, or its organization is another one.
        """
        parts = text.split("/")
        if len(parts) == 1:
            return cls(project, text)
        if len(parts) == 3 and parts[0] == ORGANIZATION:
            return cls(parts[1], parts[2])
        raise EngineError(f"invalid stack reference {text!r}: use <stack> or {ORGANIZATION}/<project>/<stack>")


class Backend:
    """The stacks below one folder."""

    def __init__(self, root: Path) -> None:
        self._url = f"file://{root}"
        self._stacks = root / ".pulumi" / "stacks"
        self._locks = root / ".pulumi" / "locks"

    @classmethod
    def from_environment(cls) -> "Backend":
        """The backend that `PULUMI_BACKEND_URL` names.

        Raises:
            EngineError: it is unset, or no file URL of an existing folder.
        """
        url = os.environ.get("PULUMI_BACKEND_URL", "")
        path = urllib.parse.unquote(url.removeprefix("file://").split("?")[0])
        root = Path(path).expanduser()
        if not url.startswith("file://") or not path or not root.is_dir():
            raise EngineError(f"PULUMI_BACKEND_URL must be file:// and an existing folder, not {url!r}")
        return cls(root.absolute())

    def _file(self, name: StackName) -> Path:
        return self._stacks / name.project / f"{name.stack}.json"

    def exists(self, name: StackName) -> bool:
        """Whether the stack was made and not removed."""
        return self._file(name).is_file()

    def list(self, project: str) -> list[StackName]:
        """The project's stacks, by name."""
        return [StackName(project, file.stem) for file in sorted((self._stacks / project).glob("*.json"))]

    def load(self, name: StackName) -> dict[str, Any]:
        """The stack's deployment as its file holds it; {} for a stack that nothing was ever deployed to.

        Raises:
            StackNotFoundError: there is no such stack.
        """
        try:
            document = json.loads(self._file(name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StackNotFoundError(name.stack) from error
        latest: dict[str, Any] = document["checkpoint"].get("latest") or {}
        return latest

    def save(self, name: StackName, deployment: dict[str, Any]) -> None:
        """Replace the stack's deployment; a reader sees the old file or the new one, whole."""
        checkpoint = {"stack": name.qualified, "latest": deployment}
        write_atomically(self._file(name), json.dumps({"version": 3, "checkpoint": checkpoint}))
        meta = self._stacks.parent / "meta.yaml"
        if not meta.exists():
            write_atomically(meta, "version: 1\n")

    def remove(self, name: StackName) -> None:
        """Forget the stack."""
        self._file(name).unlink()

    @contextlib.contextmanager
    def lock(self, name: StackName) -> Iterator[None]:
        """Hold the stack's lock.

        Raises:
            EngineError: somebody holds it; the words are Pulumi's.
        """
        self._refuse_if_locked(name, None)
        folder = self._locks / name.qualified
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{uuid.uuid4()}.json"
        owner = {
            "pid": os.getpid(),
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "timestamp": now(),
        }
        write_atomically(file, json.dumps(owner))
        try:
            self._refuse_if_locked(name, file)
            yield
        finally:
            file.unlink(missing_ok=True)

    def _refuse_if_locked(self, name: StackName, own: Path | None) -> None:
        lines = []
        for file in sorted((self._locks / name.qualified).glob("*.json")):
            if file == own:
                continue
            try:
                owner = json.loads(file.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            where = f"{self._url}/{file.relative_to(self._locks.parent.parent)}"
            who = f"{owner['username']}@{owner['hostname']} (pid {owner['pid']})"
            lines.append(f"\n  {where}: created by {who} at {owner['timestamp']}")
        if lines:
            raise EngineError(
                f"the stack is currently locked by {len(lines)} lock(s). Either wait for the other process(es) to end "
                f"or delete the lock file with `pulumi cancel`.{''.join(lines)}"
            )

    def cancel(self, name: StackName) -> None:
        """Remove every lock of the stack, whoever holds it."""
        for file in (self._locks / name.qualified).glob("*.json"):
            file.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
