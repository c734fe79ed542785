"""Whether the images of a Deployment could be pulled: the lab has no images, but their pull secrets are looked at.

Owns which registries want a login. What a login's password opens is not known here: any will do.
"""

import base64
import json

from lab.kube import Manifest
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET

PRIVATE = frozenset({"docker.enterprisedb.com"})
"""Registries of which nothing can be had without a login of one's own; a cluster's own pull secret opens the others."""

DOCKER_CONFIG = ".dockerconfigjson"


def unpullable(api: Api, deployment: Manifest) -> str:
    """The first image of the Deployment's pods that cannot be pulled, empty where all can be."""
    spec = deployment["spec"]["template"]["spec"]
    opened: set[str] | None = None
    for container in spec["containers"]:
        registry = container["image"].partition("/")[0]
        if registry in PRIVATE:
            opened = _opened(api, deployment) if opened is None else opened
            if registry not in opened:
                return str(container["image"])
    return ""


def _opened(api: Api, deployment: Manifest) -> set[str]:
    """The registries that the pods' pull secrets have a login for."""
    found: set[str] = set()
    for reference in deployment["spec"]["template"]["spec"].get("imagePullSecrets") or []:
        secret = api.get(SECRET, deployment["metadata"]["namespace"], reference["name"])
        data = (secret or {}).get("data") or {}
        try:
            found |= set(json.loads(base64.b64decode(data[DOCKER_CONFIG]))["auths"])
        except (KeyError, TypeError, ValueError):
            continue  # A kubelet goes on without a secret that is absent or holds something else.
    return found
