"""The operators that a stack has had installed by OLM, line by line, on clusters that have OLM.

Owns which Subscriptions are the stack's, and what a person wants to know of one in a few words.
"""

from collections.abc import Iterator

from ops.clusters import Cluster, Manifest
from ops.status import conditions
from ops.status.kinds import OLM_SUBSCRIPTION, OLM_VERSION
from ops.status.place import Place
from ops.status.row import ERROR, PENDING, READY, Row

OWNER = "rhsi/owner"
"""The annotation by which a Subscription is a stack's, with the stack's full name."""

KIND = "Operator"


def rows(cluster: Cluster, place: Place) -> Iterator[Row]:
    """One row for each of the stack's Subscriptions, in whatever namespace; none where the cluster has no OLM.

    Raises:
        ClusterError: no answer, or the login may not read them.
    """
    whose = f"/{place.project}/{place.stack}" if place.project else f"/{place.stack}"
    for one in OLM_SUBSCRIPTION.list(cluster):
        metadata = one["metadata"]
        owner = (metadata.get("annotations") or {}).get(OWNER, "")
        # Of the owner's three parts the organization is not known here.
        if not f"/{owner}".endswith(whose):
            continue
        status = one.get("status") or {}
        installed = status.get("installedCSV") or status.get("currentCSV")
        version = OLM_VERSION.get(cluster, metadata["namespace"], installed) if installed else None
        name, created = one["spec"]["name"], str(metadata.get("creationTimestamp") or "")
        state, said = describe(one, version)
        yield Row(place.stack, KIND, name, state, said, metadata["namespace"], created, OLM_SUBSCRIPTION.resource)


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
