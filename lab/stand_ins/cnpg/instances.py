"""Instances: a claim with the data, a pod that shows, and the server that runs, for each serial number of a Cluster.

Owns how the three hang together, as the kubelet of these pods. Decides neither how many instances there are nor what
their servers are told (clusters.py, manager.py). One thread at a time works on the instances of one Cluster.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.binaries.postgresql import DEFAULT_MAJOR, postgresql
from lab.home import Home, LabError, context_folder
from lab.kube import Manifest
from lab.progress import Silent
from lab.stand_ins.cnpg import objects
from lab.stand_ins.cnpg.files import Place
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.manager import Manager
from lab.stand_ins.cnpg.object_stores import ObjectStores
from lab.stand_ins.cnpg.server import Server
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.cnpg.validation import major_version
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import STRATEGIC
from lab.stand_ins.controller.kinds import POD, VOLUME, VOLUME_CLAIM
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.addresses import NamesMissingError, address_of, names, names_file
from lab.stand_ins.pods.containers.images import postgresql_folder
from lab.stand_ins.pods.known import KnownPod, statuses_of


class NotYetError(Exception):
    """What an instance waits for."""


@dataclass
class Instance:
    """What is known of an instance while somebody cares for its server. `pod` is the pod's UID, empty before it."""

    group: Group
    cluster: str
    manager: Manager
    pod: str = ""


