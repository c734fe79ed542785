"""The lab's own, compact and strict CustomResourceDefinitions for both API groups, and how they are installed.

Owns the files under crds/, which are written for the community's group; EDB's differ by the name of the group only.
"""

from pathlib import Path
from typing import cast

import yaml
from kubernetes.dynamic import DynamicClient

from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import COMMUNITY, GROUPS, MANAGER
from lab.stand_ins.controller import definitions as controller
from lab.stand_ins.controller.api import Api

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs of both groups, and the Barman Cloud plugin's own, ordered by name."""
    texts = {path.read_text() for path in FOLDER.glob("*.yaml")}
    texts |= {text.replace(COMMUNITY.name, group.name) for text in texts for group in GROUPS}
    found = [cast("Manifest", yaml.safe_load(text)) for text in texts]
    return sorted(found, key=lambda definition: str(definition["metadata"]["name"]))


def install(client: DynamicClient) -> None:
    """Apply all CRDs and wait until the API server serves them; changes nothing where they are there already.

    Raises:
        LabError: one is not established within 30 s.
        kubernetes.client.exceptions.ApiException: the API server refuses one.
    """
    controller.install(Api(client, MANAGER), definitions())
