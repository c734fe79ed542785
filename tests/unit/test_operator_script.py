"""The wait for an operator on its own: what it awaits, and the sentences in which it ends."""

from pathlib import Path

import pytest

from tests.unit.operator_wait import END, NEW, OLD, Wait, status


@pytest.fixture
def wait(tmp_path: Path) -> Wait:
    return Wait(tmp_path)


def test_an_installed_operator_is_found_at_once(wait: Wait) -> None:
    done = wait.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{NEW} is installed and serves what it has to.\n")


def test_only_reads_are_made(wait: Wait) -> None:
    wait.run()
    assert {line.split()[0] for line in (wait.root / "calls").read_text().split("\n") if line} == {"get"}


def test_without_a_package_server_olms_own_word_does_once_it_is_settled(wait: Wait) -> None:
    missing = 'error: the server doesn\'t have a resource type "packagemanifests"\n'
    assert wait.run(no_manifests=missing).returncode == 0
    asked = [line for line in (wait.root / "calls").read_text().split("\n") if "get subscriptions" in line]
    # Of all Subscriptions, and of its own more than once.
    assert len(asked) > 2


def test_an_upgrade_does_not_pass_on_the_version_that_was_there_before(wait: Wait) -> None:
    """Right after the channel changed, OLM still says that everything is as new as can be."""
    before = status(installed=OLD, current=OLD)
    sentence = wait.refused(subscription=before)
    assert f"OLM keeps {OLD}, but the newest version in channel stable-2 is {NEW}" in sentence


def test_an_upgrade_that_is_on_its_way_is_waited_for(wait: Wait) -> None:
    underway = status(installed=OLD, current=NEW, state="UpgradePending")
    version = END.join(["Installing", "InstallWaiting", "installing: waiting for deployment"])
    sentence = wait.refused(4, subscription=underway, version=version)
    assert sentence.startswith(
        "skupper-operator is not installed after 4 s: ClusterServiceVersion openshift-operators/"
    )
    assert f"{NEW} is Installing (InstallWaiting: installing: waiting for deployment)" in sentence


def test_a_plan_that_waits_for_approval_ends_the_wait_at_once_with_the_command(wait: Wait) -> None:
    wait.approval = "Manual"
    pending = status(installed="", current=NEW, state="UpgradePending")
    plan = END.join(["no", "RequiresApproval", f"{NEW} ", ""])
    done = wait.run(grace=50, subscription=pending, plan=plan)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        f"InstallPlan openshift-operators/install-1 ({NEW}) waits for approval. Approve it by `kubectl "
        "-n openshift-operators patch installplans.operators.coreos.com install-1 --type merge "
        '-p \'{"spec":{"approved":true}}\'`, then run `pulumi up` again.'
    )


def test_an_approved_plan_is_waited_for(wait: Wait) -> None:
    wait.approval = "Manual"
    assert wait.run(plan=END.join(["yes", "Complete", f"{NEW} ", ""])).returncode == 0


def test_with_a_wanted_version_later_ones_may_wait_for_their_approval(wait: Wait) -> None:
    wait.approval, wait.starting = "Manual", OLD
    pinned = status(installed=OLD, current=NEW, state="UpgradePending")
    done = wait.run(subscription=pinned, plan=END.join(["no", "RequiresApproval", f"{NEW} ", ""]))
    assert done.returncode == 0, done.stdout
    assert OLD in done.stdout.splitlines()[-1]