class Instances:
    """All instances of one API server."""

    def __init__(self, store: Store, home: Home) -> None:
        self._store = store
        self._home = home
        self.stores = ObjectStores(store.api, home)
        self._known: dict[str, Instance] = {}

    def claim(self, group: Group, cluster: Manifest, serial: int) -> Manifest:
        """The instance's claim, made if there is none.

        Raises:
            NotYetError: one of this name is being deleted.
        """
        namespace = cluster["metadata"]["namespace"]
        name = objects.instance_name(cluster["metadata"]["name"], serial)
        found = self._store.api.get(VOLUME_CLAIM, namespace, name)
        if found is None:
            found = self._store.api.create(VOLUME_CLAIM, namespace, objects.volume_claim(group, cluster, serial))
        if found["metadata"].get("deletionTimestamp"):
            raise NotYetError(f"the end of the claim {name}")
        return found

    def claims(self, group: Group, cluster: Manifest) -> list[str]:
        """The names of all claims of a Cluster."""
        found = self._store.api.list(VOLUME_CLAIM, cluster["metadata"]["namespace"], _selector(group, cluster))
        return sorted(claim["metadata"]["name"] for claim in found if not claim["metadata"].get("deletionTimestamp"))

    def shrink(self, group: Group, cluster: Manifest, instances: int) -> None:
        """Remove the replicas with higher serial numbers, with their data."""
        namespace = cluster["metadata"]["namespace"]
        wanted = {objects.instance_name(cluster["metadata"]["name"], serial) for serial in range(1, instances + 1)}
        for kind in (POD, VOLUME_CLAIM):
            for found in self._store.api.list(kind, namespace, _selector(group, cluster)):
                metadata = found["metadata"]
                if metadata["name"] not in wanted and not metadata.get("deletionTimestamp"):
                    self._store.api.delete(kind, namespace, metadata["name"])

    def mark_ready(self, group: Group, claim: Manifest) -> None:
        """Remember that there is a whole data folder in the claim."""
        metadata = claim["metadata"]
        annotations = {group.label("pvcStatus"): "ready"}
        body = {"metadata": {"name": metadata["name"], "annotations": annotations}}
        self._store.api.patch(VOLUME_CLAIM, metadata["namespace"], body)

    def manager(self, group: Group, cluster: Manifest, claim: Manifest) -> Manager:
        """The manager of the server on a claim.

        Raises:
            NotYetError: the claim has no volume yet, the network does not know the namespace, or the image's PostgreSQL
                cannot be had.
        """
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        key = f"{namespace}/{name}"
        if known := self._known.get(key):
            return known.manager
        context = self._store.context
        major = major_version(cluster["spec"]["imageName"]) or DEFAULT_MAJOR
        try:
            programs = postgresql(Silent(), major)
        except LabError as error:
            raise NotYetError(f"an image of PostgreSQL {major} ({error})") from error
        try:
            folder_of_names = names(self._home, context, namespace)
        except NamesMissingError as error:
            raise NotYetError(f"the names of the namespace {namespace}") from error
        place = Place(
            name=name,
            folder=self._home.folder("cnpg", context_folder(context), namespace, name),
            volume=self._volume(claim),
            programs=programs,
            home=postgresql_folder(major),
            log=logs.file(self._home, context, namespace, name, "postgres"),
            uid=int(cluster["spec"].get("postgresUID", 26)),
            names=folder_of_names,
            hosts=names_file(namespace) if folder_of_names else "",
        )
        server = Server(place, lambda: self._store.queue.add(Key(POD.name, key)))
        manager = Manager(server, self._store.api, namespace, self.stores)
        self._known[key] = Instance(group, cluster["metadata"]["name"], manager)
        return manager

    def running(self, namespace: str, name: str) -> Server | None:
        """The server of an instance, if it runs."""
        known = self._known.get(f"{namespace}/{name}")
        return known.manager.server if known and known.manager.server.alive else None

    def find(self, namespace: str, name: str) -> KnownPod | None:
        """The pod of an instance whose server somebody here cares for, for the kubelet's streams."""
        known = self._known.get(f"{namespace}/{name}")
        pod = self._store.api.get(POD, namespace, name) if known else None
        if known is None or pod is None:
            return None
        server = known.manager.server
        return KnownPod(
            name=name,
            address=address_of(pod["metadata"]["uid"]),
            statuses=statuses_of(pod),
            log=lambda _: server.place.log,
            start_inside=lambda _, argv, streams: server.start_inside(argv, streams),
        )

    def pod(self, group: Group, cluster: Manifest, serial: int, *, primary: bool) -> Manifest:
        """The pod of an instance that has a manager, made if there is none.

        Raises:
            NotYetError: one of this name is being deleted.
        """
        namespace = cluster["metadata"]["namespace"]
        name = objects.instance_name(cluster["metadata"]["name"], serial)
        found = self._store.api.get(POD, namespace, name)
        if found is None:
            wanted = objects.pod(group, cluster, serial, primary=primary)
            found = self._store.api.create(POD, namespace, wanted)
        # A cache that has not heard of the pod would make it look like one that is gone.
        self._store.observed(POD, found)
        if found["metadata"].get("deletionTimestamp"):
            raise NotYetError(f"the end of the pod {name}")
        self._known[f"{namespace}/{name}"].pod = found["metadata"]["uid"]
        return found

    def show(self, pod: Manifest, *, ready: bool, in_place: bool = False) -> None:
        """Let the pod's status say whether its server answers; `in_place`: it is restarted without its container."""
        metadata, earlier = pod["metadata"], pod.get("status") or {}
        address = address_of(metadata["uid"])
        if earlier.get("podIP") == address and conditions.is_true(earlier, "Ready") == ready:
            return
        image = pod["spec"]["containers"][0]["image"]
        status = objects.pod_status(earlier, address, image, ready=ready, in_place=in_place)
        body = {"metadata": {"name": metadata["name"]}, "status": status}
        written = self._store.api.patch(POD, metadata["namespace"], body, "status", form=STRATEGIC)
        pod["status"] = written["status"]

    def cluster_of(self, key: str) -> tuple[Group, str] | None:
        """Whose instance a pod is or was that may be gone already; None for what is no instance."""
        known = self._known.get(key)
        return (known.group, known.cluster) if known else None

    def end_deleted(self, group: Group, namespace: str, cluster: str, *, unborn: bool = False) -> None:
        """Stop the servers whose pods are going or gone, and let those pods go.

        Args:
            group: of the Cluster.
            namespace: of the Cluster.
            cluster: its name.
            unborn: stop servers that have no pod yet, too.
        """
        found = {one["metadata"]["uid"]: one for one in self._store.items(POD, namespace)}
        for key, known in list(self._known.items()):
            if (known.group, known.cluster) != (group, cluster) or not key.startswith(f"{namespace}/"):
                continue
            pod = found.get(known.pod)
            if (known.pod and (pod is None or pod["deleted"])) or (unborn and not known.pod):
                known.manager.server.stop()
                known.manager.server.files.forget()
                del self._known[key]
        for uid, pod in found.items():
            if pod["deleted"] and pod["labels"].get(group.label("cluster")) == cluster:
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
                self._store.api.delete(POD, namespace, pod["metadata"]["name"], options)

    def stop_all(self) -> None:
        """Stop every server; pods and data stay."""
        with ThreadPoolExecutor() as threads:
            for known in list(self._known.values()):
                threads.submit(known.manager.server.stop)

    def _volume(self, claim: Manifest) -> Path:
        """The folder that a claim is bound to."""
        name = claim["metadata"]["name"]
        if (claim.get("status") or {}).get("phase") != "Bound":
            raise NotYetError(f"a volume for the claim {name}")
        found = self._store.api.get(VOLUME, "", claim["spec"]["volumeName"])
        path = Path(((found or {}).get("spec", {}).get("local") or {}).get("path", ""))
        if not path.is_absolute() or not path.is_dir():
            raise NotYetError(f"a volume of the lab's own for the claim {name}: leave storageClass out")
        return path


def _selector(group: Group, cluster: Manifest) -> str:
    return f"{group.label('cluster')}={cluster['metadata']['name']}"
