"""From a Deployment to its pod, for releases only: the lab's clusters have no deployment controller.

Owns the ReplicaSet of each state of a Deployment, its one pod, and both objects' status. Which pods run, the lab's
runner of pods decides (lab/stand_ins/pods).
"""

import hashlib
import json

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEPLOYMENT, POD, REPLICA_SET

HASH = "pod-template-hash"
ENDED = ("Succeeded", "Failed")


def roll_out(cluster: WatchedCluster, deployment: Manifest) -> None:
    """Make ReplicaSet and pod what the Deployment asks for, and write what has come of it."""
    metadata, template = deployment["metadata"], deployment["spec"]["template"]
    state = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    labels = {**template["metadata"]["labels"], HASH: state}
    selector = {**deployment["spec"]["selector"]["matchLabels"], HASH: state}
    replica_set = cluster.api.apply(
        REPLICA_SET,
        metadata["namespace"],
        {
            "metadata": {
                "name": f"{metadata['name']}-{state}",
                "labels": labels,
                "ownerReferences": [_controller(DEPLOYMENT, deployment)],
            },
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": selector},
                "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            },
        },
    )
    _remove_others(cluster, deployment, replica_set)
    pod = _pod(cluster, replica_set)
    ready = int(conditions.is_true(pod.get("status") or {}, "Ready"))
    _report(cluster, deployment, ready)


def _remove_others(cluster: WatchedCluster, deployment: Manifest, present: Manifest) -> None:
    """Delete the ReplicaSets of earlier states; the garbage collector takes their pods."""
    for one in cluster.api.list(REPLICA_SET, deployment["metadata"]["namespace"]):
        owners = one["metadata"].get("ownerReferences") or []
        ours = any(owner["uid"] == deployment["metadata"]["uid"] for owner in owners)
        if ours and one["metadata"]["uid"] != present["metadata"]["uid"]:
            options = {"propagationPolicy": "Background"}
            cluster.api.delete(REPLICA_SET, one["metadata"]["namespace"], one["metadata"]["name"], options)


def _pod(cluster: WatchedCluster, replica_set: Manifest) -> Manifest:
    """The ReplicaSet's pod, a new one where there is none or it has ended."""
    metadata = replica_set["metadata"]
    wanted = ",".join(f"{key}={value}" for key, value in replica_set["spec"]["selector"]["matchLabels"].items())
    for pod in cluster.api.list(POD, metadata["namespace"], wanted):
        if pod["metadata"].get("deletionTimestamp"):
            continue
        if (pod.get("status") or {}).get("phase") not in ENDED:
            return pod
        cluster.api.delete(POD, metadata["namespace"], pod["metadata"]["name"])
    template = replica_set["spec"]["template"]
    body = {
        "metadata": {
            **{key: template["metadata"].get(key) or {} for key in ("labels", "annotations")},
            "generateName": f"{metadata['name']}-",
            "ownerReferences": [_controller(REPLICA_SET, replica_set)],
        },
        "spec": template["spec"],
    }
    return cluster.api.create(POD, metadata["namespace"], body)


def _report(cluster: WatchedCluster, deployment: Manifest, ready: int) -> None:
    metadata, status = deployment["metadata"], dict(deployment.get("status") or {})
    before = json.dumps(status, sort_keys=True)
    status |= {
        "observedGeneration": metadata["generation"],
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": 1 - ready,
    }
    reason = "MinimumReplicasAvailable" if ready else "MinimumReplicasUnavailable"
    conditions.put(status, "Available", "True" if ready else "False", reason=reason, message="")
    if json.dumps(status, sort_keys=True) != before:
        cluster.observed(DEPLOYMENT, cluster.api.replace_status(DEPLOYMENT, {**deployment, "status": status}))


def _controller(kind: Kind, owner: Manifest) -> Manifest:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