def test_somebody_elses_subscription_is_refused_and_named(wait: Wait) -> None:
    sentence = wait.refused(
        all="skupper-operator=shop/skupper-operator skupper-operator=openshift-operators/skupper-operator "
    )
    assert sentence.startswith("Subscription shop/skupper-operator is for the package skupper-operator too")
    assert "Remove rhsi:operators.skupper from the settings" in sentence


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        ({"catalogue": ""}, "CatalogSource openshift-marketplace/redhat-operators does not exist. Set rhsi:operators."),
        (
            {
                "catalogue": END.join(["exists", "CONNECTING", ""]),
                "pods": "Waiting q.io/other:1 ImagePullBackOff q.io/index:v4 ",
            },
            "cannot be pulled: ImagePullBackOff of q.io/index:v4. Give the cluster access",
        ),
        ({"manifests": ""}, "redhat-operators has no package skupper-operator. Set rhsi:operators.skupper.source"),
        (
            {"manifests": f"stable-2.1=={OLD} alpha=={OLD} "},
            "has no channel stable-2, it has stable-2.1, alpha. Set rhsi:operators.skupper.channel to one of them",
        ),
        (
            {
                "subscription": status(
                    "", "", "", "", "ResolutionFailed ConstraintsNotSatisfiable constraints not\nsatisfiable: x"
                )
            },
            "OLM cannot resolve Subscription openshift-operators/skupper-operator: constraints not satisfiable: x.",
        ),
        (
            {
                "subscription": status(
                    "",
                    "",
                    "",
                    "",
                    "ResolutionFailed ConstraintsNotSatisfiable constraints not satisfiable: "
                    f"clusterserviceversion {NEW} exists and is not referenced by a subscription, @existing/a//b and c",
                )
            },
            f"Run `kubectl -n openshift-operators delete clusterserviceversions.operators.coreos.com {NEW}`",
        ),
        (
            {
                "subscription": status(
                    "",
                    "",
                    "",
                    "",
                    "ResolutionFailed ConstraintsNotSatisfiable clusterserviceversion other.v1 exists and is not "
                    "referenced by a subscription",
                )
            },
            "OLM cannot resolve Subscription",
        ),
        (
            {
                "subscription": status(
                    "", "", "", "", "BundleUnpackFailed BundleUnpackFailed Bundle unpacking failed - x"
                )
            },
            "OLM cannot unpack the bundle of skupper-operator: Bundle unpacking failed - x. Give the cluster access",
        ),
        (
            {
                "subscription": status("", NEW, "UpgradePending"),
                "plan": END.join(["yes", "Failed", f"{NEW} ", "error validating existing CRs "]),
                "version": "",
            },
            f"InstallPlan openshift-operators/install-1 ({NEW}) failed: error validating existing CRs.",
        ),
        (
            {
                "subscription": status("", NEW, "UpgradePending"),
                "version": END.join(
                    ["Failed", "UnsupportedOperatorGroup", "AllNamespaces InstallModeType not supported"]
                ),
            },
            f"{NEW} failed: UnsupportedOperatorGroup: AllNamespaces InstallModeType not supported. See `kubectl",
        ),
        ({"definition": "established v1 "}, "sites.skupper.io is not served in version v2alpha1 (served: v1)."),
        ({"definition": ""}, "sites.skupper.io is not served in version v2alpha1 (served: nothing)."),
        ({"subscription": ""}, "Subscription openshift-operators/skupper-operator was deleted meanwhile."),
    ],
)
def test_what_keeps_olm_from_installing_is_said_in_one_sentence(
    wait: Wait, world: dict[str, str], sentence: str
) -> None:
    assert sentence in wait.refused(60, **world)


def test_a_version_that_the_channel_does_not_have_is_refused(wait: Wait) -> None:
    wait.starting = "skupper-operator.v9.9.9"
    sentence = wait.refused(subscription=status("", "", "", ""))
    assert (
        f"Channel stable-2 of package skupper-operator has no skupper-operator.v9.9.9, its newest is {NEW}" in sentence
    )


def test_a_catalogue_that_may_still_come_up_is_waited_for_and_then_named(wait: Wait) -> None:
    sentence = wait.refused(4, catalogue=END.join(["exists", "CONNECTING", ""]), subscription=status("", "", "", ""))
    assert sentence.startswith("CatalogSource openshift-marketplace/redhat-operators does not answer (CONNECTING).")
