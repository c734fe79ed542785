"""The lab's own, compact CustomResourceDefinitions of Red Hat's External Secrets Operator, as far as they are used.

Owns the files under crds/. Those of External Secrets itself are upstream's (lab/binaries/definitions.py).
"""

from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.definitions import load

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return load(FOLDER)
