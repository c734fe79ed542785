"""Whose is it, and is it still the same: namespaces, clusters, and a stack's own past, with the real engine.

A refusal counts only where nothing has changed: the other's objects are compared, whole, before and after.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import pytest
import yaml

from tests.lab import runbook
from tests.lab.checkout import Checkout, Result
from tests.lab.lab import Lab
from tests.lab.linked_sites import NAMESPACE, LinkedSites, Stage
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

SECONDS = 60
OTHER = "site-x"
EXTERNAL_SECRETS = "external-secrets.io/v1"
IN_A_NAMESPACE = {
    "v1": ("ConfigMap", "Secret", "ServiceAccount"),
    "skupper.io/v2alpha1": ("Site", "Link", "AccessToken"),
    EXTERNAL_SECRETS: ("SecretStore", "ExternalSecret"),
    "batch/v1": ("Job",),
}


def standing(sites: LinkedSites, context: str = "site-b") -> dict[str, str]:
    """Everything in the site's namespace: its version by `<Kind>/<name>`, which any write changes."""
    found = {}
    for api_version, kinds in IN_A_NAMESPACE.items():
        if context == "site-a" and api_version == EXTERNAL_SECRETS:
            continue
        for kind in kinds:
            for item in sites.kind(context, kind, api_version).get(namespace=NAMESPACE).items:
                # External Secrets writes the time of each of its looks.
                version = (
                    item.metadata.uid if kind in {"SecretStore", "ExternalSecret"} else item.metadata.resourceVersion
                )
                found[f"{kind}/{item.metadata.name}"] = version
    namespace = sites.kind(context, "Namespace", "v1").get(name=NAMESPACE)
    return {**found, "Namespace": namespace.metadata.resourceVersion}


def copied(checkout: Checkout, name: str = OTHER) -> None:
    """A copy of the standby's stack file under another name, as a person makes one for another site."""
    content = yaml.safe_load((checkout.root / "Pulumi.site-b.yaml").read_text())
    (checkout.root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(content))
    checkout.change("site-a", f"standbys.{name}", {"rotation": 1})


@contextmanager
def copy_of_the_standby(sites: LinkedSites, **cluster: Any) -> Iterator[str]:
    """A second standby in the first one's namespace, granted by the primary; it is gone afterwards."""
    checkout = sites.checkout
    copied(checkout)
    for key, value in cluster.items():
        checkout.change(OTHER, f"cluster.{key}", value)
    checkout.up("site-a")
    try:
        yield OTHER
    finally:
        result = checkout.run("destroy", OTHER)
        (checkout.root / f"Pulumi.{OTHER}.yaml").unlink()
        checkout.change("site-a", "standbys", {"site-b": {"rotation": sites.rotation}})
        checkout.up("site-a")
    assert result.code == 0, result.text


def refused(result: Result, *sentences: str) -> None:
    """A run that failed with these words, each of which the runbook explains."""
    assert result.code != 0, result.text
    for sentence in sentences:
        assert sentence in result.text, result.text
    assert "Traceback" not in result.text


def test_a_copied_stack_file_touches_nothing_in_the_first_ones_namespace(sites: LinkedSites) -> None:
    before = standing(sites)
    with copy_of_the_standby(sites) as other:
        result = sites.checkout.run("up", other)
        refused(result, 'namespaces "rhsi" already exists')
        assert runbook.leads_to(result.text, "kubectl get namespace")
        assert standing(sites) == before
    assert standing(sites) == before, "its destroy takes nothing along either"
    sites.assert_settled()


def test_the_owner_of_a_namespace_is_named_where_both_stacks_were_given_it(sites: LinkedSites) -> None:
    before = standing(sites)
    with copy_of_the_standby(sites, createNamespace=False) as other:
        for _ in range(2):
            result = sites.checkout.run("up", other)
            refused(result, 'conflicts with "rhsi organization/rhsi/site-b ')
            assert runbook.leads_to(result.text, "RHSI_TAKE_OVER")
            assert standing(sites) == before, "and a refusal is no beginning that the next run goes on with"
    assert standing(sites) == before
    sites.assert_settled()


def test_a_namespace_of_nobody_is_not_taken_over(new: LinkedSites) -> None:
    namespaces = new.kind("site-a", "Namespace", "v1")
    made = namespaces.create(body={"metadata": {"name": NAMESPACE, "labels": {"team": "somebody"}}})
    try:
        refused(new.checkout.run("up", "site-a"), 'namespaces "rhsi" already exists')
        new.checkout.destroy("site-a")
        kept = namespaces.get(name=NAMESPACE)
        assert (kept.metadata.uid, kept.metadata.resourceVersion) == (made.metadata.uid, made.metadata.resourceVersion)
    finally:
        namespaces.delete(name=NAMESPACE)
        until(lambda: NAMESPACE not in {item.metadata.name for item in namespaces.get().items}, SECONDS)
    new.stage = Stage.NOTHING


