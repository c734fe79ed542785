"""CatalogSources: whether each can be pulled, and what it then holds.

Owns `status` of every CatalogSource, and which catalogues a namespace sees. A catalogue is known by the last part of
its image's path, so a mirror of one serves the same; every other image cannot be pulled.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lab.kube import Manifest
from lab.stand_ins.controller.api import split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.olm import registry
from lab.stand_ins.olm.bundles import Bundle, Package
from lab.stand_ins.olm.kinds import CATALOG_SOURCE, MARKETPLACE
from lab.stand_ins.olm.manifests import publish
from lab.stand_ins.olm.packages import catalogues
from lab.stand_ins.pods.containers.images import short_name

CONNECTING, READY, FAILED = "CONNECTING", "READY", "TRANSIENT_FAILURE"
PORT = 50051


class SourceKey(NamedTuple):
    """Namespace and name of a CatalogSource."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Catalogue:
    """A CatalogSource as the resolver sees it: its packages, or why they cannot be listed."""

    packages: tuple[Package, ...] = ()
    error: str = ""


class Sources:
    """The CatalogSources of one cluster."""

    def __init__(self, cluster: WatchedCluster, changed: Callable[[str], None]) -> None:
        """`changed` is told the namespace of a CatalogSource whose state is another one."""
        self._cluster = cluster
        self._changed = changed
        self.connected = threading.Event()
        """Whether OpenShift's own have been connected to once, or cannot be."""

    def check(self, key: str) -> None:
        """Connect, as far as a catalogue can be pulled (catalog/operator.go: syncConnection)."""
        source = self._cluster.get(CATALOG_SOURCE, *split_key(key))
        namespace, name = split_key(key)
        if source is None:
            publish(self._cluster.api, namespace, name, ())
            self._changed(namespace)
            return
        state = self._state(source)
        connected = CONNECTING if state == "" else READY if _packages(source) is not None else FAILED
        if state != connected:
            self._write(source, connected)
            self._changed(namespace)
        if connected != CONNECTING:
            publish(self._cluster.api, namespace, name, _packages(source) or ())
            registry.show(self._cluster.api, source, runs=connected == READY)
        if all(self._state(one) not in ("", CONNECTING) for one in self._cluster.items(CATALOG_SOURCE, MARKETPLACE)):
            self.connected.set()

    def seen_from(self, namespace: str) -> dict[SourceKey, Catalogue]:
        """The catalogues that count in a namespace: its own, and those of OpenShift's marketplace."""
        places = dict.fromkeys([namespace, MARKETPLACE])
        found = (one for place in places for one in self._cluster.items(CATALOG_SOURCE, place))
        return {_key(source): self._catalogue(source) for source in found}

    def known(self, namespace: str) -> Iterator[Manifest]:
        """The CatalogSources that count in a namespace."""
        for place in dict.fromkeys([namespace, MARKETPLACE]):
            yield from self._cluster.items(CATALOG_SOURCE, place)

    def bundle(self, key: SourceKey, name: str) -> Bundle | None:
        """The bundle of that CSV's name; None where the catalogue does not have it, or cannot be asked."""
        source = self._cluster.get(CATALOG_SOURCE, *key)
        packages = self._catalogue(source).packages if source else ()
        entries = (entry for package in packages for channel in package.channels.values() for entry in channel)
        return next((entry.bundle for entry in entries if entry.bundle.name == name), None)

    def _catalogue(self, source: Manifest) -> Catalogue:
        metadata, state = source["metadata"], self._state(source)
        if state == "":
            where = f"{metadata['namespace']}/{metadata['name']}"
            return Catalogue(error=f"no registry client established for catalogsource {where}")
        packages = _packages(source)
        if state != READY or packages is None:
            address = _address(source)
            return Catalogue(
                error="failed to list bundles: rpc error: code = Unavailable desc = connection error: desc = "
                f'"transport: Error while dialing: dial tcp {address}: connect: connection refused"'
            )
        return Catalogue(packages)

    @staticmethod
    def _state(source: Manifest) -> str:
        status = source.get("status") or {}
        return str((status.get("connectionState") or {}).get("lastObservedState") or "")

    def _write(self, source: Manifest, state: str) -> None:
        metadata, status = source["metadata"], source.setdefault("status", {})
        status["connectionState"] = {
            "address": _address(source),
            "lastObservedState": state,
            "lastConnect": timestamp(),
        }
        status.setdefault(
            "registryService",
            {
                "createdAt": timestamp(),
                "port": str(PORT),
                "protocol": "grpc",
                "serviceName": metadata["name"],
                "serviceNamespace": metadata["namespace"],
            },
        )
        self._cluster.update_status(CATALOG_SOURCE, source)


def _key(source: Manifest) -> SourceKey:
    return SourceKey(source["metadata"]["namespace"], source["metadata"]["name"])


def _packages(source: Manifest) -> tuple[Package, ...] | None:
    return catalogues().get(short_name(source["spec"].get("image") or ""))


def _address(source: Manifest) -> str:
    own = source["spec"].get("address")
    return str(own) if own else f"{source['metadata']['name']}.{source['metadata']['namespace']}.svc:{PORT}"
