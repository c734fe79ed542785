"""What disturbs a claim from outside: people, controllers that are away, pods that are deleted, a claim beside it.

The sentences and commands are those of docs/troubleshooting/link.md. Every test begins with one Link of the present
rotation.
"""

import base64
import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from components.link.claim import JOB_NAME
from components.link.rotation import grant_name, token_name
from lab.kube import Manifest
from lab.stand_ins.skupper import pki
from tests.lab import runbook
from tests.lab.claim_logs import wait_until_said
from tests.lab.jobs import Jobs
from tests.lab.linked_sites import IMPATIENT, NAMESPACE, SKUPPER, STANDBY, LinkedSites
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

EXTERNAL_SECRETS, CONTROLLER = "external-secrets", "skupper"
MERGE = "application/merge-patch+json"


# What others do to the link's objects.


def test_a_link_deleted_by_hand_is_missed_and_a_rotation_makes_a_new_one(sites: LinkedSites) -> None:
    sites.oc(f"delete link {token_name(sites.rotation)} -n rhsi")
    result = sites.checkout.run("up", "site-b")
    assert result.code != 0
    assert f"resource 'rhsi/{token_name(sites.rotation)}' does not exist" in result.text
    assert runbook.leads_to(result.text, "ROTATE")
    sites.publish()
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_token_of_the_claims_name_that_somebody_made_is_left_alone_until_they_delete_it(sites: LinkedSites) -> None:
    sites.publish()
    name = token_name(sites.rotation)
    tokens = sites.kind("site-b", "AccessToken")
    spec = {"url": "https://127.0.0.1:1/nothing", "code": "none", "ca": "none"}
    body = {"apiVersion": SKUPPER, "kind": "AccessToken", "metadata": {"name": name}, "spec": spec}
    made = tokens.create(body=body, namespace=NAMESPACE)
    told = sites.failed_claim()
    assert f"AccessToken {name} was made by hand. Delete it, then run `pulumi up` again." in told
    assert runbook.leads_to(told, "`oc delete accesstoken standby-from-vault-2 -n rhsi`, `pulumi up -s site-b`")
    assert tokens.get(name=name, namespace=NAMESPACE).metadata.uid == made.metadata.uid
    sites.oc(f"delete accesstoken {name} -n rhsi")
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_token_deleted_before_it_is_redeemed_is_missed_and_the_next_up_makes_it_again(sites: LinkedSites) -> None:
    sites.publish()
    name = token_name(sites.rotation)
    with sites.down(CONTROLLER), sites.claiming() as claim:
        wait_until_said(sites.lab, f"Waiting for AccessToken {name} to be redeemed...")
        sites.oc(f"delete accesstoken {name} -n rhsi")
        told = claim.result().text
    assert f"AccessToken {name} was deleted before it was redeemed. Run `pulumi up` again." in told
    assert runbook.leads_to(told, "`pulumi up -s site-b`")
    sites.checkout.up("site-b")
    sites.assert_settled()


# The Skupper controller.


def test_without_a_controller_no_grant_is_published_and_the_next_up_goes_on_once_it_runs(sites: LinkedSites) -> None:
    held = sites.published()
    sites.next_rotation()
    with sites.setting("site-a", "timeouts.grant", "3s", usual="2m"), sites.down(CONTROLLER):
        result = sites.checkout.run("up", "site-a")
    assert result.code != 0
    assert "timed out waiting for the condition" in result.text
    assert runbook.leads_to(result.text, "start it, `pulumi up`")
    assert sites.published() == held
    sites.checkout.up("site-a", "site-b")
    sites.assert_settled()


def test_without_a_controller_a_claim_says_so_and_the_next_up_claims_once_it_runs(sites: LinkedSites) -> None:
    sites.publish()
    with sites.down(CONTROLLER):
        told = sites.failed_claim(timeout=IMPATIENT)
        assert (
            f"AccessToken {token_name(sites.rotation)} was not redeemed in 6 s: no status yet: is there a Site in this "
            "namespace, and does the Skupper controller run?"
        ) in told
        assert runbook.leads_to(told, "start it, `pulumi up -s site-b`")
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_grant_that_is_blank_while_its_controller_restarts_is_never_published(sites: LinkedSites) -> None:
    held, number = sites.published(), sites.published_version()
    blank = {"url": None, "ca": None, "status": "Pending", "message": "Pending"}
    with sites.down(CONTROLLER):
        grants, grant = sites.kind("site-a", "AccessGrant"), grant_name(STANDBY, sites.rotation)
        grants.status.patch(name=grant, namespace=NAMESPACE, body={"status": blank}, content_type=MERGE)
        result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code != 0
    assert f"AccessGrant rhsi/{grant} has no status.url, status.ca, so nothing was written to Vault" in result.text
    assert runbook.leads_to(result.text, "`pulumi up --refresh`")
    assert (sites.published(), sites.published_version()) == (held, number)
    until(lambda: sites.standing()["AccessGrant"][0]["status"].get("url"))
    result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    assert sites.published_version() == number
    sites.assert_settled()


