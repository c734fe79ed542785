"""ObjectStores of the barman-cloud plugin: which one a Cluster uses, and what opens it, brought to its servers.

Owns the files that Barman reads within a server's walls; no credential is in an environment or an argument. Where the
store is the lab's own, what its administrator would have made is made first (provisions.py).
"""

import base64
from dataclasses import dataclass

from lab.home import Home
from lab.kube import Manifest
from lab.object_store import ObjectStore
from lab.stand_ins.cnpg import barman
from lab.stand_ins.cnpg.barman import PLUGIN
from lab.stand_ins.cnpg.kinds import OBJECT_STORE
from lab.stand_ins.cnpg.provisions import provide
from lab.stand_ins.cnpg.server import Server
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET


class StoreError(Exception):
    """Why a store cannot be opened."""


@dataclass(frozen=True)
class Destination:
    """A folder in an object store: the ObjectStore's name and the folder's, which is the name of a server."""

    store: str
    server: str


@dataclass(frozen=True)
class Opened:
    """A destination that a server can open."""

    destination: Destination
    configuration: Manifest
    retention: str

    @property
    def place(self) -> tuple[str, Manifest, str]:
        """What each of Barman's command lines begins with: the store, how to reach it, and the folder."""
        return self.destination.store, self.configuration, self.destination.server


def archive_of(cluster: Manifest) -> Destination | None:
    """Where a Cluster's WAL and backups go; None for one without."""
    for plugin in cluster["spec"].get("plugins", []):
        if plugin["name"] == PLUGIN and plugin.get("enabled", True) and plugin.get("isWALArchiver"):
            return _destination(plugin.get("parameters", {}), cluster["metadata"]["name"])
    return None


def source_of(cluster: Manifest) -> Destination | None:
    """Where a Cluster is recovered from; None where that is no store of the plugin's."""
    source = cluster["spec"]["bootstrap"].get("recovery", {}).get("source")
    for external in cluster["spec"].get("externalClusters", []):
        if external["name"] == source and external.get("plugin", {}).get("name") == PLUGIN:
            return _destination(external["plugin"].get("parameters", {}), source)
    return None


def _destination(parameters: Manifest, server: str) -> Destination:
    return Destination(parameters.get("barmanObjectName", ""), parameters.get("serverName") or server)


class ObjectStores:
    """The ObjectStores of one API server."""

    def __init__(self, api: Api, home: Home) -> None:
        self._api = api
        self._own = ObjectStore(home)

    def open(self, server: Server, namespace: str, destination: Destination) -> Opened:
        """Give a server the files by which it opens a store.

        Raises:
            StoreError: there is no such store, or a Secret of it is missing.
        """
        found = self._api.get(OBJECT_STORE, namespace, destination.store)
        if found is None:
            raise StoreError(f'ObjectStore "{destination.store}" not found')
        configuration = found["spec"]["configuration"]
        provide(self._api, self._own, found)
        credentials = configuration.get("s3Credentials") or {}
        place = barman.folder(destination.store)
        server.files.write(f"{place}/credentials", self._credentials(namespace, credentials))
        if authority := configuration.get("endpointCA"):
            server.files.write(f"{place}/ca.crt", self._read(namespace, authority))
        region = self._read(namespace, credentials["region"]).decode() if credentials.get("region") else ""
        script = barman.runner(destination.store, has_authority=bool(authority), region=region)
        server.files.write(f"{place}/run", script.encode())
        return Opened(destination, configuration, found["spec"].get("retentionPolicy", ""))

    def note(self, namespace: str, destination: Destination, facts: Manifest) -> None:
        """Say in the ObjectStore's status what can be recovered of a folder."""
        body = {
            "metadata": {"name": destination.store},
            "status": {"serverRecoveryWindow": {destination.server: facts}},
        }
        self._api.patch(OBJECT_STORE, namespace, body, "status")

    def _credentials(self, namespace: str, given: Manifest) -> bytes:
        """A file of AWS' credentials. The role of the lab's pods opens the lab's store, as a cloud's would its own."""
        if given.get("inheritFromIAMRole"):
            if not self._own.url:
                raise StoreError("the pods have no role that opens the store")
            keys = self._own.keys()
            identity, secret = keys.identity.encode(), keys.secret.encode()
        elif "accessKeyId" in given and "secretAccessKey" in given:
            identity, secret = (self._read(namespace, given[key]) for key in ("accessKeyId", "secretAccessKey"))
        else:
            raise StoreError("the lab opens stores of S3 only: set s3Credentials")
        return b"[default]\naws_access_key_id = %b\naws_secret_access_key = %b\n" % (identity.strip(), secret.strip())

    def _read(self, namespace: str, reference: Manifest) -> bytes:
        found = self._api.get(SECRET, namespace, reference["name"])
        if found is None:
            raise StoreError(f'Secret "{reference["name"]}" not found')
        if reference["key"] not in (found.get("data") or {}):
            raise StoreError(f"missing key {reference['key']}, inside secret {reference['name']}")
        return base64.b64decode(found["data"][reference["key"]])
