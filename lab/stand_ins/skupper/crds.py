"""The lab's own, compact and strict CustomResourceDefinitions for Skupper.

Owns the files under crds/. They carry what upstream carries for the kinds that the lab works with: every type, format,
enum and required field, no `preserve-unknown-fields`.
"""

from pathlib import Path
from typing import cast

import yaml
from kubernetes.dynamic import DynamicClient

from lab.kube import Manifest
from lab.stand_ins.controller import definitions as controller
from lab.stand_ins.skupper.api import MANAGER, Api

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs, ordered by name."""
    return [cast("Manifest", yaml.safe_load(path.read_text())) for path in sorted(FOLDER.glob("*.yaml"))]


def install(client: DynamicClient) -> None:
    """Apply all CRDs and wait until the API server serves them; changes nothing where they are there already.

    Raises:
        LabError: one is not established within 30 s.
        kubernetes.client.exceptions.ApiException: the API server refuses one.
    """
    controller.install(Api(client, MANAGER), definitions())
