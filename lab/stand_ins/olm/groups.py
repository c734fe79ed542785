"""OperatorGroups: which namespaces each selects, and what it says where there are two in a namespace.

Owns their status. A group without target namespaces selects all, which is written as one empty name. Groups that select
by label are not supported and select nothing.
"""

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.olm.kinds import OPERATOR_GROUP

MULTIPLE = "MultipleOperatorGroups"


def targets(group: Manifest) -> list[str]:
    """The namespaces that a group selects; `[""]` for all."""
    spec = group.get("spec") or {}
    if spec.get("selector"):
        return []
    return sorted(spec.get("targetNamespaces") or [""])


def intersect(one: list[str], other: list[str]) -> bool:
    """Whether two selections have a namespace in common."""
    return bool(set(one) & set(other)) or bool(one and other and "" in (*one, *other))


class Groups:
    """The OperatorGroups of one cluster."""

    def __init__(self, cluster: WatchedCluster) -> None:
        self._cluster = cluster

    def check(self, key: str) -> None:
        """Write the status of the group and of its neighbours, for whom it may be one too many."""
        neighbours = self._cluster.items(OPERATOR_GROUP, split_key(key)[0])
        for group in neighbours:
            status: Manifest = group.setdefault("status", {})
            changed = status.get("namespaces") != targets(group)
            status["namespaces"] = targets(group)
            if len(neighbours) > 1:
                message = "Multiple OperatorGroup found in the same namespace"
                changed |= conditions.put(
                    status, MULTIPLE, "True", reason="MultipleOperatorGroupsFound", message=message
                )
            elif conditions.find(status, MULTIPLE):
                status["conditions"] = [one for one in status["conditions"] if one["type"] != MULTIPLE]
                changed = True
            if changed:
                status["lastUpdated"] = conditions.timestamp()
                self._cluster.update_status(OPERATOR_GROUP, group)
