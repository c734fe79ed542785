"""Who makes the site's namespace: the administrator with deploy/operator-rbac.yaml, or a stack with more rights.

A person who mistakes the one for the other is told, and the other answer then works, for nothing was made yet.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.kube import Manifest, connect, find
from ops.doctor import rbac_file
from tests.lab import operator_rights, runbook
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

NAMESPACE, SITE, SETTING = "rhsi", "site-a", "cluster.createNamespace"
ALLOWED = {SITE: [NAMESPACE]}
BINDINGS = {"rhsi-preview", "rhsi-operator", "rhsi-databases"}
RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def checkout(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path: Path) -> Iterator[Checkout]:
    """The operator's, of whom nothing stands; with the default of createNamespace."""
    found = copy_checkout(operator_rights.operator(lab.environment, tmp_path, ALLOWED))
    found.change(SITE, SETTING, True)
    yield found
    found.change(SITE, "protect", False)
    result = found.run("destroy", SITE)
    assert result.code == 0, result.text


@pytest.fixture
def administrators(lab: Lab, checkout: Checkout) -> Checkout:
    """The same stacks, run by the administrator."""
    return Checkout(checkout.root, lab.environment)


def bindings() -> set[str]:
    """The RoleBindings of the site's namespace."""
    found = connect(SITE).resources.get(api_version=RBAC, kind="RoleBinding").get(namespace=NAMESPACE)
    return {item.metadata.name for item in found.items}


def rules_on_namespaces() -> list[Manifest]:
    """What deploy/operator-rbac.yaml has in a comment for a stack that is handed over."""
    found = [
        grant
        for grant in rbac_file.grants(rbac_file.FILE.read_text())
        if (grant.role, grant.resource) == ("ClusterRole/rhsi-operator-cluster", "namespaces")
    ]
    assert {(grant.verb, grant.name) for grant in found} >= {("create", ""), ("delete", NAMESPACE)}
    return [
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": [grant.name] if grant.name else [],
            "verbs": [grant.verb],
        }
        for grant in found
        if grant.verb != "create"
    ]


def test_who_leaves_the_namespace_to_the_stack_without_the_right_is_told_and_goes_on(checkout: Checkout) -> None:
    refused = checkout.run("up", SITE)
    assert refused.code != 0
    assert 'cannot create resource "namespaces"' in refused.text
    assert runbook.leads_to(refused.text, "createNamespace")
    checkout.change(SITE, SETTING, False)
    checkout.up(SITE)
    for action in ("preview", "up"):
        checkout.change(SITE, SETTING, True)
        assert "rhsi:cluster.createNamespace is true, it was false" in checkout.run(action, SITE).text
        checkout.change(SITE, SETTING, False)
    checkout.change(SITE, "protect", False)
    checkout.up(SITE)
    checkout.destroy(SITE)
    assert bindings() == BINDINGS, "they and their namespace are the administrator's"
    checkout.up(SITE)


def test_an_administrator_whose_file_made_the_namespace_goes_on_with_it_or_with_another(
    administrators: Checkout,
) -> None:
    refused = administrators.run("up", SITE)
    assert 'namespaces "rhsi" already exists' in refused.text
    assert runbook.leads_to(refused.text, "createNamespace: false")
    administrators.change(SITE, "cluster.namespace", "rhsi-elsewhere")
    preview = administrators.run("preview", SITE)
    assert preview.code == 0, preview.text
    administrators.change(SITE, "cluster.namespace", NAMESPACE)
    administrators.change(SITE, SETTING, False)
    administrators.up(SITE)


def test_a_stack_that_made_its_namespace_can_be_handed_over(checkout: Checkout, administrators: Checkout) -> None:
    namespaces = connect(SITE).resources.get(api_version="v1", kind="Namespace")
    namespaces.delete(name=NAMESPACE)
    until(lambda: find(connect(SITE), "v1", "Namespace", NAMESPACE) is None)
    administrators.up(SITE)
    operator_rights.grant({SITE: [NAMESPACE]})
    cluster_roles = connect(SITE).resources.get(api_version=RBAC, kind="ClusterRole")
    own = f"rhsi-operator-cluster-{NAMESPACE}"
    rules = cluster_roles.get(name=own).to_dict()["rules"] + rules_on_namespaces()
    cluster_roles.patch(name=own, body={"rules": rules}, content_type="application/merge-patch+json")
    for action in ("up", "refresh"):
        result = checkout.run(action, SITE, "--expect-no-changes")
        assert result.code == 0, result.text
    checkout.change(SITE, "protect", False)
    checkout.up(SITE)
    checkout.destroy(SITE)
    assert find(connect(SITE), "v1", "Namespace", NAMESPACE) is None, "with the bindings in it"
