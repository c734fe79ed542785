"""The CustomResourceDefinition of NetworkObserver, as operator-sdk scaffolds it: nothing of `spec` is checked.

Owns the files under crds/. Source: skupper:scripts/skupper-network-observer-operator-generator.sh.
"""

from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.definitions import load

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return load(FOLDER)
