"""The failures of a claim, each injected on the lab: what the user reads, what they type, and that all is well then.

The sentences and commands are those of docs/runbook.md. Every test begins with one Link of the present rotation.
"""

import base64
import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from components.link.claim import JOB_NAME
from components.link.rotation import grant_name, link_token_path, token_name
from components.sites.vault import STORE
from lab.kube import Manifest
from lab.stand_ins.skupper import pki, redemption
from tests.lab import runbook
from tests.lab.checkout import Checkout
from tests.lab.claim_logs import wait_until_said
from tests.lab.conftest import Lab
from tests.lab.jobs import Jobs
from tests.lab.linked_sites import IMPATIENT, MOUNT, NAMESPACE, SKUPPER, STANDBY, LinkedSites, Stage
from tests.lab.waiting import until
from tests.lab.way import Way

pytestmark = pytest.mark.lab

EXTERNAL_SECRETS, CONTROLLER = "external-secrets", "skupper"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def provisioned(lab: Lab, copy_checkout: Callable[..., Checkout]) -> LinkedSites:
    return LinkedSites(lab, copy_checkout())


@pytest.fixture
def sites(provisioned: LinkedSites) -> LinkedSites:
    """Linked and settled, whatever the test before left."""
    return provisioned.begin(Stage.LINKED)


# A grant that cannot be redeemed.


def wrong_code(sites: LinkedSites) -> None:
    sites.publish()
    sites.overwrite(code="wrong")


def another_authority(sites: LinkedSites) -> None:
    sites.publish()
    sites.overwrite(ca=pki.issue("another grant server's CA", [], ca=None).crt.decode())


def used_up(sites: LinkedSites) -> None:
    sites.publish()
    token = sites.published()
    redemption.post(token["url"], token["code"], token["ca"], name="somebody-else", subject="somebody-else")


def deleted(sites: LinkedSites) -> None:
    sites.publish()
    sites.kind("site-a", "AccessGrant").delete(name=grant_name(STANDBY, sites.rotation), namespace=NAMESPACE)