def test_taking_over_is_one_explicit_act_and_the_former_owner_is_told(
    sites: LinkedSites, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))
    claims = sites.kind("site-b", "ConfigMap", "v1")
    mine = claims.get(name="rhsi-owner", namespace=NAMESPACE).data
    with copy_of_the_standby(sites, createNamespace=False) as other:
        sites.checkout.change(other, "timeouts.secretStore", "1s")
        with monkeypatch.context() as patch:
            patch.setenv("RHSI_TAKE_OVER", NAMESPACE)
            taking = sites.checkout.run("up", other)
        assert "Namespace rhsi becomes this stack's" in taking.text
        assert claims.get(name="rhsi-owner", namespace=NAMESPACE).data.stack == f"organization/rhsi/{other}"

        for action in ("preview", "up"):
            told = sites.checkout.run(action, "site-b")
            refused(told, f"Namespace rhsi belongs to another stack now, organization/rhsi/{other}")
            assert runbook.leads_to(told.text, "RHSI_TAKE_OVER")
        with monkeypatch.context() as patch:
            patch.setenv("RHSI_TAKE_OVER", NAMESPACE)
            back = sites.checkout.run("up", "site-b", "--refresh")
        assert back.code == 0, back.text
        assert claims.get(name="rhsi-owner", namespace=NAMESPACE).data == mine
        refused(sites.checkout.run("preview", other), "organization/rhsi/site-b")
        # What it took is not its own any more, and `destroy` knows only the state: it forgets everything.
        removed = sites.checkout.pulumi("state", "delete", "--all", "--yes", "--stack", other)
        assert removed.code == 0, removed.text
        vault.sys.disable_auth_method(f"kubernetes-{other}")
        vault.sys.delete_policy(f"rhsi-{other}")
    sites.next_rotation()
    sites.checkout.up()
    sites.assert_settled()


def test_another_cluster_behind_the_context_is_refused_in_preview_too(sites: LinkedSites) -> None:
    elsewhere = {item.metadata.name for item in sites.kind("site-a", "Namespace", "v1").get().items}
    with sites.setting("site-b", "cluster.context", "site-a", usual="site-b"):
        for action in ("preview", "up"):
            result = sites.checkout.run(action, "site-b")
            refused(result, 'rhsi:cluster.context is "site-a", which leads to another cluster than before')
            assert runbook.leads_to(result.text, "kubectl config get-contexts")
    assert {item.metadata.name for item in sites.kind("site-a", "Namespace", "v1").get().items} == elsewhere
    # The state still holds the former context, which `destroy` follows.
    (provider,) = [
        one for one in sites.state("site-b")["resources"] if one["urn"].endswith("providers:kubernetes::kubernetes")
    ]
    assert provider["inputs"]["context"] == "site-b"
    # The provider that only looks has followed the wrong context, and follows the right one again.
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_context_that_does_not_exist_is_refused_in_preview_too(sites: LinkedSites) -> None:
    # The lab itself refuses such a stack file, so the kubeconfig is the one that lacks it.
    for action in ("preview", "up"):
        result = without_contexts(sites, action)
        refused(result, 'rhsi:cluster.context is "site-b": the kubeconfig has no context')
    sites.assert_settled()


def without_contexts(sites: LinkedSites, action: str) -> Result:
    """A run of the standby with a kubeconfig that lacks its context."""
    file = sites.lab.home.root / "kubeconfig-without-contexts"
    config = yaml.safe_load(sites.lab.kubeconfig.read_text())
    file.write_text(yaml.safe_dump({**config, "contexts": [], "current-context": ""}))
    checkout = Checkout(sites.checkout.root, dataclasses.replace(sites.checkout.environment, kubeconfig=str(file)))
    return checkout.run(action, "site-b")


PAST = [
    ("site-b", "cluster.namespace", "elsewhere", NAMESPACE, 'rhsi:cluster.namespace is "elsewhere", it was "rhsi"'),
    ("site-b", "cluster.createNamespace", False, True, "rhsi:cluster.createNamespace is false, it was true"),
    ("site-b", "vault.manageAuth", False, True, "rhsi:vault.manageAuth is false, it was true"),
    ("site-a", "vault.manageMount", False, True, "rhsi:vault.manageMount is false, it was true"),
    ("site-a", "site", "munich", "site-a", 'rhsi:site is "munich", it was "site-a"'),
]


@pytest.mark.parametrize("case", PAST, ids=[case[1] for case in PAST])
def test_what_names_or_owns_something_stays_what_it_was(
    sites: LinkedSites, case: tuple[str, str, object, object, str]
) -> None:
    stack, path, value, usual, sentence = case
    before = standing(sites, stack)
    with sites.setting(stack, path, value, usual=usual):
        for action in ("preview", "up"):
            result = sites.checkout.run(action, stack)
            refused(result, sentence)
            assert runbook.leads_to(result.text, "what it was")
    assert standing(sites, stack) == before
    sites.checkout.up(stack)
    sites.assert_settled()


def test_a_stack_keeps_its_role(sites: LinkedSites) -> None:
    before = standing(sites)
    role = sites.setting("site-b", "role", "primary", usual="standby")
    with role, sites.setting("site-b", "primaryStack", "", usual="site-a"):
        for action in ("preview", "up"):
            refused(sites.checkout.run(action, "site-b"), 'rhsi:role is "primary", it was "standby"')
    assert standing(sites) == before
    sites.assert_settled()


def test_a_rotation_never_goes_back_not_even_to_what_a_failed_run_left(sites: LinkedSites) -> None:
    number = sites.rotation
    with sites.setting("site-a", "standbys.site-b.rotation", number + 5, usual=number), sites.down("skupper"):
        with sites.setting("site-a", "timeouts.grant", "2s", usual="2m"):
            failed = sites.checkout.run("up", "site-a")
        assert failed.code != 0, "the grant never becomes ready"
    for action in ("preview", "up"):
        back = sites.checkout.run(action, "site-a")
        refused(back, f"rhsi:standbys.site-b.rotation is {number}, it was {number + 5}")
        assert runbook.leads_to(back.text, "what it was")
    sites.checkout.change("site-a", "standbys.site-b.rotation", number + 5)
    sites.checkout.up()
    sites.assert_settled()
