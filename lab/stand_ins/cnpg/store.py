"""What the operator watches in one API server, and how little of foreign kinds it keeps."""

import logging
from collections.abc import Iterable

from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import GROUPS, MANAGER, Group
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.informer import brief
from lab.stand_ins.controller.kinds import POD, SECRET, VOLUME_CLAIM


def keep_of_secret(secret: Manifest) -> Manifest:
    """Whose a Secret is and whether its changes count; never what is in it."""
    metadata = secret["metadata"]
    return brief(secret, labels=metadata.get("labels") or {}, owners=metadata.get("ownerReferences") or [])


def keep_of_instance(found: Manifest) -> Manifest:
    """Of pods and claims: to which Cluster they belong, and whether they are going."""
    metadata = found["metadata"]
    return brief(found, labels=metadata.get("labels") or {}, deleted="deletionTimestamp" in metadata)


class Store(WatchedCluster):
    """The connection to one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, groups: Iterable[Group] = GROUPS) -> None:
        super().__init__(context, MANAGER, logging.getLogger(f"cnpg.{context}"))
        for group in groups:
            for kind in (group.cluster, group.publication, group.subscription, group.backup, group.scheduled_backup):
                self.watch(kind, handler=f"{kind.name}.{group.name}")
        self.watch(SECRET, keep_of_secret, metadata_only=True)
        self.watch(POD, keep_of_instance, metadata_only=True)
        self.watch(VOLUME_CLAIM, keep_of_instance, metadata_only=True)
