"""ClusterServiceVersions: from Pending to Succeeded, and what keeps one from it.

Owns their status, their annotations about the OperatorGroup, and the Deployments of each (olm/operator.go:
transitionCSVState). A write asks for the next step. The Deployments go with their CSV by their owner reference; CRDs
have none, so they stay, and everybody's objects with them.
"""

from collections.abc import Callable, Iterator

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import key_of, split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEFINITION, DEPLOYMENT
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.olm import deployments
from lab.stand_ins.olm.groups import intersect, targets
from lab.stand_ins.olm.kinds import CSV, OPERATOR_GROUP, PROVIDED, SUBSCRIPTION, TARGETS

TIMEOUT_SECONDS = 300.0
"""How long an installation may take (olm/operator.go: CSVPhaseInstalling)."""

RECOVERABLE = ("NoTargetNamespaces", "NoOperatorGroup", "TooManyOperatorGroups", "UnsupportedOperatorGroup")


class Csvs:
    """The ClusterServiceVersions of one cluster."""

    def __init__(self, cluster: WatchedCluster) -> None:
        self._cluster = cluster
        self._steps: dict[str, Callable[[Manifest], float | None]] = {
            "": self._first,
            "Pending": self._pending,
            "InstallReady": self._install,
            "Installing": self._installing,
            "Succeeded": self._succeeded,
            "Failed": self._failed,
            "Replacing": self._replacing,
            "Deleting": self._deleting,
        }

    def check(self, key: str) -> float | None:
        """Make one step. A number: again after so many seconds."""
        csv = self._cluster.get(CSV, *split_key(key))
        if csv is None:
            for group in self._cluster.items(OPERATOR_GROUP, split_key(key)[0]):
                self._announce(group)
            self._requeue_neighbours(split_key(key)[0])
            return None
        if csv["metadata"].get("deletionTimestamp"):
            return None
        csv.setdefault("status", {})
        if not self._joins(csv):
            return None
        return self._steps[csv["status"].get("phase", "")](csv)

    def _joins(self, csv: Manifest) -> bool:
        """Whether it belongs to an OperatorGroup that it supports; otherwise that is told (operatorGroupForCSV)."""
        metadata = csv["metadata"]
        groups = self._cluster.items(OPERATOR_GROUP, metadata["namespace"])
        if not groups:
            return self._fail(csv, "NoOperatorGroup", "csv in namespace with no operatorgroups")
        if len(groups) > 1:
            message = "csv created in namespace with multiple operatorgroups, can't pick one automatically"
            return self._fail(csv, "TooManyOperatorGroups", message)
        (group,) = groups
        selected = targets(group)
        wanted = {
            "olm.operatorGroup": group["metadata"]["name"],
            "olm.operatorNamespace": metadata["namespace"],
            TARGETS: ",".join(selected),
        }
        annotations = metadata.setdefault("annotations", {})
        if not wanted.items() <= annotations.items():
            annotations.update(wanted)
            self._cluster.update(CSV, csv)
            return False
        if refusal := unsupported(csv, selected):
            return self._fail(csv, "UnsupportedOperatorGroup", refusal)
        if self._has_rival(csv, selected):
            message = "intersecting operatorgroups provide the same apis"
            return self._fail(csv, "InterOperatorGroupOwnerConflict", message)
        return self._announce(group)

    def _announce(self, group: Manifest) -> bool:
        """Whether the group says what its CSVs provide; otherwise it does from now on."""
        namespace = group["metadata"]["namespace"]
        provided = sorted({api for one in self._cluster.items(CSV, namespace) for api in _provided(one)})
        annotations = group["metadata"].setdefault("annotations", {})
        if annotations.get(PROVIDED) != ",".join(provided):
            annotations[PROVIDED] = ",".join(provided)
            self._cluster.update(OPERATOR_GROUP, group)
            self._requeue_neighbours(namespace)
            return False
        return True

    def _has_rival(self, csv: Manifest, selected: list[str]) -> bool:
        """Whether another OperatorGroup for the same namespaces has a CSV that owns the same kinds."""
        own, metadata = set(_provided(csv)), csv["metadata"]
        for group in self._cluster.items(OPERATOR_GROUP):
            place = group["metadata"]["namespace"]
            if place == metadata["namespace"] or not intersect(selected, targets(group)):
                continue
            provided = (group["metadata"].get("annotations") or {}).get(PROVIDED, "").split(",")
            if own & set(provided):
                return True
        return False

    def _first(self, csv: Manifest) -> None:
        self._go(csv, "Pending", "RequirementsUnknown", "requirements not yet checked")

    def _pending(self, csv: Manifest) -> None:
        requirements = list(self._requirements(csv))
        csv["status"]["requirementStatus"] = requirements
        if any(one["status"] != "Present" for one in requirements):
            self._go(csv, "Pending", "RequirementsNotMet", "one or more requirements couldn't be found")
            return
        before = self._replaced(csv)
        if before and (before.get("status") or {}).get("phase") != "Replacing":
            # That one first has to make room; its event comes back here.
            self._cluster.queue.add(_key(before))
            return
        self._go(csv, "InstallReady", "AllRequirementsMet", "all requirements found, attempting install")

    def _install(self, csv: Manifest) -> None:
        for wanted in deployments.wanted(csv, self._config(csv)):
            self._cluster.observed(DEPLOYMENT, self._cluster.api.apply(DEPLOYMENT, _namespace(csv), wanted))
        message = "waiting for install components to report healthy"
        self._go(csv, "Installing", "InstallSucceeded", message)

    def _installing(self, csv: Manifest) -> float | None:
        health = self._health(csv)
        if health.is_over:
            self._go(csv, "Failed", "InstallCheckFailed", f"install failed: {health.said}")
        elif health.said and conditions.age(csv["status"].get("lastTransitionTime", "")) >= TIMEOUT_SECONDS:
            self._go(csv, "Failed", "InstallCheckFailed", "install timeout")
        elif health.said:
            self._go(csv, "Installing", "InstallWaiting", f"installing: {health.said}")
            return TIMEOUT_SECONDS
        else:
            self._succeed(csv)
        return None

    def _succeeded(self, csv: Manifest) -> None:
        if successor := self._successor(csv):
            name = successor["metadata"]["name"]
            self._go(csv, "Replacing", "BeingReplaced", f"being replaced by csv: {name}")
            self._cluster.queue.add(_key(successor))
        elif any(one["status"] != "Present" for one in self._requirements(csv)):
            self._go(csv, "Failed", "RequirementsNotMet", "requirements no longer met")
        elif changed := deployments.changed(csv, self._config(csv), self._deployments(csv)):
            self._go(csv, "InstallReady", "ComponentUnhealthy", f"installing: {changed}")
        elif said := self._health(csv).said:
            self._go(csv, "Failed", "ComponentUnhealthy", f"installing: {said}")

    def _failed(self, csv: Manifest) -> None:
        health = self._health(csv)
        if csv["status"].get("reason") in RECOVERABLE:
            message = "InstallModes now support target namespaces"
            self._go(csv, "Pending", "RequirementsUnknown", message)
        elif csv["status"].get("reason") == "InterOperatorGroupOwnerConflict":
            message = "OperatorGroup no longer intersecting with conflicting owner"
            self._go(csv, "Pending", "RequirementsUnknown", message)
        elif any(one["status"] != "Present" for one in self._requirements(csv)):
            self._go(csv, "Pending", "RequirementsNotMet", "requirements not met")
        elif health.said and not health.is_over:
            self._go(csv, "Pending", "NeedsReinstall", f"installing: {health.said}")
        elif not health.said:
            self._succeed(csv)

    def _replacing(self, csv: Manifest) -> None:
        if self._replaced(csv):
            return  # Not the oldest of its chain; that one goes first.
        successor = self._successor(csv)
        if successor and (successor.get("status") or {}).get("phase") == "Succeeded":
            message = "has been replaced by a newer ClusterServiceVersion that has successfully installed."
            self._go(csv, "Deleting", "Replaced", message)

    def _deleting(self, csv: Manifest) -> None:
        self._cluster.api.delete(CSV, _namespace(csv), csv["metadata"]["name"])

    def _succeed(self, csv: Manifest) -> None:
        self._go(csv, "Succeeded", "InstallSucceeded", "install strategy completed with no errors")
        if before := self._replaced(csv):
            self._cluster.queue.add(_key(before))

    def _health(self, csv: Manifest) -> deployments.Health:
        return deployments.health(csv, self._deployments(csv))

    def _deployments(self, csv: Manifest) -> dict[str, Manifest]:
        return {one["metadata"]["name"]: one for one in self._cluster.items(DEPLOYMENT, _namespace(csv))}

    def _config(self, csv: Manifest) -> Manifest:
        """`spec.config` of the Subscription that has chosen this CSV."""
        for one in self._cluster.items(SUBSCRIPTION, _namespace(csv)):
            if (one.get("status") or {}).get("currentCSV") == csv["metadata"]["name"]:
                return one["spec"].get("config") or {}
        return {}

    def _requirements(self, csv: Manifest) -> Iterator[Manifest]:
        for owned in csv["spec"]["customresourcedefinitions"]["owned"]:
            found = self._cluster.get(DEFINITION, "", owned["name"])
            served = bool(found and found["served"])
            yield {
                "group": "apiextensions.k8s.io",
                "version": "v1",
                "kind": "CustomResourceDefinition",
                "name": owned["name"],
                "status": "Present" if served else "NotPresent",
                "message": "CRD is present and Established condition is true" if served else "CRD is not present",
            }

    def _replaced(self, csv: Manifest) -> Manifest | None:
        """The CSV that this one replaces, as long as it is there."""
        before = csv["spec"].get("replaces")
        return self._cluster.get(CSV, _namespace(csv), before) if before else None

    def _successor(self, csv: Manifest) -> Manifest | None:
        name = csv["metadata"]["name"]
        others = self._cluster.items(CSV, _namespace(csv))
        return next((one for one in others if one["spec"].get("replaces") == name), None)

    def _fail(self, csv: Manifest, reason: str, message: str) -> bool:
        """Put it into the phase Failed; False, so that it does not go on."""
        self._go(csv, "Failed", reason, message)
        return False

    def _go(self, csv: Manifest, phase: str, reason: str, message: str) -> None:
        """Write a phase, unless it is said already; conditions are the history of them."""
        status, now = csv["status"], conditions.timestamp()
        news = {"phase": phase, "reason": reason, "message": message}
        if all(status.get(field) == value for field, value in news.items()):
            return
        if status.get("phase") != phase:
            status["lastTransitionTime"] = now
        status.update(news, lastUpdateTime=now)
        entry = {**news, "lastUpdateTime": now, "lastTransitionTime": status["lastTransitionTime"]}
        status["conditions"] = [*(status.get("conditions") or []), entry][-20:]
        self._cluster.update_status(CSV, csv)

    def _requeue_neighbours(self, namespace: str) -> None:
        for one in self._cluster.items(CSV, namespace):
            self._cluster.queue.add(_key(one))


