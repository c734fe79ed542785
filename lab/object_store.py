"""The lab's own S3 server: where it is and what opens it, for everybody who uses it.

Owns the files in the home's `object-store` folder. Does not run the server (lab/servers/object_store.py). Its content
is in memory only: it is gone when the server ends, which `python -m lab down` and a killed lab do.
"""

import json
import secrets
from dataclasses import dataclass, field

from lab.certificates import Authority
from lab.files import write_private
from lab.home import Home

AUTHORITY_SECRET = "lab-object-store-ca"  # noqa: S105 - the name of a Secret, no secret


@dataclass(frozen=True)
class Keys:
    """What opens the store."""

    identity: str
    secret: str = field(repr=False)


class ObjectStore:
    """The store of one lab."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.root / "object-store"

    @property
    def authority(self) -> Authority:
        """Who signs its certificate."""
        return Authority(self._home.folder("object-store"), "object-store-ca")

    @property
    def url(self) -> str:
        """Its address; empty as long as nobody has asked for a store."""
        file = self._folder / "url"
        return file.read_text() if file.exists() else ""

    def place(self, url: str) -> None:
        """Remember the address, and make the keys with the first one."""
        self._home.folder("object-store")
        file = self._folder / "keys.json"
        if not file.exists():
            keys = {"identity": secrets.token_hex(8), "secret": secrets.token_urlsafe(24)}
            write_private(file, json.dumps(keys).encode())
        write_private(self._folder / "url", url.encode())

    def keys(self) -> Keys:
        """The keys of a store that has an address."""
        return Keys(**json.loads((self._folder / "keys.json").read_text()))
