"""InstallPlans: made for what was resolved, approved by a person where that is wanted, and carried out.

Owns their status and what they bring: CRDs, which nothing ever takes away again, service accounts, and the CSV
(catalog/operator.go: createInstallPlan, syncInstallPlans, transitionInstallPlanState, ExecutePlan).
"""

import json
from collections.abc import Iterator, Sequence

from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind, split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEFINITION, SERVICE_ACCOUNT
from lab.stand_ins.olm.bundles import Bundle
from lab.stand_ins.olm.kinds import (
    CSV,
    INSTALL_PLAN,
    MANAGED,
    OPERATOR_GROUP,
    PROPERTIES,
    SUBSCRIPTION,
    non_blocking_owner,
)
from lab.stand_ins.olm.resolver import Choice
from lab.stand_ins.olm.sources import SourceKey, Sources

PROPERTY_TYPES = ("olm.package", "olm.gvk")
RETRY_SECONDS = 2.0
NEEDS_APPROVAL, INSTALLING, COMPLETE = "RequiresApproval", "Installing", "Complete"


def create(
    cluster: WatchedCluster,
    namespace: str,
    subscriptions: Sequence[Manifest],
    chosen: Sequence[Choice],
    generation: int,
    *,
    manual: bool,
) -> Manifest:
    """Make an InstallPlan for the choices, which goes with the namespace's Subscriptions."""
    unique = list({one.entry.bundle.name: one for one in chosen}.values())
    owners = [non_blocking_owner(SUBSCRIPTION, one) for one in subscriptions]
    spec = {
        "approval": "Manual" if manual else "Automatic",
        "approved": not manual,
        "clusterServiceVersionNames": [one.entry.bundle.name for one in unique],
        "generation": generation,
    }
    metadata = {"generateName": "install-", "namespace": namespace, "ownerReferences": owners, "labels": MANAGED}
    plan = cluster.api.create(INSTALL_PLAN, namespace, {"metadata": metadata, "spec": spec})
    plan["status"] = {
        "phase": NEEDS_APPROVAL if manual else INSTALLING,
        "catalogSources": sorted({one.source.name for one in unique}),
        "bundleLookups": [],
        "plan": [step for one in unique for step in _steps(one)],
    }
    return cluster.update_status(INSTALL_PLAN, plan)


def _steps(choice: Choice) -> Iterator[Manifest]:
    """What a bundle brings: CRDs, the CSV, and the service account that goes with the CSV."""
    bundle = choice.entry.bundle
    for definition in bundle.definitions():
        yield _step(choice, DEFINITION, definition["metadata"]["name"])
    yield _step(choice, CSV, bundle.name)
    yield _step(choice, SERVICE_ACCOUNT, bundle.account)


def _step(choice: Choice, kind: Kind, name: str) -> Manifest:
    group, _, version = kind.api_version.rpartition("/")
    resource = {
        "group": group,
        "version": version,
        "kind": kind.name,
        "name": name,
        # Upstream refers to the ConfigMap of the unpacked bundle; the lab's bundles are where the catalogue is.
        "manifest": json.dumps({"kind": "Bundle", "name": choice.entry.bundle.name, "replaces": choice.replaces}),
        "sourceName": choice.source.name,
        "sourceNamespace": choice.source.namespace,
    }
    return {"resolving": choice.entry.bundle.name, "resource": resource, "status": "Unknown"}