def unsupported(csv: Manifest, selected: list[str]) -> str:
    """Why a CSV cannot watch these namespaces, empty where it can (api: InstallModeSet.Supports)."""
    modes = {one["type"] for one in csv["spec"].get("installModes") or [] if one["supported"]}
    own = _namespace(csv)
    if not selected:
        return "operatorgroup has invalid selected namespaces, cannot configure to watch zero namespaces"
    if len(selected) == 1:
        mode, what = {
            own: ("OwnNamespace", "own namespace"),
            "": ("AllNamespaces", "all namespaces"),
        }.get(selected[0], ("SingleNamespace", "one namespace"))
    else:
        mode, what = "MultiNamespace", f"{len(selected)} namespaces"
        if mode in modes and own in selected:
            mode, what = "OwnNamespace", "own namespace"
    return "" if mode in modes else f"{mode} InstallModeType not supported, cannot configure to watch {what}"


def _provided(csv: Manifest) -> Iterator[str]:
    """The kinds that it owns, as OLM writes them into `olm.providedAPIs`: `Site.v2alpha1.skupper.io`."""
    for owned in csv["spec"]["customresourcedefinitions"]["owned"]:
        yield f"{owned['kind']}.{owned['version']}.{owned['name'].partition('.')[2]}"


def _namespace(csv: Manifest) -> str:
    return str(csv["metadata"]["namespace"])


def _key(csv: Manifest) -> Key:
    return Key(CSV.name, key_of(csv))
