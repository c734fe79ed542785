"""A platform with rules: default labels, a quota, network policies, and pull secrets, met by the operator's own `up`.

Every object that the operator makes in the namespace, and every pod and volume claim of whoever makes it, must carry a
label, or the API server refuses it; a quota refuses pods with a container that leaves out cpu or memory.
"""

from collections.abc import Callable, Iterator

import pytest

from components.settings.images import CLUSTER_REGISTRY
from lab.kube import Manifest, connect
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.operator_rights import ACCOUNT, operator
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

NAMESPACE, SITES = "rhsi", {"site-a": "postgres-primary", "site-b": "postgres-standby"}
ADMISSION, RULE = "admissionregistration.k8s.io/v1", "team-label"
KEY, REFUSED = "example.com/team", "every object names its team"
OPERATOR = f"system:serviceaccount:{ACCOUNT}:{ACCOUNT}"
QUOTA = {"requests.cpu": "2", "requests.memory": "4Gi", "limits.cpu": "4", "limits.memory": "8Gi"}
SETTINGS: dict[str, Manifest] = {
    "labels": {KEY: "payments"},
    "annotations": {"example.com/contact": "team@example.com = on call"},
    "pods": {
        "imagePullSecrets": ["mirror"],
        "completeResources": True,
        "tolerations": [{"key": "example.com/only", "operator": "Exists"}],
        "proxy": {"httpsProxy": "http://proxy.example.com:3128"},
    },
    "networkPolicies": {"enabled": True},
}
POLICY: dict[str, Manifest] = {
    "ValidatingAdmissionPolicy": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["*"]}
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        },
        "matchConditions": [
            {
                "name": "made-for-the-site",
                "expression": f"request.userInfo.username == '{OPERATOR}' && has(request.namespace)"
                " || request.resource.resource in ['pods', 'persistentvolumeclaims']",
            }
        ],
        "validations": [
            {
                "expression": f"has(object.metadata.labels) && '{KEY}' in object.metadata.labels",
                "message": REFUSED,
            }
        ],
    },
    "ValidatingAdmissionPolicyBinding": {"policyName": RULE, "validationActions": ["Deny"]},
}


@pytest.fixture(scope="module")
def checkout(
    lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """Both stacks with databases, of which nothing stands yet, on clusters with these rules."""
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), {site: [NAMESPACE] for site in SITES})
    made = copy_checkout(rights)
    made.change("site-a", "postgres", {"enabled": True})
    made.change("site-b", "postgres", {"enabled": True, "smokeTest": True})
    for site in SITES:
        client = connect(site)
        quota: Manifest = {"metadata": {"name": "team"}, "spec": {"hard": QUOTA}}
        client.resources.get(api_version="v1", kind="ResourceQuota").create(body=quota, namespace=NAMESPACE)
        for kind, spec in POLICY.items():
            body: Manifest = {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": RULE}, "spec": spec}
            client.resources.get(api_version=ADMISSION, kind=kind).create(body=body)
        until(lambda site=site: refuses(site))  # type: ignore[misc]  # a default binds the loop's variable
    yield made
    for site in SITES:
        for kind in POLICY:
            connect(site).resources.get(api_version=ADMISSION, kind=kind).delete(name=RULE)


def refuses(site: str) -> bool:
    """Whether the rule works already."""
    pod: Manifest = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    try:
        connect(site).resources.get(api_version="v1", kind="Pod").create(body=pod, namespace=NAMESPACE, dry_run="All")
    except Exception as error:
        return REFUSED in str(error)
    return False


def items(site: str, kind: str, api_version: str = "v1") -> dict[str, Manifest]:
    """What stands in the namespace of one kind, by name."""
    found = connect(site).resources.get(api_version=api_version, kind=kind).get(namespace=NAMESPACE).to_dict()["items"]
    return {item["metadata"]["name"]: item for item in found}


def acting(site: str) -> dict[str, str]:
    """UIDs of what a change of labels must not make anew: Jobs, and the database's pod."""
    found = {**items(site, "Job", "batch/v1"), **items(site, "Pod")}
    return {name: item["metadata"]["uid"] for name, item in found.items()}


def test_without_labels_the_preview_tells_whose_rule_refuses_the_stack(checkout: Checkout) -> None:
    told = checkout.run("preview", "site-a")
    assert told.code != 0
    assert REFUSED in told.text


def test_with_the_settings_both_sites_come_up_under_the_rules(checkout: Checkout) -> None:
    for site, server in SITES.items():
        for key, value in SETTINGS.items():
            checkout.change(site, key, value)
        result = checkout.run("up", site)
        assert result.code == 0, result.text
        pods = items(site, "Pod")
        assert f"{server}-0" in pods
        for pod in pods.values():
            assert pod["metadata"]["labels"][KEY] == "payments"
            assert pod["metadata"]["annotations"]["example.com/contact"] == "team@example.com = on call"
            # What is in the cluster's own registry is pulled with its account's.
            elsewhere = not pod["spec"]["containers"][0]["image"].startswith(CLUSTER_REGISTRY)
            assert ({"name": "mirror"} in pod["spec"].get("imagePullSecrets", [])) is elsewhere
            assert "example.com/only" in [one.get("key") for one in pod["spec"]["tolerations"]]
        assert items(site, "PersistentVolumeClaim")[f"data-{server}-0"]["metadata"]["labels"][KEY] == "payments"
        assert {"rhsi-router", "rhsi-jobs", "rhsi-postgres"} <= items(
            site, "NetworkPolicy", "networking.k8s.io/v1"
        ).keys()
        again = checkout.run("up", site, "--expect-no-changes")
        assert again.code == 0, again.text
    # Through External Secrets, with a template and without.
    for secret in ("rhsi-link-token", "postgres-application"):
        assert items("site-b", "Secret")[secret]["metadata"]["labels"][KEY] == "payments"


def test_a_changed_label_runs_no_job_and_starts_no_database_again(checkout: Checkout) -> None:
    for site, server in SITES.items():
        before = acting(site)
        checkout.change(site, "labels", {KEY: "payments", "example.com/tier": "gold"})
        result = checkout.run("up", site)
        assert result.code == 0, result.text
        assert acting(site) == before
        changed = [
            items(site, "Service")[server],
            items(site, "StatefulSet", "apps/v1")[server],
            *items(site, "Job", "batch/v1").values(),
            *items(site, "Site", "skupper.io/v2alpha1").values(),
        ]
        assert [one["metadata"]["labels"].get("example.com/tier") for one in changed] == ["gold"] * len(changed)
        again = checkout.run("up", site, "--expect-no-changes")
        assert again.code == 0, again.text


def test_the_next_run_of_a_job_and_a_wanted_restart_bring_it_to_the_pods(checkout: Checkout) -> None:
    checkout.next_rotation()
    checkout.up("site-a")
    checkout.change("site-b", "pods", {**SETTINGS["pods"], "restartDatabases": True})
    checkout.up("site-b")
    job = items("site-b", "Job", "batch/v1")["create-access-token-from-vault"]
    server = items("site-b", "StatefulSet", "apps/v1")["postgres-standby"]
    for one in (job, server):
        assert one["spec"]["template"]["metadata"]["labels"]["example.com/tier"] == "gold"
    until(
        lambda: (
            items("site-b", "Pod")
            .get("postgres-standby-0", {"metadata": {}})["metadata"]
            .get("labels", {})
            .get("example.com/tier")
            == "gold"
        )
    )
