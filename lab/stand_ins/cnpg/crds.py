"""The lab's own, compact and strict CustomResourceDefinitions for both API groups.

Owns the files under crds/, which are written for the community's group; EDB's differ by the name of the group only.
"""

import json
from pathlib import Path

from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import COMMUNITY, GROUPS
from lab.stand_ins.controller.definitions import load

FOLDER = Path(__file__).with_name("crds")


def definitions() -> list[Manifest]:
    """The CRDs of both groups, and the Barman Cloud plugin's own, which is in neither, ordered by name."""
    texts = {json.dumps(found) for found in load(FOLDER)}
    texts |= {text.replace(COMMUNITY.name, group.name) for text in texts for group in GROUPS}
    return sorted((json.loads(text) for text in texts), key=lambda found: str(found["metadata"]["name"]))
