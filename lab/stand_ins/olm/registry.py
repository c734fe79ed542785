"""The pod of a CatalogSource, which serves its catalogue: an object that shows how far it is, and nothing that runs.

Owns these pods (pkg/controller/registry/reconciler). The lab's runner of pods leaves them alone.
"""

import hashlib

from lab.kube import Manifest
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.controller.kinds import POD
from lab.stand_ins.olm.kinds import CATALOG_SOURCE, MANAGED, non_blocking_owner

CONTAINER = "registry-server"
LABEL = "olm.catalogSource"


def show(api: Api, source: Manifest, *, runs: bool) -> None:
    """Let the source have a pod of its present image, which runs, or waits for an image that cannot be pulled."""
    metadata, image = source["metadata"], source["spec"].get("image")
    if not image:
        return  # It has an address instead.
    name = f"{metadata['name']}-{hashlib.sha256(image.encode()).hexdigest()[:5]}"
    for pod in api.list(POD, metadata["namespace"], f"{LABEL}={metadata['name']}"):
        if pod["metadata"]["name"] == name:
            return
        api.delete(POD, metadata["namespace"], pod["metadata"]["name"], {"gracePeriodSeconds": 0})
    body = {
        "metadata": {
            "name": name,
            "labels": {LABEL: metadata["name"], **MANAGED},
            "ownerReferences": [non_blocking_owner(CATALOG_SOURCE, source)],
        },
        "spec": {"containers": [{"name": CONTAINER, "image": image, "ports": [{"containerPort": 50051}]}]},
    }
    api.create(POD, metadata["namespace"], body)
    api.patch(POD, metadata["namespace"], {"metadata": {"name": name}, "status": _status(image, runs=runs)}, "status")


def _status(image: str, *, runs: bool) -> Manifest:
    waits = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
    container = {
        "name": CONTAINER,
        "image": image,
        "imageID": image if runs else "",
        "ready": runs,
        "restartCount": 0,
        "state": {"running": {"startedAt": timestamp()}} if runs else {"waiting": waits},
    }
    ready = {"type": "Ready", "status": "True" if runs else "False", "lastTransitionTime": timestamp()}
    return {"phase": "Running" if runs else "Pending", "conditions": [ready], "containerStatuses": [container]}
