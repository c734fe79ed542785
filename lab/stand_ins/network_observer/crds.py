"""The CustomResourceDefinition of NetworkObserver, as operator-sdk scaffolds it: nothing of `spec` is checked.

Owns the files under crds/. Source: skupper:scripts/skupper-network-observer-operator-generator.sh. Routes, which a
release may have, are OpenShift's; their definition is in openshift/.
"""

from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.definitions import load

FOLDER = Path(__file__).with_name("crds")
OPENSHIFT = Path(__file__).with_name("openshift")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return load(FOLDER)


def routes() -> list[Manifest]:
    """The CRD of Routes: what a cluster of OpenShift has of them, whoever is installed there."""
    return load(OPENSHIFT)
