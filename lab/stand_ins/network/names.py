"""The names of a cluster's Services and pods as hosts files, one for each namespace.

What a cluster's DNS would answer: every Service of the cluster by its longer names, those of the own namespace by the
short one too. A headless Service is its pods. A process that has such a file as /etc/hosts sees changes at once.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LOCAL = "127.0.0.1 localhost\n"


@dataclass(frozen=True, order=True)
class Name:
    """A Service's or a pod's name and one of its addresses; `name` may have several parts, as `pod.service`."""

    namespace: str
    name: str
    address: str


def hosts(names: Iterable[Name], namespace: str) -> str:
    """The hosts file of a namespace."""
    lines = []
    for found in sorted(set(names)):
        qualified = f"{found.name}.{found.namespace}"
        aliases = [f"{qualified}.svc.cluster.local", f"{qualified}.svc", qualified]
        if found.namespace == namespace:
            aliases.append(found.name)
        lines.append(f"{found.address} {' '.join(aliases)}\n")
    return LOCAL + "".join(lines)


class HostsFiles:
    """The files in one folder, `<namespace>.hosts`, written where they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, str] = {}

    def write(self, namespaces: Iterable[str], names: Iterable[Name]) -> None:
        """Bring the files of these namespaces up to date, and those that were written before."""
        found = list(names)
        for namespace in {*namespaces, *self._written}:
            text = hosts(found, namespace)
            if self._written.get(namespace) != text:
                _overwrite(self._folder / f"{namespace}.hosts", text.encode())
                self._written[namespace] = text


def _overwrite(file: Path, content: bytes) -> None:
    """Give the file this content in place: one that is shown as /etc/hosts by a bind mount does not follow a rename.

    With a single write that covers all that was there, so that whoever reads meanwhile finds no half a line.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        # Pods run under UIDs of their own.
        os.fchmod(descriptor, 0o644)
        os.pwrite(descriptor, content.ljust(os.fstat(descriptor).st_size, b"\n"), 0)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
