"""Which pods of a cluster run here: hears of them, hands each one its news, and finds one for the kubelet's streams.

Owns the table of living pods. Takes the pods of Jobs, StatefulSets and ReplicaSets that no scheduler has placed;
everything else it leaves alone.
"""

import logging
import threading
import time

from lab.home import Home, context_folder
from lab.kube import Manifest
from lab.stand_ins.controller.api import UNREACHABLE
from lab.stand_ins.controller.informer import Change, Informer
from lab.stand_ins.controller.kinds import POD
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.pods.answers import Answers
from lab.stand_ins.pods.cluster import NODE, Cluster
from lab.stand_ins.pods.known import KnownPod, statuses_of
from lab.stand_ins.pods.machine import check_confinement, tools
from lab.stand_ins.pods.node import Heartbeat
from lab.stand_ins.pods.pod import Pod
from lab.stand_ins.pods.status import TERMINAL
from lab.stand_ins.pods.storage.provisioner import Provisioner
from lab.stand_ins.pods.workspace import Workspace

OWNER_KINDS = frozenset({"Job", "StatefulSet", "ReplicaSet"})
"""Kinds of controllers whose pods run here. ReplicaSets are those of lab/stand_ins/network_observer."""

STOP_SECONDS = 4.0
"""How long all pods together get at the runner's end: those of Jobs end within 0.7 s, a database may need longer."""

logger = logging.getLogger(__name__)


def runs_here(pod: Manifest) -> bool:
    """Whether the pod is this runner's: a Job's or StatefulSet's, and placed nowhere or on the Node `lab`."""
    owners = pod["metadata"].get("ownerReferences") or []
    owned = any(owner.get("controller") and owner["kind"] in OWNER_KINDS for owner in owners)
    spec = pod["spec"]
    return owned and spec.get("nodeName", NODE) in ("", NODE) and not spec.get("schedulingGates")


def is_terminal(pod: Manifest) -> bool:
    """Whether the pod has ended, so that nothing of it can run any more."""
    return (pod.get("status") or {}).get("phase") in TERMINAL


def has_run(pod: Manifest) -> bool:
    """Whether a runner has started containers of the pod already."""
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return any(container.get("containerID") for container in containers)


class Runner:
    """The node of one cluster."""

    def __init__(self, context: str, namespaces: tuple[str, ...], home: Home, kubelet_port: int | None = None) -> None:
        """Check everything that can be known before the first pod comes.

        `kubelet_port` is where the node's kubelet serves, which asks this runner; the Node says so.

        Raises:
            LabError: the context, kubectl or the kernel's namespaces are absent, or another runner is at work.
        """
        self.context = context
        self._workspace = Workspace(home, context)
        try:
            check_confinement(self._workspace)
            self._tools = tools()
            self._cluster = Cluster(context)
        except BaseException:
            self._workspace.close()
            raise
        scopes: tuple[str | None, ...] = namespaces or (None,)
        folder = home.folder("volumes", context_folder(context))
        self._heartbeat = Heartbeat(self._cluster, kubelet_port)
        self._answers = Answers(home.kubelet_socket("pods", context), self._find)
        self._provisioner = Provisioner(self._cluster, folder, scopes)
        self._pods: dict[str, Pod] = {}
        self._table = threading.Lock()
        self._stopped = threading.Event()
        self._informers = [Informer(self._cluster.client, POD, self._take, namespace=scope) for scope in scopes]

    def start(self) -> None:
        """Begin to watch, in threads of its own."""
        self._answers.start()
        self._heartbeat.start()
        self._provisioner.start()
        for informer in self._informers:
            informer.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether all pods that were there at the start are taken care of."""
        return all(informer.synced.wait(timeout) for informer in self._informers)

    def stop(self) -> None:
        """End every process within seconds; pods that the next runner cannot go on with are reported as failed."""
        self._stopped.set()
        self._answers.stop()
        self._heartbeat.stop()
        self._provisioner.stop()
        for informer in self._informers:
            informer.stop()
        with self._table:
            pods = list(self._pods.values())
        for pod in pods:
            pod.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for pod in pods:
            pod.join(max(0.0, deadline - time.monotonic()))
            pod.kill()
        self._workspace.close()

    def _find(self, namespace: str, name: str) -> KnownPod | None:
        """A pod that runs here or has ended here, also under an earlier runner."""
        with self._table:
            pods = list(self._pods.values())
        if living := next((pod for pod in pods if pod.key == (namespace, name)), None):
            return living.known()
        past = self._cluster.get(POD, namespace, name)
        if past is None or not runs_here(past):
            return None
        return KnownPod(
            name=name,
            address=address_of(past["metadata"]["uid"]),
            statuses=statuses_of(past),
            log=lambda container: self._workspace.log(past, container),
        )

    def _take(self, change: Change, pod: Manifest) -> None:
        uid = pod["metadata"]["uid"]
        if change == "DELETED":
            self._forget(uid)
            return
        living = self._pods.get(uid)
        if living is None and not is_terminal(pod):
            if runs_here(pod) and not self._stopped.is_set():
                self._begin(pod)
        elif living is None or not living.update(pod):
            self._let_go(pod)

    def _begin(self, pod: Manifest) -> None:
        fresh = Pod(pod, self._cluster, self._workspace, self._tools, lost=has_run(pod))
        with self._table:
            self._pods[fresh.uid] = fresh
        fresh.start()

    def _let_go(self, pod: Manifest) -> None:
        """A pod that ended while it was being deleted: nobody else finishes its deletion."""
        on_node = runs_here(pod) and pod["spec"].get("nodeName")
        if not (on_node and pod["metadata"].get("deletionTimestamp")):
            return
        try:
            self._cluster.remove(pod)
        except UNREACHABLE as error:
            logger.debug("%s: removal: %s", self.context, type(error).__name__)

    def _forget(self, uid: str) -> None:
        with self._table:
            living = self._pods.pop(uid, None)
        if living:
            living.vanish()
