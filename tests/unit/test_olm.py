"""The stand-in of OLM: what becomes of a Subscription, in upstream's states and words."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.kinds import DEFINITION, DEPLOYMENT, POD, SERVICE_ACCOUNT
from lab.stand_ins.olm import operator, packages
from lab.stand_ins.olm.bundles import in_range
from lab.stand_ins.olm.csvs import unsupported
from lab.stand_ins.olm.kinds import (
    CATALOG_SOURCE,
    CSV,
    INSTALL_PLAN,
    MARKETPLACE,
    OPERATOR_GROUP,
    SUBSCRIPTION,
)
from lab.stand_ins.olm.manifests import MANIFEST
from lab.stand_ins.olm.operator import Olm
from tests.unit.fake_cluster import FakeCluster

OPERATORS = "openshift-operators"
OLD, OLDER = "skupper-operator.v2.1.3-rh-1", "skupper-operator.v2.1.2-rh-1"
NEWEST = "skupper-operator.v2.2.1-rh-1"
SITES = "sites.skupper.io"


class World:
    """A cluster with OLM, and somebody who stands for the operators' pods."""

    def __init__(self, cluster: FakeCluster, olm: Olm) -> None:
        self.cluster, self._olm = cluster, olm
        self.pods_run = True
        olm._make_openshift()
        self.settle()

    def settle(self) -> None:
        """Until nothing moves: OLM, the API server that serves definitions, and the operators' pods."""
        while True:
            self.cluster.settle(self._olm._handle)
            for definition in self.cluster.api.list(DEFINITION):
                if not conditions.is_true(definition.get("status") or {}, "Established"):
                    definition["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
                    self.cluster.api.replace_status(DEFINITION, definition)
            for deployment in self.cluster.api.list(DEPLOYMENT) if self.pods_run else []:
                self.report(deployment, "Available", "True")
            if not self.cluster.queue.ready:
                return

    def report(self, deployment: Manifest, kind: str, value: str, reason: str = "") -> None:
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "conditions": [{"type": kind, "status": value, "reason": reason}],
        }
        if deployment.get("status") != status:
            self.cluster.api.replace_status(DEPLOYMENT, {**deployment, "status": status})

    def subscribe(
        self, name: str = "skupper-operator", namespace: str = OPERATORS, channel: str = "stable-2", **spec: Any
    ) -> None:
        body = {"name": name, "channel": channel, "source": "redhat-operators", "sourceNamespace": MARKETPLACE, **spec}
        self.cluster.api.create(SUBSCRIPTION, namespace, {"metadata": {"name": name}, "spec": body})
        self.settle()

    def change(self, kind: Kind, namespace: str, name: str, **spec: Any) -> None:
        found = self.get(kind, namespace, name)
        self.cluster.api.replace(kind, {**found, "spec": {**found["spec"], **spec}})
        self.settle()

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        self.cluster.api.delete(kind, namespace, name)
        self.settle()

    def group(self, namespace: str, name: str = "group", **spec: Any) -> None:
        self.cluster.api.create(OPERATOR_GROUP, namespace, {"metadata": {"name": name}, "spec": spec})
        self.settle()

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        found = self.cluster.api.get(kind, namespace, name)
        assert found, f"{kind.name} {namespace}/{name} is not there"
        return found

    def status(self, name: str = "skupper-operator", namespace: str = OPERATORS) -> Manifest:
        found: Manifest = self.get(SUBSCRIPTION, namespace, name)["status"]
        return found

    def condition(self, kind: str, name: str = "skupper-operator", namespace: str = OPERATORS) -> Manifest:
        return conditions.find(self.status(name, namespace), kind)

    def versions(self, namespace: str = OPERATORS) -> dict[str, str]:
        """CSV -> phase."""
        return {one["metadata"]["name"]: one["status"]["phase"] for one in self.cluster.api.list(CSV, namespace)}

    def plans(self, namespace: str = OPERATORS) -> list[Manifest]:
        return self.cluster.api.list(INSTALL_PLAN, namespace)

    def approve(self, namespace: str = OPERATORS) -> None:
        for plan in self.plans(namespace):
            if not plan["spec"]["approved"]:
                self.change(INSTALL_PLAN, namespace, plan["metadata"]["name"], approved=True)


