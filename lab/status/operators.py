"""The operators that a stack has had installed by OLM, line by line, on clusters that have OLM.

Owns which Subscriptions are the stack's, and what a person wants to know of one in a few words.
"""

from collections.abc import Iterator

from kubernetes.dynamic.exceptions import NotFoundError

from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Api
from lab.stand_ins.olm.kinds import CSV, SUBSCRIPTION
from lab.status.row import ERROR, PENDING, READY, Row

OWNER = "rhsi/owner"
"""The annotation by which a Subscription is a stack's, with the stack's full name."""

KIND = "Operator"


def rows(client: Api, stack: Stack) -> Iterator[Row]:
    """One row for each of the stack's Subscriptions, in whatever namespace; none where the cluster has no OLM."""
    try:
        subscriptions = client.list(SUBSCRIPTION)
    except NotFoundError:
        return
    for one in subscriptions:
        metadata = one["metadata"]
        owner = (metadata.get("annotations") or {}).get(OWNER, "")
        if owner.rpartition("/")[2] != stack.name:
            continue
        status = one.get("status") or {}
        name = status.get("installedCSV") or status.get("currentCSV")
        version = client.get(CSV, metadata["namespace"], name) if name else None
        yield Row(stack.name, KIND, one["spec"]["name"], *describe(one, version))


def describe(subscription: Manifest, version: Manifest | None) -> tuple[str, str]:
    """State and detail of a Subscription and the ClusterServiceVersion that it has installed, None for none."""
    status: Manifest = subscription.get("status") or {}
    of_version: Manifest = (version or {}).get("status") or {}
    waits = conditions.find(status, "InstallPlanPending").get("reason") == "RequiresApproval"
    plan = (status.get("installPlanRef") or {}).get("name", "")
    if version and of_version.get("phase") == "Succeeded":
        where = f"{version['metadata']['name']} in {subscription['metadata']['namespace']}"
        return READY, f"{where}, an upgrade waits for the approval of InstallPlan {plan}" if waits else where
    if waits:
        return PENDING, f"InstallPlan {plan} waits for approval"
    failed = conditions.find(status, "ResolutionFailed")
    if failed.get("status") == "True":
        return ERROR, str(failed.get("message") or failed.get("reason"))
    if of_version.get("phase") == "Failed":
        return ERROR, f"{of_version.get('reason')}: {of_version.get('message')}"
    said = [str(of_version[field]) for field in ("phase", "message") if of_version.get(field)]
    return PENDING, ": ".join(said) or "OLM has not chosen a version yet"
