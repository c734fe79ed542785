"""Grants and credentials that a claim cannot use: what the user reads, what they type, and that all is well then.

The sentences and commands are those of docs/troubleshooting/link.md. Every test begins with one Link of the present
rotation.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import hvac
import pytest

from components.link.rotation import grant_name, link_token_path, token_name
from components.secret_store import STORE
from lab import environment
from lab.kube import Manifest
from lab.stand_ins.skupper import pki, redemption
from tests.lab import runbook
from tests.lab.linked_sites import IMPATIENT, MOUNT, NAMESPACE, PATIENT, STANDBY, LinkedSites
from tests.lab.waiting import until
from tests.lab.way import Way

pytestmark = pytest.mark.lab

EXTERNAL_SECRETS, CONTROLLER = "external-secrets", "skupper"
MERGE = "application/merge-patch+json"


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


def test_a_link_of_an_earlier_grant_with_the_same_number_is_never_called_the_new_one(sites: LinkedSites) -> None:
    before = sites.published()
    sites.checkout.destroy("site-a")
    sites.checkout.up("site-a")
    after = sites.published()
    assert before["rotation"] == after["rotation"]
    told = sites.failed_claim()
    assert f"Link {token_name(sites.rotation)} is of the grant {before['rotation']}/{before['expires']}" in told
    assert f"not of {after['rotation']}/{after['expires']}, and was left as it is. Make a new grant" in told
    assert runbook.leads_to(told, "ROTATE")
    sites.rotate(told)
    sites.assert_settled()


# Vault and External Secrets.


def test_a_vault_that_was_sealed_for_long_is_named_and_read_at_once_when_it_is_back(sites: LinkedSites) -> None:
    vault = hvac.Client(url=sites.lab.vault_addr, token=sites.lab.vault_token, verify=str(sites.lab.vault_cacert))
    sites.publish()
    vault.sys.seal()
    try:
        first = sites.failed_claim(timeout="20s")
        later = sites.failed_claim(timeout="20s")
    finally:
        environment.start(sites.lab.home)
    for told in (first, later):
        assert "Vault is sealed" in told
        assert runbook.leads_to(told, "unseal or start it, `pulumi up -s site-b`")
    # External Secrets itself would look at the store again only after a minute and more.
    with sites.setting("site-b", "timeouts.claim", "30s", usual=PATIENT):
        sites.checkout.up("site-b")
    sites.checkout.up("site-b")
    sites.assert_settled()


def rolled_back(sites: LinkedSites) -> None:
    path = link_token_path(STANDBY)
    earlier = sites.vault.read_secret_version(
        path, mount_point=MOUNT, version=sites.published_version() - 1, raise_on_deleted_version=True
    )
    sites.vault.create_or_update_secret(path, secret=earlier["data"]["data"], mount_point=MOUNT)


def soft_deleted(sites: LinkedSites) -> None:
    sites.vault.delete_latest_version_of_secret(link_token_path(STANDBY), mount_point=MOUNT)


def destroyed(sites: LinkedSites) -> None:
    sites.vault.destroy_secret_versions(
        link_token_path(STANDBY), versions=[sites.published_version()], mount_point=MOUNT
    )


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
