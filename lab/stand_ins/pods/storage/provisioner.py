"""Gives claims their folders and takes them back: the cluster's dynamic provisioner of storage.

Owns the folders under the lab's home, volumes/<context>/<volume>, which outlive pods, runners and restarts of the lab.
What is due is decided in `provisioning.py`; binding claims and volumes is the controller manager's business.
"""

import logging
import shutil
from pathlib import Path

from kubernetes.dynamic.exceptions import ConflictError, ForbiddenError, NotFoundError

from lab.kube import Manifest
from lab.stand_ins.pods.cluster import NODE, Cluster
from lab.stand_ins.pods.storage import provisioning
from lab.stand_ins.pods.watch import Watch

logger = logging.getLogger(__name__)


class Provisioner:
    """The provisioner of one cluster."""

    def __init__(self, cluster: Cluster, folder: Path, namespaces: tuple[str | None, ...]) -> None:
        """`namespaces` are those whose claims it serves, None for all."""
        self._cluster = cluster
        self._folder = folder
        claims = [Watch(cluster, "PersistentVolumeClaim", name, self._look_at_claim) for name in namespaces]
        self._watches = [*claims, Watch(cluster, "PersistentVolume", None, self._look_at_volume)]

    def start(self) -> None:
        """Make the class, then watch. Where the user may not make one, the cluster's own storage has to do."""
        try:
            classes, _ = self._cluster.find_all("StorageClass", None)
            self._cluster.apply(provisioning.storage_class(classes))
        except ForbiddenError:
            logger.warning("%s: no right to make a StorageClass; claims get no volumes", self._cluster.context)
            return
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        """Begin nothing more."""
        for watch in self._watches:
            watch.stop()

    def _look_at_claim(self, change: str, claim: Manifest) -> None:
        if change == "DELETED" or not provisioning.is_asked_of_us(claim):
            return
        if why := provisioning.obstacle(claim):
            self._cluster.event(
                "PersistentVolumeClaim", claim, "Warning", "ProvisioningFailed", why, provisioning.PROVISIONER
            )
            return
        of_class = self._cluster.read("StorageClass", claim["spec"]["storageClassName"])
        if of_class is None:
            return
        folder = self._folder / provisioning.volume_name(claim)
        folder.mkdir(mode=0o755, exist_ok=True)
        if self._cluster.create(provisioning.volume_for(claim, of_class, str(folder), NODE)):
            logger.info("%s: %s is for %s/%s", self._cluster.context, folder.name, *_name(claim))

    def _look_at_volume(self, change: str, volume: Manifest) -> None:
        if change == "DELETED" or not provisioning.is_to_be_removed(volume):
            return
        name = volume["metadata"]["name"]
        try:
            if not volume["metadata"].get("deletionTimestamp"):
                self._cluster.delete("PersistentVolume", name)
            elif provisioning.holds(volume):
                shutil.rmtree(self._folder / name, ignore_errors=True)
                self._cluster.set_finalizers("PersistentVolume", volume, provisioning.other_finalizers(volume))
                logger.info("%s: %s is removed", self._cluster.context, name)
        except (NotFoundError, ConflictError):
            # It has gone; or it has changed, and comes again for that.
            return


def _name(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]
