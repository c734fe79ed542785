"""Gives claims their folders and takes them back: the cluster's dynamic provisioner of storage.

Owns the folders under the lab's home, volumes/<context>/<volume>, which outlive pods, runners and restarts of the lab.
What is due is decided in `provisioning.py`; binding claims and volumes is the controller manager's business.
"""

import logging
import shutil
from pathlib import Path

from kubernetes.dynamic.exceptions import ConflictError, ForbiddenError, NotFoundError

from lab.kube import Manifest
from lab.stand_ins.controller.api import key_of
from lab.stand_ins.controller.informer import Change, Informer
from lab.stand_ins.controller.kinds import STORAGE_CLASS, VOLUME, VOLUME_CLAIM
from lab.stand_ins.pods.cluster import NODE, Cluster
from lab.stand_ins.pods.storage import provisioning

logger = logging.getLogger(__name__)


class Provisioner:
    """The provisioner of one cluster."""

    def __init__(self, cluster: Cluster, folder: Path, namespaces: tuple[str | None, ...]) -> None:
        """`namespaces` are those whose claims it serves, None for all."""
        self._cluster = cluster
        self._folder = folder
        self._informers = [
            *(Informer(cluster.client, VOLUME_CLAIM, self._look_at_claim, namespace=name) for name in namespaces),
            Informer(cluster.client, VOLUME, self._look_at_volume),
        ]

    def start(self) -> None:
        """Make the class, then watch. Where the user may not make one, the cluster's own storage has to do."""
        try:
            others = self._cluster.list(STORAGE_CLASS)
            self._cluster.apply(STORAGE_CLASS, None, provisioning.storage_class(others))
        except ForbiddenError:
            logger.warning("%s: no right to make a StorageClass; claims get no volumes", self._cluster.context)
            return
        for informer in self._informers:
            informer.start()

    def stop(self) -> None:
        """Begin nothing more."""
        for informer in self._informers:
            informer.stop()

    def _look_at_claim(self, change: Change, claim: Manifest) -> None:
        if change == "DELETED" or not provisioning.is_asked_of_us(claim):
            return
        if why := provisioning.obstacle(claim):
            self._cluster.event(
                "PersistentVolumeClaim", claim, "Warning", "ProvisioningFailed", why, provisioning.PROVISIONER
            )
            return
        of_class = self._cluster.get(STORAGE_CLASS, None, claim["spec"]["storageClassName"])
        if of_class is None:
            return
        folder = self._folder / provisioning.volume_name(claim)
        folder.mkdir(mode=0o755, exist_ok=True)
        try:
            self._cluster.create(VOLUME, None, provisioning.volume_for(claim, of_class, str(folder), NODE))
        except ConflictError:
            # It was made at an earlier look.
            return
        logger.info("%s: %s is for %s", self._cluster.context, folder.name, key_of(claim))

    def _look_at_volume(self, change: Change, volume: Manifest) -> None:
        if change == "DELETED" or not provisioning.is_to_be_removed(volume):
            return
        name = volume["metadata"]["name"]
        try:
            if not volume["metadata"].get("deletionTimestamp"):
                self._cluster.delete(VOLUME, None, name)
            elif provisioning.holds(volume):
                shutil.rmtree(self._folder / name, ignore_errors=True)
                metadata = {"name": name, "resourceVersion": volume["metadata"]["resourceVersion"]}
                metadata["finalizers"] = provisioning.other_finalizers(volume)
                self._cluster.patch(VOLUME, None, {"metadata": metadata})
                logger.info("%s: %s is removed", self._cluster.context, name)
        except (NotFoundError, ConflictError):
            # It has gone; or it has changed, and comes again for that.
            return