@pytest.fixture(autouse=True, scope="module")
def _no_download() -> Iterator[None]:
    """External Secrets' own definitions come from a module that a unit test must not download."""
    names = {"kind": "ExternalSecret", "plural": "externalsecrets"}
    version = {"name": "v1", "served": True, "storage": True}
    spec = {"group": "external-secrets.io", "names": names, "versions": [version]}
    definition = {"metadata": {"name": "externalsecrets.external-secrets.io"}, "spec": spec}
    caches = (packages.catalogues, packages._secrets, packages._old_secrets)
    for one in caches:
        one.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "external_secrets_definitions", lambda _: [definition])
        yield
    for one in caches:
        one.cache_clear()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    cluster = FakeCluster()
    monkeypatch.setattr(operator, "WatchedCluster", lambda *_: cluster)
    return World(cluster, Olm("site-a", []))


def test_a_cluster_has_openshifts_namespaces_group_and_catalogues(world: World) -> None:
    assert world.get(OPERATOR_GROUP, OPERATORS, "global-operators")["status"]["namespaces"] == [""]
    states = {
        one["metadata"]["name"]: one["status"]["connectionState"]["lastObservedState"]
        for one in world.cluster.api.list(CATALOG_SOURCE, MARKETPLACE)
    }
    assert set(states.values()) == {"READY"}
    assert {"redhat-operators", "certified-operators", "community-operators"} <= states.keys()


def test_the_packages_are_there_to_be_read_with_their_channels(world: World) -> None:
    status = world.get(MANIFEST, MARKETPLACE, "skupper-operator")["status"]
    heads = {one["name"]: one["currentCSV"] for one in status["channels"]}
    assert heads == {"stable-2": NEWEST, "stable-2.1": OLD, "stable-2.2": NEWEST}
    world.delete(CATALOG_SOURCE, MARKETPLACE, "redhat-operators")
    assert not [one for one in world.cluster.api.list(MANIFEST) if one["status"]["packageName"] == "skupper-operator"]


def test_a_subscription_brings_the_newest_version_its_kinds_and_its_deployment(world: World) -> None:
    world.subscribe()
    status = world.status()
    assert (status["state"], status["installedCSV"], status["currentCSV"]) == ("AtLatestKnown", NEWEST, NEWEST)
    assert world.versions() == {NEWEST: "Succeeded"}
    (plan,) = world.plans()
    assert (plan["status"]["phase"], plan["spec"]["approval"]) == ("Complete", "Automatic")
    assert {step["status"] for step in plan["status"]["plan"]} == {"Created"}
    assert world.get(DEFINITION, "", SITES)
    deployment = world.get(DEPLOYMENT, OPERATORS, "skupper-controller")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "-enable-grants" in container["args"]
    assert world.condition("CatalogSourcesUnhealthy")["status"] == "False"
    assert not world.condition("ResolutionFailed")


def test_a_version_is_not_installed_before_its_deployment_is_available(world: World) -> None:
    world.pods_run = False
    world.subscribe()
    (csv,) = world.cluster.api.list(CSV)
    assert csv["status"]["phase"] == "Installing"
    assert "waiting for deployment skupper-controller to become ready" in csv["status"]["message"]
    world.pods_run = True
    world.settle()
    assert world.versions() == {NEWEST: "Succeeded"}


def test_with_manual_approval_nothing_comes_before_a_person_approves(world: World) -> None:
    world.subscribe(installPlanApproval="Manual")
    pending = world.condition("InstallPlanPending")
    assert (pending["status"], pending["reason"]) == ("True", "RequiresApproval")
    assert world.status()["state"] == "UpgradePending"
    assert "installedCSV" not in world.status()
    assert not world.versions()
    assert world.cluster.api.get(DEFINITION, "", SITES) is None
    world.approve()
    assert world.versions() == {NEWEST: "Succeeded"}
    assert not world.condition("InstallPlanPending")


def test_one_manual_subscription_makes_all_plans_of_its_namespace_manual(world: World) -> None:
    world.subscribe(installPlanApproval="Manual")
    world.subscribe("skupper-netobs-operator")
    assert [plan["spec"]["approval"] for plan in world.plans()] == ["Manual", "Manual"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"name": "skuper-operator"},
            "constraints not satisfiable: no operators found in package skuper-operator in the catalog referenced by "
            "subscription skuper-operator, subscription skuper-operator exists",
        ),
        (
            {"channel": "stable-3"},
            "constraints not satisfiable: no operators found in channel stable-3 of package skupper-operator in the "
            "catalog referenced by subscription skupper-operator, subscription skupper-operator exists",
        ),
        (
            {"startingCSV": "skupper-operator.v9"},
            "constraints not satisfiable: no operators found with name skupper-operator.v9 in channel stable-2 of "
            "package skupper-operator in the catalog referenced by subscription skupper-operator, subscription "
            "skupper-operator exists",
        ),
        (
            {"source": "redhat"},
            "constraints not satisfiable: no operators found from catalog redhat in namespace openshift-marketplace "
            "referenced by subscription skupper-operator, subscription skupper-operator exists",
        ),
    ],
)
def test_what_no_catalogue_has_cannot_be_resolved(world: World, spec: dict[str, str], message: str) -> None:
    world.subscribe(**{"name": "skupper-operator", **spec})
    name = spec.get("name", "skupper-operator")
    failed = world.condition("ResolutionFailed", name)
    assert (failed["reason"], failed["message"]) == ("ConstraintsNotSatisfiable", message)
    assert not world.plans()
    is_missing = world.condition("CatalogSourcesUnhealthy", name)["status"] == "True"
    assert is_missing == ("source" in spec)


