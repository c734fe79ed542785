"""The Subscriptions of a namespace: resolved together, and each one's status.

Owns their status and the creation of InstallPlans (catalog/operator.go: syncResolvingNamespace; catalog/subscription).
What is chosen is the resolver's business, what a plan does that of plans.py.
"""

import copy
import json
from collections.abc import Iterator

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.olm import plans
from lab.stand_ins.olm.kinds import (
    CATALOG_SOURCE,
    CSV,
    INSTALL_PLAN,
    OPERATOR_GROUP,
    PROPERTIES,
    SUBSCRIPTION,
    reference,
)
from lab.stand_ins.olm.resolver import UNSATISFIABLE, Choice, Existing, ResolutionError, Wish, resolve
from lab.stand_ins.olm.sources import SourceKey, Sources

RESOLUTION_FAILED, UNHEALTHY = "ResolutionFailed", "CatalogSourcesUnhealthy"
PLAN_PENDING, PLAN_FAILED, PLAN_MISSING = "InstallPlanPending", "InstallPlanFailed", "InstallPlanMissing"
UPGRADE_PENDING, AT_LATEST = "UpgradePending", "AtLatestKnown"
RETRY_SECONDS = 2.0
"""After an error that is not about the Subscriptions themselves; upstream's back-off."""