def expired(sites: LinkedSites) -> None:
    with sites.setting("site-a", f"standbys.{STANDBY}.expirationWindow", "1s", usual="1h"):
        sites.publish()
    until(lambda: sites.published()["expires"] <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (wrong_code, "The grant server refused the code of rotation {rotation}. Make a new grant: "),
        (another_authority, "The grant server's certificate is not from the CA of rotation {rotation}. Make a new gr"),
        (used_up, "The grant of rotation {rotation} is used up. Make a new one: "),
        (deleted, "The grant server knows no grant for AccessToken {link}: it has expired or was deleted. Make a new"),
        (expired, "The grant of rotation {rotation} expired at "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_grant_that_cannot_be_redeemed_is_told_and_a_rotation_mends_it(
    sites: LinkedSites, spoil: Callable[[LinkedSites], None], sentence: str
) -> None:
    spoil(sites)
    told = sites.failed_claim()
    assert sentence.format(rotation=sites.rotation, link=token_name(sites.rotation)) in told
    assert runbook.leads_to(told, "ROTATE")
    sites.rotate(told)
    sites.assert_settled()


def test_a_grant_server_that_cannot_be_reached_is_told_and_the_next_up_claims_once_the_way_is_open(
    sites: LinkedSites,
) -> None:
    sites.publish()
    url = urlsplit(sites.published()["url"])
    assert url.port
    with Way(url.port) as way:
        sites.overwrite(url=url._replace(netloc=f"{url.hostname}:{way.port}").geturl())
        told = sites.failed_claim(timeout=IMPATIENT)
        assert f"AccessToken {token_name(sites.rotation)} was not redeemed in 6 s: Controller got error: Post" in told
        assert "connect: connection refused. The grant expires at " in told
        assert url.path.strip("/") not in told
        assert runbook.leads_to(told, "open the way to Route `skupper-grant-server-https`, `pulumi up -s site-b`")
        with way.open():
            sites.checkout.up("site-b")
    sites.assert_settled()


# Vault and External Secrets.


def rolled_back(sites: LinkedSites) -> None:
    path = link_token_path(STANDBY)
    earlier = sites.vault.read_secret_version(
        path, mount_point=MOUNT, version=version(sites) - 1, raise_on_deleted_version=True
    )
    sites.vault.create_or_update_secret(path, secret=earlier["data"]["data"], mount_point=MOUNT)


def soft_deleted(sites: LinkedSites) -> None:
    sites.vault.delete_latest_version_of_secret(link_token_path(STANDBY), mount_point=MOUNT)


def destroyed(sites: LinkedSites) -> None:
    sites.vault.destroy_secret_versions(link_token_path(STANDBY), versions=[version(sites)], mount_point=MOUNT)


def version(sites: LinkedSites) -> int:
    metadata = sites.vault.read_secret_metadata(link_token_path(STANDBY), mount_point=MOUNT)
    number: int = metadata["data"]["current_version"]
    return number


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (rolled_back, "nothing; see that its controller runs and that nobody changed the value in Vault"),
        (soft_deleted, "Secret does not exist"),
        (destroyed, "Secret does not exist"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_value_in_vault_that_is_not_the_primarys_is_never_used_and_can_be_written_again(
    sites: LinkedSites, spoil: Callable[[LinkedSites], None], said: str
) -> None:
    held = sites.published()
    sites.publish()
    wanted = sites.published()
    spoil(sites)
    told = sites.failed_claim(timeout=IMPATIENT)
    assert (
        f"Secret rhsi-link-token holds {held['rotation']}/{held['expires']} instead of the grant "
        f"{wanted['rotation']}/{wanted['expires']} (rotation/expiry). External Secrets says: "
    ) in told
    assert said in told
    assert "run `pulumi up` again" in told
    assert runbook.leads_to(told, "`pulumi up -s site-a --replace '**primary-site-b-link-token'`")
    result = sites.checkout.run("up", "site-a", "--replace", "**primary-site-b-link-token")
    assert result.code == 0, result.text
    sites.checkout.up("site-b")
    sites.assert_settled()


def test_a_grant_made_again_while_external_secrets_is_down_is_not_claimed_with_the_secret_of_the_first(
    sites: LinkedSites,
) -> None:
    sites.publish()
    first = sites.published()
    sites.oc(f"annotate externalsecret rhsi-link-token -n rhsi read={sites.rotation}")
    until(lambda: sites.synced() == first)
    with sites.down(EXTERNAL_SECRETS):
        sites.kind("site-a", "AccessGrant").delete(name=grant_name(STANDBY, sites.rotation), namespace=NAMESPACE)
        result = sites.checkout.run("up", "site-a", "--refresh")
        assert result.code == 0, result.text
        second = sites.published()
        assert second["rotation"] == first["rotation"]
        assert second["code"] != first["code"]
        told = sites.failed_claim(timeout=IMPATIENT)
        assert (
            f"Secret rhsi-link-token holds {first['rotation']}/{first['expires']} instead of the grant "
            f"{second['rotation']}/{second['expires']} (rotation/expiry). External Secrets says: nothing; see that its "
            "controller runs"
        ) in told
        assert runbook.leads_to(told, "start it, `pulumi up -s site-b`")
        assert sites.standing()["AccessToken"] == []
    sites.checkout.up("site-b")
    sites.assert_settled()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"auth": {"kubernetes": {"mountPath": "kubernetes-elsewhere"}}}, 'SecretStore "vault-rhsi" is not ready'),
        ({"path": "elsewhere"}, "permission denied"),
    ],
    ids=["mountPath", "path"],
)
def test_a_secret_store_edited_by_hand_is_told_by_its_symptom_and_made_anew(
    sites: LinkedSites, edit: Manifest, said: str
) -> None:
    stores = sites.kind("site-b", "SecretStore", "external-secrets.io/v1")
    sites.publish()
    body = {"spec": {"provider": {"vault": edit}}}
    stores.patch(name=STORE, namespace=NAMESPACE, body=body, content_type=MERGE)
    told = sites.failed_claim(timeout=IMPATIENT)
    assert f"instead of the grant {sites.rotation}/" in told
    assert said in told
    assert runbook.leads_to(told, "`oc delete secretstore vault-rhsi -n rhsi`, `pulumi up -s site-b --refresh`")
    sites.oc("delete secretstore vault-rhsi -n rhsi")
    result = sites.checkout.run("up", "site-b", "--refresh")
    assert result.code == 0, result.text
    sites.assert_settled()


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
    held, number = sites.published(), version(sites)
    blank = {"url": None, "ca": None, "status": "Pending", "message": "Pending"}
    with sites.down(CONTROLLER):
        grants, grant = sites.kind("site-a", "AccessGrant"), grant_name(STANDBY, sites.rotation)
        grants.status.patch(name=grant, namespace=NAMESPACE, body={"status": blank}, content_type=MERGE)
        result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code != 0
    assert f"AccessGrant rhsi/{grant} has no status.url, status.ca, so nothing was written to Vault" in result.text
    assert runbook.leads_to(result.text, "`pulumi up --refresh`")
    assert (sites.published(), version(sites)) == (held, number)
    until(lambda: sites.standing()["AccessGrant"][0]["status"].get("url"))
    result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    assert version(sites) == number
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