def test_a_correction_of_the_channel_is_taken_up(world: World) -> None:
    world.subscribe(channel="stable-3")
    world.change(SUBSCRIPTION, OPERATORS, "skupper-operator", channel="stable-2")
    assert not world.condition("ResolutionFailed")
    assert world.versions() == {NEWEST: "Succeeded"}


@pytest.mark.parametrize("number", [0, 2])
def test_a_namespace_without_exactly_one_operator_group_resolves_nothing(world: World, number: int) -> None:
    for index in range(number):
        world.group("mine", f"group-{index}")
    world.subscribe(namespace="mine")
    failed = world.condition("ResolutionFailed", namespace="mine")
    assert failed["reason"] == "ErrorPreventedResolution"
    assert failed["message"] == f"expected 1 OperatorGroup in the namespace, found {number}"


def test_a_second_operator_group_says_so_and_fails_what_is_installed(world: World) -> None:
    world.subscribe()
    world.group(OPERATORS, "mine")
    csv = world.get(CSV, OPERATORS, NEWEST)
    assert (csv["status"]["phase"], csv["status"]["reason"]) == ("Failed", "TooManyOperatorGroups")
    assert conditions.is_true(world.get(OPERATOR_GROUP, OPERATORS, "mine")["status"], "MultipleOperatorGroups")
    world.delete(OPERATOR_GROUP, OPERATORS, "mine")
    assert world.versions() == {NEWEST: "Succeeded"}
    assert not world.get(OPERATOR_GROUP, OPERATORS, "global-operators")["status"]["conditions"]


