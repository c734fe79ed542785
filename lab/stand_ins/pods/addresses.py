"""A pod's place in the lab's network: an address of its own, and the names that it can resolve.

There are no network namespaces: all of 127.0.0.0/8 is this machine's loopback, and a pod listens on its own address in
it by listening on `status.podIP`. The file of names of each namespace, <home>/network/<context>/<namespace>.hosts, is
kept by the lab's network.
"""

import hashlib
from pathlib import Path

from lab.home import Home, context_folder
from lab.stand_ins.pods.walls.plan import Mount

NAMES_FOLDER = "/lab/network"
"""Where a container finds the files of names; /etc/hosts is a link to its namespace's."""

_LOWEST, _HIGHEST = 128, 254


class NamesMissingError(Exception):
    """The namespace is so new that its file of names is not there yet."""


def address_of(uid: str) -> str:
    """The pod's address, 127.128.0.1 to 127.254.255.254, made from its UID.

    UIDs are random, so the pods of all clusters and labs of a machine keep out of one another's way without any record:
    among 100 pods two have the same address once in 1,600 labs.
    """
    digest = hashlib.sha256(uid.encode()).digest()
    second = _LOWEST + digest[0] % (_HIGHEST - _LOWEST + 1)
    return f"127.{second}.{digest[1]}.{1 + digest[2] % 254}"


def names_file(namespace: str) -> str:
    """What /etc/hosts stands for in a container of the namespace."""
    return f"{NAMES_FOLDER}/{namespace}.hosts"


def names(home: Home, context: str, namespace: str) -> Mount | None:
    """The files of names as a container gets them; None where the lab's network is not at work.

    Raises:
        NamesMissingError: the network has not written the namespace's yet; it does within moments.
    """
    folder = Path(home.root, "network", context_folder(context))
    if not folder.is_dir():
        return None
    if not (folder / f"{namespace}.hosts").exists():
        raise NamesMissingError
    return Mount(source=str(folder.resolve()), target=NAMES_FOLDER, read_only=True)
