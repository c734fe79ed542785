"""PostgreSQL's major versions: which ones the program runs, and which one an image has by its name.

The data of one major version is nothing that another one reads, and a standby must have its primary's (PostgreSQL's
documentation, "Upgrading a PostgreSQL Cluster" and "Log-Shipping Standby Servers").
"""

import re

USUAL = 16
# `postgres:17.2`, `postgresql-17-c9s:c9s`; a digest has no name in it.
_IN_NAME = re.compile(r"postgres(?:ql)?[-_:]?(1[0-9])(?![0-9])")


def told_by(image: str) -> int | None:
    """The major version that the last part of an image's name tells; None where it tells none."""
    found = _IN_NAME.search(image.partition("@")[0].rpartition("/")[2])
    return int(found[1]) if found else None


def image_of(usual: str, version: int) -> str:
    """The image of another major version, after the pattern of the one that has `USUAL`."""
    path, slash, name = usual.rpartition("/")
    return f"{path}{slash}{name.replace(str(USUAL), str(version), 1)}"