def test_a_catalogue_that_cannot_be_pulled_keeps_its_whole_reach_from_being_resolved(world: World) -> None:
    spec = {"sourceType": "grpc", "image": "mirror.example.com/index:latest"}
    world.cluster.api.create(CATALOG_SOURCE, MARKETPLACE, {"metadata": {"name": "mine"}, "spec": spec})
    world.settle()
    state = world.get(CATALOG_SOURCE, MARKETPLACE, "mine")["status"]["connectionState"]
    assert state["lastObservedState"] == "TRANSIENT_FAILURE"
    (pod,) = [one for one in world.cluster.api.list(POD) if one["metadata"]["labels"]["olm.catalogSource"] == "mine"]
    (container,) = pod["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "ImagePullBackOff"
    world.subscribe()
    failed = world.condition("ResolutionFailed")
    assert failed["reason"] == "ErrorPreventedResolution"
    assert failed["message"].startswith(
        "error using catalogsource openshift-marketplace/mine: failed to list bundles: rpc error: code = Unavailable"
    )
    # Upstream looks for the catalogue's pod, which is there.
    assert world.condition("CatalogSourcesUnhealthy")["status"] == "False"
    world.delete(CATALOG_SOURCE, MARKETPLACE, "mine")
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_catalogue_with_another_image_has_another_pod(world: World) -> None:
    spec = {"sourceType": "grpc", "image": "mirror.example.com/index:latest"}
    world.cluster.api.create(CATALOG_SOURCE, MARKETPLACE, {"metadata": {"name": "mine"}, "spec": spec})
    world.settle()
    world.change(CATALOG_SOURCE, MARKETPLACE, "mine", image="mirror.example.com/redhat/redhat-marketplace-index:v4.20")
    (pod,) = [one for one in world.cluster.api.list(POD) if one["metadata"]["labels"]["olm.catalogSource"] == "mine"]
    assert pod["status"]["phase"] == "Running"
    state = world.get(CATALOG_SOURCE, MARKETPLACE, "mine")["status"]["connectionState"]
    assert state["lastObservedState"] == "READY"


def test_a_version_fails_where_its_group_selects_what_it_does_not_support(world: World) -> None:
    world.group("mine", targetNamespaces=["mine"])
    world.subscribe(namespace="mine")
    csv = world.get(CSV, "mine", NEWEST)
    assert (csv["status"]["phase"], csv["status"]["reason"]) == ("Failed", "UnsupportedOperatorGroup")
    assert (
        csv["status"]["message"]
        == "OwnNamespace InstallModeType not supported, cannot configure to watch own namespace"
    )
    assert not world.cluster.api.list(DEPLOYMENT)
    group = world.get(OPERATOR_GROUP, "mine", "group")
    world.cluster.api.replace(OPERATOR_GROUP, {**group, "spec": {}})
    world.settle()
    assert world.versions("mine") == {NEWEST: "Succeeded"}


@pytest.mark.parametrize(
    ("modes", "selected", "said"),
    [
        (["AllNamespaces"], [""], ""),
        (["OwnNamespace"], ["mine"], ""),
        (["SingleNamespace"], ["theirs"], ""),
        (["MultiNamespace"], ["theirs", "others"], ""),
        ([], [""], "AllNamespaces InstallModeType not supported, cannot configure to watch all namespaces"),
        ([], ["theirs"], "SingleNamespace InstallModeType not supported, cannot configure to watch one namespace"),
        ([], ["a", "b"], "MultiNamespace InstallModeType not supported, cannot configure to watch 2 namespaces"),
        (
            ["MultiNamespace"],
            ["a", "mine"],
            "OwnNamespace InstallModeType not supported, cannot configure to watch own namespace",
        ),
        ([], [], "operatorgroup has invalid selected namespaces, cannot configure to watch zero namespaces"),
    ],
)
def test_install_modes_decide_which_namespaces_can_be_watched(modes: list[str], selected: list[str], said: str) -> None:
    supported = [{"type": mode, "supported": True} for mode in modes]
    csv = {"metadata": {"namespace": "mine"}, "spec": {"installModes": supported}}
    assert unsupported(csv, selected) == said


def test_the_same_operator_twice_in_a_cluster_fails_the_second(world: World) -> None:
    world.subscribe()
    world.group("mine")
    world.subscribe(namespace="mine")
    csv = world.get(CSV, "mine", NEWEST)
    assert (csv["status"]["phase"], csv["status"]["reason"]) == ("Failed", "InterOperatorGroupOwnerConflict")
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_changed_channel_upgrades_along_its_chain_and_replaces_the_old_version(world: World) -> None:
    world.subscribe(channel="stable-2.1")
    assert world.versions() == {OLD: "Succeeded"}
    before = world.get(DEPLOYMENT, OPERATORS, "skupper-controller")
    world.change(SUBSCRIPTION, OPERATORS, "skupper-operator", channel="stable-2.2")
    assert world.versions() == {NEWEST: "Succeeded"}
    after = world.get(DEPLOYMENT, OPERATORS, "skupper-controller")
    assert after["metadata"]["generation"] > before["metadata"]["generation"]
    assert world.status()["installedCSV"] == NEWEST
    assert len(world.plans()) == 2


def test_a_channel_that_does_not_lead_on_changes_nothing_and_says_nothing(world: World) -> None:
    world.subscribe()
    world.change(SUBSCRIPTION, OPERATORS, "skupper-operator", channel="stable-2.1")
    assert world.versions() == {NEWEST: "Succeeded"}
    assert world.status()["state"] == "AtLatestKnown"
    assert not world.condition("ResolutionFailed")


def test_the_starting_version_is_for_the_first_installation_only(world: World) -> None:
    world.subscribe(startingCSV=OLDER, installPlanApproval="Manual")
    world.approve()
    assert world.versions() == {OLDER: "Succeeded"}
    assert world.status()["state"] == "UpgradePending", "the next one waits for approval"
    assert world.status()["installedCSV"] == OLDER
    world.approve()
    assert world.versions() == {NEWEST: "Succeeded"}


def test_an_automatic_subscription_goes_on_from_its_starting_version(world: World) -> None:
    world.subscribe(startingCSV=OLDER)
    assert world.versions() == {NEWEST: "Succeeded"}
    assert len(world.plans()) == 2


def test_a_removed_subscription_leaves_everything_and_bars_the_way_to_the_next_one(world: World) -> None:
    world.subscribe()
    world.delete(SUBSCRIPTION, OPERATORS, "skupper-operator")
    assert world.versions() == {NEWEST: "Succeeded"}
    assert not world.plans(), "they go with their Subscriptions"
    world.subscribe()
    failed = world.condition("ResolutionFailed")
    assert failed["reason"] == "ConstraintsNotSatisfiable"
    assert f"clusterserviceversion {NEWEST} exists and is not referenced by a subscription" in failed["message"]
    world.delete(CSV, OPERATORS, NEWEST)
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_removed_version_takes_its_deployment_along_and_no_kind(world: World) -> None:
    world.subscribe()
    world.delete(SUBSCRIPTION, OPERATORS, "skupper-operator")
    world.delete(CSV, OPERATORS, NEWEST)
    assert not world.cluster.api.list(DEPLOYMENT)
    assert not world.cluster.api.list(SERVICE_ACCOUNT)
    assert world.get(DEFINITION, "", SITES)
    assert not world.get(OPERATOR_GROUP, OPERATORS, "global-operators")["metadata"]["annotations"]["olm.providedAPIs"]


def test_two_subscriptions_to_one_package_fail_both(world: World) -> None:
    world.subscribe()
    spec = {
        "name": "skupper-operator",
        "channel": "stable-2",
        "source": "redhat-operators",
        "sourceNamespace": MARKETPLACE,
    }
    world.cluster.api.create(SUBSCRIPTION, OPERATORS, {"metadata": {"name": "another"}, "spec": spec})
    world.settle()
    for name in ("another", "skupper-operator"):
        assert "subscription another requires" in world.condition("ResolutionFailed", name)["message"]
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_deployment_that_is_out_of_time_fails_the_version_until_it_is_well(world: World) -> None:
    world.pods_run = False
    world.subscribe()
    deployment = world.get(DEPLOYMENT, OPERATORS, "skupper-controller")
    world.report(deployment, "Progressing", "False", "ProgressDeadlineExceeded")
    world.settle()
    csv = world.get(CSV, OPERATORS, NEWEST)
    assert (csv["status"]["phase"], csv["status"]["reason"]) == ("Failed", "InstallCheckFailed")
    assert csv["status"]["message"] == (
        "install failed: deployment skupper-controller not ready before timeout: "
        'deployment "skupper-controller" exceeded its progress deadline'
    )
    world.pods_run = True
    world.settle()
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_kind_that_somebody_deletes_fails_its_version(world: World) -> None:
    world.subscribe()
    world.delete(DEFINITION, "", SITES)
    csv = world.get(CSV, OPERATORS, NEWEST)
    assert csv["status"]["phase"] in {"Failed", "Pending"}
    assert csv["status"]["reason"] == "RequirementsNotMet"


def test_what_a_subscription_configures_is_in_the_pods_and_rolled_out_when_it_changes(world: World) -> None:
    world.subscribe(config={"env": [{"name": "SKUPPER_ENABLE_GRANTS", "value": "true"}]})

    def environment() -> list[Manifest]:
        deployment = world.get(DEPLOYMENT, OPERATORS, "skupper-controller")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        found: list[Manifest] = container["env"]
        return found

    assert environment() == [{"name": "SKUPPER_ENABLE_GRANTS", "value": "true"}]
    changed = {"env": [{"name": "SKUPPER_ENABLE_GRANTS", "value": "false"}]}
    world.change(SUBSCRIPTION, OPERATORS, "skupper-operator", config=changed)
    assert environment() == changed["env"]
    assert world.versions() == {NEWEST: "Succeeded"}


def test_a_plan_that_is_deleted_before_its_approval_is_made_anew(world: World) -> None:
    world.subscribe(installPlanApproval="Manual")
    (plan,) = world.plans()
    world.delete(INSTALL_PLAN, OPERATORS, plan["metadata"]["name"])
    (again,) = world.plans()
    assert again["metadata"]["uid"] != plan["metadata"]["uid"]


@pytest.mark.parametrize(
    ("version", "wanted", "inside"),
    [
        ("2.1.0", ">=2.1.0 <2.2.0", True),
        ("2.2.0", ">=2.1.0 <2.2.0", False),
        ("2.0.9", ">=2.1.0 <2.2.0", False),
        ("2.10.0", ">2.9", True),
        ("1.0.0", "<1.1.0", True),
        ("2.1.0", "", False),
        ("2.1.0", "about 2", False),
    ],
)
def test_a_range_of_versions_is_read_as_numbers(version: str, wanted: str, *, inside: bool) -> None:
    assert in_range(version, wanted) is inside


def test_every_version_of_a_chain_replaces_one_that_is_there() -> None:
    for catalogue in packages.catalogues().values():
        for package in catalogue:
            assert package.default_channel in package.channels
            for entries in package.channels.values():
                names = [entry.bundle.name for entry in entries]
                assert [entry.replaces for entry in entries] == ["", *names[:-1]]
