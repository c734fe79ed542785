"""The Node `lab` and its lease.

A pod on a node that does not exist is deleted as orphaned within two minutes, and one on a node without a heartbeat is
evicted (kubernetes: pkg/controller/podgc, pkg/controller/nodelifecycle). So the runner keeps a Node, with a taint that
keeps schedulers away. It stays when the runner stops: the finished pods on it are still worth reading.
"""

import logging
import os
import socket
import threading
from datetime import UTC, datetime

import psutil
from kubernetes.dynamic.exceptions import ForbiddenError

from lab.kube import Manifest
from lab.stand_ins.controller.api import UNREACHABLE
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.controller.kinds import LEASE
from lab.stand_ins.controller.kinds import NODE as NODES
from lab.stand_ins.pods.cluster import NODE, Cluster
from lab.stand_ins.pods.status import LOOPBACK

HEARTBEAT_SECONDS = 10.0
LEASE_NAMESPACE = "kube-node-lease"
_TAINT = {"key": "rhsi-lab", "value": "runner-only", "effect": "NoSchedule"}

logger = logging.getLogger(__name__)


def node_manifest() -> Manifest:
    """The Node: closed to schedulers, because only pods that the runner chooses run here."""
    return {
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}},
        "spec": {"unschedulable": True, "taints": [_TAINT]},
    }


def node_status(kubelet_port: int | None) -> Manifest:
    """The Node with the status of a healthy kubelet, which serves at that port."""
    capacity = {"cpu": str(os.cpu_count() or 1), "memory": str(psutil.virtual_memory().total), "pods": "110"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "the lab's pod runner is ready",
        "lastHeartbeatTime": timestamp(),
        "lastTransitionTime": timestamp(),
    }
    addresses = [{"type": "InternalIP", "address": LOOPBACK}, {"type": "Hostname", "address": socket.gethostname()}]
    status = {"conditions": [ready], "addresses": addresses, "capacity": capacity, "allocatable": capacity}
    if kubelet_port:
        status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": kubelet_port}}
    return {"metadata": {"name": NODE}, "status": status}


def lease_manifest() -> Manifest:
    """The heartbeat."""
    renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "metadata": {"name": NODE},
        "spec": {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": renewed},
    }


class Heartbeat:
    """Makes the Node and keeps its lease fresh, in a thread of its own."""

    def __init__(self, cluster: Cluster, kubelet_port: int | None = None) -> None:
        self._cluster = cluster
        self._kubelet_port = kubelet_port
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{cluster.context}", daemon=True)

    def start(self) -> None:
        """Make the Node, then beat. Where the user may not make one, pods that run for minutes are at risk."""
        try:
            self._register()
        except ForbiddenError:
            logger.warning("%s: no right to make the Node %s; going on without", self._cluster.context, NODE)
            return
        self._thread.start()

    def stop(self) -> None:
        """End the heartbeat; the Node stays."""
        self._stopped.set()

    def _register(self) -> None:
        self._cluster.apply(NODES, None, node_manifest())
        self._cluster.apply(NODES, None, node_status(self._kubelet_port), "status")
        self._renew()

    def _renew(self) -> None:
        self._cluster.apply(LEASE, LEASE_NAMESPACE, lease_manifest())

    def _beat(self) -> None:
        well = True
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            try:
                if well:
                    self._renew()
                else:
                    # The API server was away: it may have forgotten the Node, or given it up.
                    self._register()
                well = True
            except UNREACHABLE as error:
                well = False
                logger.debug("%s: heartbeat: %s", self._cluster.context, type(error).__name__)
