"""Operators of somebody else: when they are looked for, in which words they are refused, and what is taken over."""

from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.operators import owners
from tests.unit.operator_wait import Wait
from tests.unit.recorder import STANDBY, record
from tests.unit.urns import OPERATORS, VARIANTS

SUBSCRIPTION = "kubernetes:operators.coreos.com/v1alpha1:Subscription"
JOB = "kubernetes:batch/v1:Job"


def test_somebody_elses_operators_are_refused_all_at_once(tmp_path: Path) -> None:
    wait = Wait(tmp_path)
    wanted = "skupper=openshift-operators/skupper-operator database=cnpg-system/cloudnative-pg"
    (wait.root / "all").write_text("")
    assert wait.shell(owners.SCRIPT, WANTED=wanted).returncode == 0
    # As after a run that was killed, and before an upgrade.
    own = "skupper-operator=openshift-operators/skupper-operator cloudnative-pg=cnpg-system/cloudnative-pg other=a/b "
    (wait.root / "all").write_text(own)
    assert wait.shell(owners.SCRIPT, WANTED=wanted).returncode == 0
    (wait.root / "all").write_text(
        f"{own}cloudnative-pg=openshift-operators/cloudnative-pg skupper-operator=shop/mine "
    )
    done = wait.shell(owners.SCRIPT, WANTED=wanted)
    assert done.returncode == 1
    sentence = done.stdout.splitlines()[-1]
    assert "Subscription openshift-operators/cloudnative-pg is for the package cloudnative-pg too" in sentence
    assert "Remove rhsi:operators.database from the settings" in sentence
    assert "Subscription shop/mine is for the package skupper-operator too" in sentence
    assert "Remove rhsi:operators.skupper from the settings" in sentence


@pytest.mark.parametrize("name", ["primary with operators", "standby with operators"])
def test_other_peoples_subscriptions_are_looked_for_before_anything_of_an_operator_is_made(name: str) -> None:
    variant = VARIANTS[name]
    graph = record(variant.settings, stack=variant.stack, primary_outputs=variant.primary_outputs)
    look = graph.named(JOB, owners.JOB_NAME)
    (container,) = look.inputs["spec"]["template"]["spec"]["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert set(variables["WANTED"].split()) >= {
        "skupper=openshift-operators/skupper-operator",
        "database=postgresql-operator-system/cloud-native-postgresql",
    }
    assert len(variables["WANTED"].split()) == len(graph.of_type(SUBSCRIPTION))
    for one in graph.of_type(SUBSCRIPTION):
        assert graph.waits_for(one, look), one.name
    for token in ("kubernetes:operators.coreos.com/v1:OperatorGroup", "kubernetes:core/v1:Namespace"):
        for one in graph.made(token):
            if one.inputs["metadata"]["name"] not in {"rhsi", "db"}:
                assert graph.waits_for(one, look), one.name
    site = graph.named("kubernetes:core/v1:Namespace", "rhsi")
    assert graph.waits_for(look, site)
    binding = graph.named("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", f"{owners.JOB_NAME}-rhsi")
    assert graph.waits_for(look, binding)


def test_the_look_comes_after_the_sites_namespace_whatever_brings_it() -> None:
    """The databases' operator alone, beside a Site of this stack and beside one that exists."""
    edb = {"enabled": True, "operator": "community"}
    cluster = {**STANDBY["cluster"], "createNamespace": False}
    for skupper in ({}, {"existingSite": "hub"}):
        values = {**STANDBY, "cluster": cluster, "skupper": skupper, "edb": edb}
        graph = record({**values, "operators": {"database": {"enabled": True}}}, stack="site-b")
        look, claim = graph.named(JOB, owners.JOB_NAME), "kubernetes:core/v1:ConfigMap"
        (owned,) = [
            one
            for one in graph.made(claim)
            if one.inputs["metadata"]["name"] == "rhsi-owner" and one.inputs["metadata"]["namespace"] == "rhsi"
        ]
        assert graph.waits_for(look, owned)
        assert graph.waits_for(graph.one(SUBSCRIPTION), look)
        for site in graph.made("kubernetes:skupper.io/v2alpha1:Site"):
            assert not graph.waits_for(site, look), "Skupper's operator is somebody else's"


def test_the_look_is_made_again_only_where_an_operator_comes_or_moves() -> None:
    def run(**operators: Any) -> Any:
        values = {**STANDBY, "networkObserver": {"enabled": True}, "operators": operators}
        graph = record(values, stack="site-b")
        return graph.named("kubernetes:core/v1:ConfigMap", owners.JOB_NAME).inputs["data"]

    usual = run(skupper={"enabled": True})
    assert usual == run(skupper={"enabled": True, "channel": "stable-2.2", "approval": "Manual"})
    assert usual != run(skupper={"enabled": True, "namespace": "skupper"})
    assert usual != run(skupper={"enabled": True}, networkObserver={"enabled": True})


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("openshift-operators/skupper-operator", {"skupper-operator"}),
        ("cnpg-system/cloudnative-pg", {"cloudnative-pg"}),
        ("cnpg-system", {"cloudnative-pg"}),
        ("openshift-operators", set()),
    ],
)
def test_taking_over_a_subscription_is_for_one_run_and_for_that_one(
    monkeypatch: pytest.MonkeyPatch, named: str, taken: set[str]
) -> None:
    """The platform's namespace has those of all kinds of people."""
    values = {**STANDBY, "edb": {"enabled": True, "operator": "community"}, "networkObserver": {"enabled": True}}
    monkeypatch.setenv("RHSI_TAKE_OVER", named)
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warned.append(text))
    graph = record({**values, "operators": OPERATORS}, stack="site-b")
    found = {one.inputs["metadata"]["name"] for one in graph.of_type(SUBSCRIPTION) if "::kubernetes::" in one.provider}
    assert found == taken
    assert [text for text in warned if named in text], "whoever names something is told what becomes of it"
