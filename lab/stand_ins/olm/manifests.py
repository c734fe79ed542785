"""PackageManifests: what each catalogue has, for people and programs to read.

Owns these objects, which upstream's package server computes for every request (pkg/package-server). They are in the
namespace of their catalogue, by the package's name: two catalogues of one namespace with the same package show one.
"""

import contextlib
from pathlib import Path

from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.stand_ins.controller import definitions
from lab.stand_ins.controller.api import Api, Kind
from lab.stand_ins.olm.bundles import Package

MANIFEST = Kind("packages.operators.coreos.com/v1", "PackageManifest", "packagemanifests")
FOLDER = Path(__file__).with_name("crds")


def definition() -> list[Manifest]:
    """The lab's own definition of the kind."""
    return definitions.load(FOLDER)


def publish(api: Api, namespace: str, source: str, packages: tuple[Package, ...]) -> None:
    """Let the PackageManifests of a CatalogSource be those of these packages, none for none."""
    labels = {"catalog": source, "catalog-namespace": namespace}
    present = api.list(MANIFEST, namespace, ",".join(f"{key}={value}" for key, value in labels.items()))
    wanted = {package.name: package for package in packages}
    for name in {one["metadata"]["name"] for one in present} - wanted.keys():
        api.delete(MANIFEST, namespace, name)
    for name in wanted.keys() - {one["metadata"]["name"] for one in present}:
        body = {"metadata": {"name": name, "labels": labels}, "status": _status(namespace, source, wanted[name])}
        with contextlib.suppress(ConflictError):
            api.create(MANIFEST, namespace, body)


def _status(namespace: str, source: str, package: Package) -> Manifest:
    return {
        "catalogSource": source,
        "catalogSourceNamespace": namespace,
        "packageName": package.name,
        "defaultChannel": package.default_channel,
        "channels": [
            {
                "name": channel,
                "currentCSV": entries[-1].bundle.name,
                "entries": [{"name": one.bundle.name, "version": one.bundle.version} for one in reversed(entries)],
            }
            for channel, entries in sorted(package.channels.items())
        ],
    }
