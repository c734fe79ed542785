"""InstallPlans and versions on the way to what a wait for an operator is about: what to approve, and what not."""

from pathlib import Path

import pytest

from tests.unit.operator_wait import END, LONG, MIDDLE, NEW, OLD, OTHER_CHANNELS, Wait, status


@pytest.fixture
def wait(tmp_path: Path) -> Wait:
    return Wait(tmp_path)


def waiting_plan(*versions: str) -> str:
    """An InstallPlan that nobody has approved."""
    return END.join(["no", "RequiresApproval", "".join(f"{one} " for one in versions), ""])


DELETE = "Delete it by `kubectl -n openshift-operators delete installplans.operators.coreos.com install-1`"


def test_a_plan_that_leads_past_the_wanted_version_is_no_plan_to_approve(wait: Wait) -> None:
    wait.approval, wait.starting = "Manual", MIDDLE
    pending = status(installed=OLD, current=NEW, state="UpgradePending")
    sentence = wait.refused(subscription=pending, plan=waiting_plan(NEW), manifests=LONG)
    assert sentence.startswith(
        f"InstallPlan openshift-operators/install-1 ({NEW}) waits for approval, but rhsi:operators.skupper.startingCSV "
        f"is {MIDDLE}, and OLM never goes back from {NEW}. {DELETE}"
    )
    assert f"set rhsi:operators.skupper.startingCSV to {NEW}, then" in sentence
    assert "patch" not in sentence


def test_a_plan_on_the_way_to_the_wanted_version_is_to_be_approved(wait: Wait) -> None:
    wait.approval, wait.starting = "Manual", NEW
    pending = status(installed=OLD, current=MIDDLE, state="UpgradePending")
    sentence = wait.refused(subscription=pending, plan=waiting_plan("other.v1", MIDDLE), manifests=LONG)
    assert (
        f"InstallPlan openshift-operators/install-1 (other.v1 {MIDDLE}) waits for approval. Approve it by" in sentence
    )


@pytest.mark.parametrize("approval", ["Manual", "Automatic"])
def test_a_plan_of_a_former_channel_is_to_be_deleted(wait: Wait, approval: str) -> None:
    wait.approval = approval
    pending = status(installed=OLD, current=OTHER_CHANNELS, state="UpgradePending")
    sentence = wait.refused(subscription=pending, plan=waiting_plan(OTHER_CHANNELS), manifests=LONG)
    assert f"waits for approval, but channel stable-2 has no {OTHER_CHANNELS}. {DELETE}" in sentence


@pytest.mark.parametrize(("starting", "installed"), [("none", NEW), (OLD, OLD)])
def test_what_is_wanted_and_installed_needs_no_plan_of_former_settings(
    wait: Wait, starting: str, installed: str
) -> None:
    wait.approval, wait.starting = "Manual", starting
    pending = status(installed=installed, current=OTHER_CHANNELS, state="UpgradePending")
    done = wait.run(subscription=pending, plan=waiting_plan(OTHER_CHANNELS), manifests=LONG)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(f"{installed} is installed and serves what it has to.\n")


def test_a_version_whose_plan_somebody_has_approved_is_waited_for(wait: Wait) -> None:
    """Also where the wanted one is installed: it is about to go."""
    wait.approval, wait.starting = "Manual", OLD
    underway = status(installed=OLD, current=NEW, state="UpgradePending")
    sentence = wait.refused(
        3, subscription=underway, plan=END.join(["yes", "Installing", f"{NEW} ", ""]), version="", manifests=LONG
    )
    assert f"{NEW} is not there yet" in sentence


NO_PACKAGE_SERVER = 'error: the server doesn\'t have a resource type "packagemanifests"\n'


@pytest.mark.parametrize("state", ["AtLatestKnown", "UpgradePending"])
@pytest.mark.parametrize("starting", [MIDDLE, "skupper-operator.v1.9.9"])
def test_another_version_than_the_one_to_stay_at_is_no_success(wait: Wait, starting: str, state: str) -> None:
    """OLM never goes back, and no plan is to be approved that leads even further."""
    wait.approval, wait.starting = "Manual", starting
    sentence = wait.refused(subscription=status(state=state), plan=waiting_plan(OTHER_CHANNELS), manifests=LONG)
    assert f"{NEW} is installed, not {starting}; OLM never goes back." in sentence
    assert f"Set rhsi:operators.skupper.startingCSV to {NEW}, then" in sentence


def test_without_a_package_server_olm_says_where_it_stays(wait: Wait) -> None:
    wait.approval, wait.starting = "Manual", MIDDLE
    sentence = wait.refused(no_manifests=NO_PACKAGE_SERVER)
    assert f"{NEW} is installed, not {MIDDLE}; OLM never goes back." in sentence
    underway = wait.refused(4, no_manifests=NO_PACKAGE_SERVER, subscription=status(state="UpgradePending"))
    assert f"{NEW} is installed, not" not in underway, "nobody knows yet where it is going"


def test_a_version_to_which_no_way_leads_is_not_waited_for_to_the_end(wait: Wait) -> None:
    wait.approval, wait.starting = "Manual", NEW
    for installed in (OLD, OTHER_CHANNELS):
        sentence = wait.refused(subscription=status(installed=installed, current=installed), manifests=LONG)
        assert f"OLM keeps {installed}, but {NEW} is to be installed, to which no way leads." in sentence


@pytest.mark.parametrize(
    ("versions", "advice"),
    [
        (
            f"other/other.v1 openshift-operators/{NEW} shop/{OLD} ",
            f"Run `kubectl -n shop delete clusterserviceversions.operators.coreos.com {OLD}`",
        ),
        (f"openshift-operators/{NEW} ", "Find out which other operator has the same kinds by `kubectl get"),
    ],
)
def test_an_operator_that_runs_on_where_it_was_before_is_named(wait: Wait, versions: str, advice: str) -> None:
    reason = ["Failed", "InterOperatorGroupOwnerConflict", "intersecting operatorgroups provide the same apis"]
    sentence = wait.refused(version=END.join(reason), versions=versions)
    assert f"{NEW} failed: InterOperatorGroupOwnerConflict: intersecting" in sentence
    assert advice in sentence
