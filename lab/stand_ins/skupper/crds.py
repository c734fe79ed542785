"""The lab's own, compact and strict CustomResourceDefinitions for Skupper.

Owns the files under crds/. They carry what upstream carries for the kinds that the lab works with: every type, format,
enum and required field, no `preserve-unknown-fields`.
"""

from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.controller.definitions import load

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return load(FOLDER)
