"""What a cluster's rules make of the claim's Job: quotas, and policies on Jobs and pods."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from lab.kube import Manifest
from tests.lab import runbook
from tests.lab.linked_sites import NAMESPACE, LinkedSites
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

ADMISSION = "admissionregistration.k8s.io/v1"
QUOTA = {
    f"{what}.{resource}": "2" if resource == "cpu" else "2Gi"
    for what in ("requests", "limits")
    for resource in ("cpu", "memory", "ephemeral-storage")
}
"""A quota refuses each pod that leaves out what it counts."""
REFUSED = "only Team A may run this"


@contextmanager
def quota(sites: LinkedSites, hard: dict[str, str]) -> Iterator[None]:
    """A ResourceQuota in the standby's namespace."""
    quotas = sites.kind("site-b", "ResourceQuota", "v1")
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": hard}}
    quotas.create(body=body, namespace=NAMESPACE)
    try:
        until(lambda: quotas.get(name="team", namespace=NAMESPACE).to_dict().get("status", {}).get("hard"))
        yield
    finally:
        quotas.delete(name="team", namespace=NAMESPACE)


@contextmanager
def policy(sites: LinkedSites, group: str, resource: str) -> Iterator[None]:
    """A ValidatingAdmissionPolicy that lets nobody create the resource in the standby's namespace."""
    kinds = {
        "ValidatingAdmissionPolicy": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
                ]
            },
            "validations": [{"expression": f"object.metadata.namespace != '{NAMESPACE}'", "message": REFUSED}],
        },
        "ValidatingAdmissionPolicyBinding": {"policyName": "team", "validationActions": ["Deny"]},
    }
    try:
        for kind, spec in kinds.items():
            body: Manifest = {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": "team"}, "spec": spec}
            sites.kind("site-b", kind, ADMISSION).create(body=body)
        until(lambda: refuses(sites, group, resource))
        yield
    finally:
        for kind in kinds:
            sites.kind("site-b", kind, ADMISSION).delete(name="team")


def refuses(sites: LinkedSites, group: str, resource: str) -> bool:
    """Whether the policy works already."""
    kind = {"jobs": "Job", "pods": "Pod"}[resource]
    pod = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
    api_version = f"{group}/v1".lstrip("/")
    body: Manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "probe"},
        "spec": {"template": {"spec": pod}} if kind == "Job" else pod,
    }
    try:
        sites.kind("site-b", kind, api_version).create(body=body, namespace=NAMESPACE, dry_run="All")
    except Exception as error:
        return REFUSED in str(error)
    return False


def test_a_quota_that_counts_everything_lets_the_claim_run(sites: LinkedSites) -> None:
    with quota(sites, QUOTA):
        sites.publish()
        sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_policy_on_jobs_is_told_by_the_preview(sites: LinkedSites) -> None:
    sites.publish()
    with policy(sites, "batch", "jobs"):
        told = sites.checkout.run("preview", "site-b")
        assert told.code != 0
        assert REFUSED in told.text
        assert runbook.leads_to(told.text, "`pulumi up -s site-b`")
    sites.checkout.up("site-b")
    sites.assert_settled()


@pytest.mark.parametrize(
    "rule",
    [lambda sites: policy(sites, "", "pods"), lambda sites: quota(sites, {"pods": "0"})],
    ids=["policy", "quota"],
)
def test_a_pod_that_the_cluster_refuses_is_found_by_the_command_of_the_runbook(
    sites: LinkedSites, rule: Callable[[LinkedSites], AbstractContextManager[None]]
) -> None:
    sites.publish()
    with rule(sites):
        # The Job's own deadline is a minute later.
        told = sites.failed_claim(timeout="1s")
        assert "DeadlineExceeded" in told
        assert runbook.leads_to(told, "`oc describe job/create-access-token-from-vault -n rhsi`")
        events = sites.kind("site-b", "Event", "v1").get(namespace=NAMESPACE).items
        assert [event for event in events if event.reason == "FailedCreate" and "forbidden" in event.message]
    sites.checkout.up("site-b")
    sites.assert_settled()