# Claims that are held up, stopped, and doubled.


@contextmanager
def refused_links(sites: LinkedSites) -> Iterator[None]:
    """While the primary's router trusts another CA than the one that signs its links' certificates."""
    secrets = sites.kind("site-a", "Secret", "v1")
    trusted = secrets.get(name="skupper-site-server", namespace=NAMESPACE).data["ca.crt"]
    another = base64.b64encode(pki.issue("another site CA", [], ca=None).crt).decode()

    def trust(authority: str) -> None:
        patch = {"data": {"ca.crt": authority}}
        secrets.patch(name="skupper-site-server", namespace=NAMESPACE, body=patch, content_type=MERGE)

    trust(another)
    try:
        until(lambda: not sites.ready_links())
        yield
    finally:
        trust(trusted)


def test_a_link_that_is_not_ready_in_time_is_told_and_the_next_up_waits_for_it_again(sites: LinkedSites) -> None:
    earlier = token_name(sites.rotation)
    sites.publish()
    with refused_links(sites):
        told = sites.failed_claim(timeout=IMPATIENT)
        assert f"Link {token_name(sites.rotation)} is not Ready: Not Operational. Earlier links were left" in told
        assert runbook.leads_to(told, "open the way to Route `skupper-router-inter-router`, `pulumi up -s site-b`")
        links = {link["metadata"]["name"] for link in sites.standing()["Link"]}
        assert links == {earlier, token_name(sites.rotation)}
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_an_up_that_finds_the_link_down_says_so(sites: LinkedSites) -> None:
    with refused_links(sites):
        told = sites.checkout.run("up", "site-b", "--expect-no-changes")
        assert told.code == 0, told.text
        assert f"warning: Link rhsi/{token_name(sites.rotation)} is not Ready any more: Not operational." in told.text
        assert runbook.leads_to(told.text, "open the way to Route `skupper-router-inter-router`, `pulumi up -s site-b`")
        assert sites.checkout.outputs("site-b")["link_status"] == "Pending"
    sites.checkout.up("site-b")
    sites.assert_settled()


@pytest.mark.parametrize(
    ("held_up", "line"),
    [
        (lambda sites: sites.down(EXTERNAL_SECRETS), "Waiting for Secret rhsi-link-token to exist..."),
        (lambda sites: sites.down(CONTROLLER), "Waiting for AccessToken {link} to be redeemed..."),
        (refused_links, "Waiting for Link {link} to be Ready..."),
    ],
    ids=["before the Secret is synced", "after the token is created", "while it waits for the Link"],
)
def test_a_claim_whose_pod_is_deleted_says_so_and_the_next_up_goes_on_where_it_stopped(
    sites: LinkedSites, held_up: Callable[[LinkedSites], AbstractContextManager[None]], line: str
) -> None:
    sites.publish()
    with held_up(sites), sites.claiming() as claim:
        pod = wait_until_said(sites.lab, line.format(link=token_name(sites.rotation)))
        sites.oc(f"delete pod {pod} -n rhsi --wait=false")
        told = claim.result()
    assert told.code != 0
    assert "The claim was stopped before it was done. Run `pulumi up` again." in told.text
    assert runbook.leads_to(told.text, "`pulumi up -s site-b`")
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_of_two_claims_at_once_one_redeems_the_grant_and_both_succeed(sites: LinkedSites) -> None:
    sites.publish()
    jobs, another = Jobs(sites.client("site-b"), NAMESPACE), "another-claim"
    with sites.claiming() as claim:
        with sites.down(EXTERNAL_SECRETS):
            wait_until_said(sites.lab, "Waiting for Secret rhsi-link-token to exist...")
            twin = jobs.kind("Job", "batch/v1").get(name=JOB_NAME, namespace=NAMESPACE).to_dict()
            jobs.create("Job", another, "batch/v1", spec=spec_of_a_twin(twin, another))
            wait_until_said(sites.lab, "Waiting for Secret rhsi-link-token to exist...", another)
        assert claim.result().code == 0, claim.result().text
    assert jobs.ended(another)["type"] == "Complete"
    (grant,) = sites.standing()["AccessGrant"]
    assert grant["status"]["redemptions"] == 1
    sites.oc(f"delete job {another} -n rhsi")
    sites.assert_settled()


def spec_of_a_twin(job: Manifest, name: str) -> Manifest:
    """The spec of a Job that does the same under another name."""
    spec: Manifest = copy.deepcopy(job["spec"])
    del spec["selector"], spec["template"]["metadata"]["labels"]
    (container,) = spec["template"]["spec"]["containers"]
    (variable,) = [one for one in container["env"] if one["name"] == "JOB_NAME"]
    variable["value"] = name
    return spec