class Subscriptions:
    """All Subscriptions of one cluster, namespace by namespace."""

    def __init__(self, cluster: WatchedCluster, sources: Sources) -> None:
        self._cluster = cluster
        self._sources = sources

    def namespaces(self) -> set[str]:
        """Those that have any."""
        return {found["metadata"]["namespace"] for found in self._cluster.items(SUBSCRIPTION)}

    def check(self, namespace: str) -> float | None:
        """Make one step for the namespace; a write asks for the next. A number: again after so many seconds."""
        found = self._cluster.items(SUBSCRIPTION, namespace)
        subscriptions = [one for one in found if not one["metadata"].get("deletionTimestamp")]
        before = copy.deepcopy(subscriptions)
        again = None
        for subscription in subscriptions:
            self._show_health(subscription)
            self._show_plan(subscription)
        moved = sum(self._follow(one) for one in subscriptions)
        if not moved and not all(map(_is_pending, subscriptions)):
            again = self._resolve(namespace, subscriptions)
        for old, new in zip(before, subscriptions, strict=True):
            if old.get("status") != new.get("status"):
                new["status"]["lastUpdated"] = conditions.timestamp()
                self._cluster.update_status(SUBSCRIPTION, new)
        return again

    def _follow(self, subscription: Manifest) -> bool:
        """Say whether the chosen CSV is there; True where that is news (ensureSubscriptionCSVState)."""
        status = subscription.setdefault("status", {})
        current, before = status.get("currentCSV"), status.get("state", "")
        if not current:
            return False
        is_there = self._cluster.get(CSV, subscription["metadata"]["namespace"], current) is not None
        state = AT_LATEST if is_there else UPGRADE_PENDING
        if state == before:
            return False
        status["state"] = state
        if is_there:
            status["installedCSV"] = current
        return True

    def _resolve(self, namespace: str, subscriptions: list[Manifest]) -> float | None:
        wishes = [_wish(one) for one in subscriptions]
        groups = len(self._cluster.items(OPERATOR_GROUP, namespace))
        existing = list(self._existing(namespace, wishes))
        try:
            chosen = resolve(namespace, groups, wishes, existing, self._sources.seen_from(namespace))
        except ResolutionError as error:
            for one in subscriptions:
                conditions.put(one["status"], RESOLUTION_FAILED, "True", reason=error.reason, message=str(error))
            return None if error.reason == UNSATISFIABLE else RETRY_SECONDS
        for one in subscriptions:
            _remove(one["status"], RESOLUTION_FAILED)
        self._plan(namespace, subscriptions, chosen)
        return None

    def _plan(self, namespace: str, subscriptions: list[Manifest], chosen: dict[str, Choice]) -> None:
        """Make an InstallPlan for what is chosen and not there, where that is news for any Subscription."""
        by_name = {one["metadata"]["name"]: one for one in subscriptions}
        missing = {name: one for name, one in chosen.items() if self._is_missing(by_name[name], one)}
        news = [by_name[name] for name, one in missing.items() if _current(by_name[name]) != one.entry.bundle.name]
        if not news:
            return
        generations = [one["spec"].get("generation", 0) for one in self._cluster.items(INSTALL_PLAN, namespace)]
        generation = max([*generations, *(one["status"].get("installPlanGeneration", 0) for one in subscriptions)]) + 1
        # One Manual Subscription makes the plans of its whole namespace manual.
        manual = any(one["spec"].get("installPlanApproval") == "Manual" for one in subscriptions)
        plan = plans.create(self._cluster, namespace, subscriptions, list(missing.values()), generation, manual=manual)
        for one in news:
            status, metadata = one["status"], plan["metadata"]
            status["currentCSV"] = missing[one["metadata"]["name"]].entry.bundle.name
            status["state"] = UPGRADE_PENDING
            status["installPlanGeneration"] = generation
            status["installPlanRef"] = reference(INSTALL_PLAN, plan)
            status["installplan"] = {
                "apiVersion": INSTALL_PLAN.api_version,
                "kind": INSTALL_PLAN.name,
                "name": metadata["name"],
                "uuid": metadata["uid"],
            }

    def _is_missing(self, subscription: Manifest, choice: Choice) -> bool:
        name = choice.entry.bundle.name
        namespace = subscription["metadata"]["namespace"]
        return _current(subscription) != name or self._cluster.get(CSV, namespace, name) is None

    def _existing(self, namespace: str, wishes: list[Wish]) -> Iterator[Existing]:
        """The namespace's CSVs as the resolver sees them, by the properties that their plan has written down."""
        installed = {wish.installed for wish in wishes}
        for csv in self._cluster.items(CSV, namespace):
            annotations = csv["metadata"].get("annotations") or {}
            properties = json.loads(annotations.get(PROPERTIES, "{}")).get("properties", [])
            values = {
                kind: [one["value"] for one in properties if one["type"] == kind] for kind in plans.PROPERTY_TYPES
            }
            yield Existing(
                name=csv["metadata"]["name"],
                version=csv["spec"].get("version", "0"),
                package=next((one["packageName"] for one in values["olm.package"]), ""),
                apis=frozenset(f"{one['kind']} ({one['group']}/{one['version']})" for one in values["olm.gvk"]),
                wanted=csv["metadata"]["name"] in installed,
            )

    def _show_health(self, subscription: Manifest) -> None:
        """Which catalogues count here (catalog/subscription/state.go: UpdateHealth).

        One whose image cannot be pulled counts as healthy: upstream looks for its pod, not for what that says.
        """
        spec, status = subscription["spec"], subscription.setdefault("status", {})
        known = list(self._sources.known(subscription["metadata"]["namespace"]))
        before = {one["catalogSourceRef"]["uid"]: one for one in status.get("catalogHealth") or []}
        status["catalogHealth"] = [
            before.get(one["metadata"]["uid"])
            or {
                "catalogSourceRef": reference(CATALOG_SOURCE, one),
                "healthy": True,
                "lastUpdated": conditions.timestamp(),
            }
            for one in known
        ]
        target = (spec["sourceNamespace"], spec["source"])
        if any((one["metadata"]["namespace"], one["metadata"]["name"]) == target for one in known):
            message = "all available catalogsources are healthy"
            conditions.put(status, UNHEALTHY, "False", reason="AllCatalogSourcesHealthy", message=message)
        else:
            message = f"targeted catalogsource {target[0]}/{target[1]} missing"
            conditions.put(status, UNHEALTHY, "True", reason="UnhealthyCatalogSourceFound", message=message)

    def _show_plan(self, subscription: Manifest) -> None:
        """What its InstallPlan waits for (catalog/subscription/state.go: CheckInstallPlanStatus)."""
        status = subscription["status"]
        wanted = status.get("installPlanRef")
        if not wanted:
            return
        plan = self._cluster.get(INSTALL_PLAN, wanted["namespace"], wanted["name"])
        shown: dict[str, tuple[str, str]] = {}
        if plan is None and status.get("state") == UPGRADE_PENDING:
            # So that the next resolution makes another.
            for field in ("installPlanRef", "installplan", "currentCSV", "state"):
                status.pop(field, None)
        elif plan is None:
            shown[PLAN_MISSING] = "ReferencedInstallPlanNotFound", ""
        else:
            phase = (plan.get("status") or {}).get("phase", "")
            met = conditions.find(plan.get("status") or {}, "Installed")
            message = str(met.get("message") or (plan.get("status") or {}).get("message") or "")
            if phase == "Failed":
                shown[PLAN_FAILED] = str(met.get("reason") or "InstallPlanFailed"), message
            elif phase != "Complete":
                shown[PLAN_PENDING] = phase or "InstallPlanNotYetReconciled", message
        for kind in (PLAN_MISSING, PLAN_FAILED, PLAN_PENDING):
            if kind in shown:
                reason, message = shown[kind]
                conditions.put(status, kind, "True", reason=reason, message=message)
            else:
                _remove(status, kind)


def _wish(subscription: Manifest) -> Wish:
    spec, status = subscription["spec"], subscription.get("status") or {}
    return Wish(
        name=subscription["metadata"]["name"],
        source=SourceKey(spec["sourceNamespace"], spec["source"]),
        package=spec["name"],
        channel=spec.get("channel", ""),
        starting=spec.get("startingCSV", ""),
        installed=status.get("installedCSV", ""),
    )


def _is_pending(subscription: Manifest) -> bool:
    """Whether its plan is made and not done; then nothing new is resolved for it (nothingToUpdate)."""
    status = subscription.get("status") or {}
    return "installPlanRef" in status and status.get("state") == UPGRADE_PENDING


def _current(subscription: Manifest) -> str:
    return str((subscription.get("status") or {}).get("currentCSV") or "")


def _remove(status: Manifest, kind: str) -> None:
    if conditions.find(status, kind):
        status["conditions"] = [one for one in status["conditions"] if one["type"] != kind]