class InstallPlans:
    """The InstallPlans of one cluster."""

    def __init__(self, cluster: WatchedCluster, sources: Sources) -> None:
        self._cluster = cluster
        self._sources = sources

    def check(self, key: str) -> float | None:
        """Carry it out once it is approved. A number: again after so many seconds."""
        plan = self._cluster.get(INSTALL_PLAN, *split_key(key))
        status: Manifest = (plan or {}).get("status") or {}
        if plan is None or not status.get("plan"):
            return None
        if status["phase"] == NEEDS_APPROVAL and plan["spec"].get("approved"):
            status["phase"] = INSTALLING
            self._cluster.update_status(INSTALL_PLAN, plan)
            return None  # The write is an event.
        if status["phase"] != INSTALLING:
            return None
        if refusal := self._refusal(plan["metadata"]["namespace"]):
            if conditions.put(status, "Installed", "False", reason="InstallCheckFailed", message=refusal):
                self._cluster.update_status(INSTALL_PLAN, plan)
            return RETRY_SECONDS
        again = None
        try:
            for step in status["plan"]:
                step["status"] = self._execute(plan, step)
        except LookupError as error:
            status["message"] = f"retrying execution due to error: {error.args[0]}"
            again = RETRY_SECONDS
        else:
            status.pop("message", None)
            status["phase"] = COMPLETE
            conditions.put(status, "Installed", "True", lastUpdateTime=conditions.timestamp())
        self._cluster.update_status(INSTALL_PLAN, plan)
        return again

    def _refusal(self, namespace: str) -> str:
        """Why nothing can be installed in a namespace (pkg/lib/scoped/querier.go)."""
        groups = self._cluster.items(OPERATOR_GROUP, namespace)
        managing = [one for one in groups if (one.get("status") or {}).get("namespaces")]
        if not managing:
            return "no operator group found that is managing this namespace"
        if len(managing) > 1:
            return f"more than one operator group(s) are managing this namespace count={len(managing)}"
        return ""

    def _execute(self, plan: Manifest, step: Manifest) -> str:
        """Bring one object; says whether it was there.

        Raises:
            LookupError: the catalogue does not give the bundle.
        """
        resource, namespace = step["resource"], plan["metadata"]["namespace"]
        bundle = self._sources.bundle(SourceKey(resource["sourceNamespace"], resource["sourceName"]), step["resolving"])
        if bundle is None:
            raise LookupError(f"bundle {step['resolving']} cannot be had from {resource['sourceName']}")
        match resource["kind"]:
            case DEFINITION.name:
                wanted = next(one for one in bundle.definitions() if one["metadata"]["name"] == resource["name"])
                return self._define(wanted)
            case SERVICE_ACCOUNT.name:
                csv = self._cluster.api.get(CSV, namespace, bundle.name)
                owners = [non_blocking_owner(CSV, csv)] if csv else []
                metadata = {"name": resource["name"], "ownerReferences": owners}
                return self._create(SERVICE_ACCOUNT, namespace, {"metadata": metadata})
            case _:
                replaces = json.loads(resource["manifest"])["replaces"]
                return self._create(CSV, namespace, _csv(bundle, replaces))

    def _define(self, wanted: Manifest) -> str:
        """Create the definition, or bring the one that is there up to date."""
        api, name = self._cluster.api, wanted["metadata"]["name"]
        metadata = {**wanted["metadata"], "labels": MANAGED}
        present = api.get(DEFINITION, None, name)
        if present is None:
            return self._create(DEFINITION, "", {**wanted, "metadata": metadata})
        api.replace(DEFINITION, {**present, "spec": wanted["spec"]})
        return "Present"

    def _create(self, kind: Kind, namespace: str, body: Manifest) -> str:
        labelled = {**body, "metadata": {**body["metadata"], "labels": MANAGED}}
        try:
            self._cluster.api.create(kind, namespace, labelled)
        except ConflictError:
            return "Present"
        return "Created"


def _csv(bundle: Bundle, replaces: str) -> Manifest:
    """The bundle's CSV with what the resolver reads of it later."""
    csv = bundle.csv(replaces)
    properties = [
        {"type": "olm.package", "value": {"packageName": bundle.package, "version": bundle.version}},
        *({"type": "olm.gvk", "value": _gvk(api)} for api in sorted(bundle.apis)),
    ]
    csv["metadata"]["annotations"] = {PROPERTIES: json.dumps({"properties": properties})}
    return csv


def _gvk(api: str) -> Manifest:
    kind, _, rest = api.partition(" (")
    group, _, version = rest.removesuffix(")").rpartition("/")
    return {"kind": kind, "group": group, "version": version}
