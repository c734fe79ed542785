"""Runs that were killed or interrupted, and stacks that go, by docs/troubleshooting/interrupted-runs.md.

The tests share two stacks; each begins with both linked, or with nothing.
"""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import hvac
import pytest

from components.link.claim import JOB_NAME
from components.link.rotation import grant_name, token_name
from lab.kube import Manifest, find
from lab.stand_ins.skupper.api import SKUPPER
from tests.lab import runbook
from tests.lab.claim_logs import wait_until_said
from tests.lab.lab import Lab
from tests.lab.linked_sites import MOUNT, NAMESPACE, PATIENT, STANDBY, LinkedSites, Stage
from tests.lab.outages import SECONDS, begun, stalled
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

EXTERNAL_SECRETS, RBAC = "external-secrets.io/v1", "rbac.authorization.k8s.io/v1"
NAMESPACED = {
    SKUPPER: ("Site", "AccessGrant", "AccessToken", "Link", "RouterAccess", "SecuredAccess", "Certificate"),
    "batch/v1": ("Job",),
    RBAC: ("Role", "RoleBinding"),
    "v1": ("Pod", "Secret", "ServiceAccount", "ConfigMap", "Service"),
}
SERVED = {"site-a": NAMESPACED, "site-b": NAMESPACED | {EXTERNAL_SECRETS: ("SecretStore", "ExternalSecret")}}
OF_EVERY_NAMESPACE = {"default", "kube-root-ca.crt"}


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of an `up` at which it can be caught: the outage that holds it there, and how to wait for it."""

    stack: str
    outage: Callable[[LinkedSites], AbstractContextManager[None]]
    reached: Callable[[LinkedSites], object]


def names(sites: LinkedSites, context: str, api_version: str, kind: str) -> list[str]:
    found = sites.kind(context, kind, api_version).get(namespace=NAMESPACE).items
    return [item.metadata.name for item in found]


def under_way(sites: LinkedSites, stack: str) -> str:
    """What the state says is under way."""
    return str(sites.state(stack).get("pending_operations", ""))


FIRST_SITE_AWAITED = Point(
    stack="site-a",
    outage=lambda sites: sites.down("skupper"),
    # A mount that is caught while it is made has to be imported.
    reached=lambda sites: until(
        lambda: (
            "rhsi:index:KvStore" in str(sites.state("site-a").get("resources"))
            and "mount:Mount" not in under_way(sites, "site-a")
            and names(sites, "site-a", SKUPPER, "Site")
        ),
        SECONDS,
    ),
)
FIRST_STORE_AWAITED = Point(
    stack="site-b",
    outage=lambda sites: sites.down("external-secrets"),
    reached=lambda sites: until(lambda: names(sites, "site-b", EXTERNAL_SECRETS, "SecretStore"), SECONDS),
)
GRANT_AWAITED = Point(
    stack="site-a",
    outage=lambda sites: sites.down("skupper"),
    reached=lambda sites: until(
        lambda: grant_name(STANDBY, sites.rotation) in names(sites, "site-a", SKUPPER, "AccessGrant"), SECONDS
    ),
)
VAULT_WRITTEN = Point(
    stack="site-a",
    outage=lambda sites: stalled(sites.lab, "openbao"),
    reached=lambda sites: until(lambda: "vault:kv/secretV2" in under_way(sites, "site-a"), SECONDS),
)
SECRET_AWAITED = Point(
    stack="site-b",
    outage=lambda sites: sites.down("external-secrets"),
    reached=lambda sites: wait_until_said(sites.lab, "Waiting for Secret rhsi-link-token to exist..."),
)
REDEMPTION_AWAITED = Point(
    stack="site-b",
    outage=lambda sites: sites.down("skupper"),
    reached=lambda sites: wait_until_said(
        sites.lab, f"Waiting for AccessToken {token_name(sites.rotation)} to be redeemed..."
    ),
)


def caught(sites: LinkedSites, point: Point, number: signal.Signals) -> str:
    """Catch an `up` at the point and signal it; what it had printed when it ended."""
    with begun(sites.checkout, "up", point.stack) as up, point.outage(sites):
        point.reached(sites)
        result = up.end(number)
    assert result.code != 0
    return result.text


def kill_and_recover(sites: LinkedSites, point: Point) -> None:
    """Kill an `up` at the point; then the runbook's three commands."""
    caught(sites, point, signal.SIGKILL)
    refused = sites.checkout.run("up", point.stack)
    assert refused.code != 0
    assert "the stack is currently locked by 1 lock(s)" in refused.text
    assert runbook.leads_to(refused.text, "the three commands")

    cancelled = sites.checkout.pulumi("cancel", "--yes", "--stack", point.stack)
    assert cancelled.code == 0, cancelled.text
    again = sites.checkout.run("up", point.stack)
    assert again.code == 0, again.text
    assert "interrupted while" in again.text
    refreshed = sites.checkout.run("refresh", point.stack, "--clear-pending-creates")
    assert refreshed.code == 0, refreshed.text
    assert not under_way(sites, point.stack)


def test_the_first_runs_of_both_stacks_can_be_killed(new: LinkedSites) -> None:
    kill_and_recover(new, FIRST_SITE_AWAITED)
    kill_and_recover(new, FIRST_STORE_AWAITED)
    new.assert_settled()


@pytest.fixture
def rotating(sites: LinkedSites, request: pytest.FixtureRequest) -> tuple[LinkedSites, Point]:
    """The sites right before the `up` that is to be caught at a point of a rotation."""
    point: Point = request.param
    sites.next_rotation()
    if point.stack == "site-b":
        sites.checkout.up("site-a")
    return sites, point


@pytest.mark.parametrize(
    "rotating",
    [GRANT_AWAITED, VAULT_WRITTEN, SECRET_AWAITED, REDEMPTION_AWAITED],
    ids=["grant awaited", "Vault written", "Secret awaited", "redemption awaited"],
    indirect=True,
)
def test_a_rotation_that_was_killed_is_finished_by_three_commands(rotating: tuple[LinkedSites, Point]) -> None:
    sites, point = rotating
    kill_and_recover(sites, point)
    sites.checkout.up("site-b")
    sites.assert_settled()


@pytest.mark.parametrize(
    ("rotating", "said"),
    [
        (GRANT_AWAITED, "context canceled"),
        (REDEMPTION_AWAITED, 'Resource operation was cancelled for "create-access-token-from-vault"'),
    ],
    ids=["grant awaited", "redemption awaited"],
    indirect=["rotating"],
)
def test_a_rotation_that_was_interrupted_is_finished_by_the_next_up(
    rotating: tuple[LinkedSites, Point], said: str
) -> None:
    sites, point = rotating
    text = caught(sites, point, signal.SIGINT)
    assert "^C received; cancelling." in text
    assert said in text
    assert runbook.leads_to(text, "`pulumi up`")
    sites.checkout.up()
    sites.assert_settled()


@pytest.mark.parametrize("rotating", [SECRET_AWAITED, REDEMPTION_AWAITED], ids=["Secret", "redemption"], indirect=True)
def test_a_claim_that_was_killed_stands_in_the_way_of_no_other_settings(rotating: tuple[LinkedSites, Point]) -> None:
    sites, point = rotating
    caught(sites, point, signal.SIGKILL)
    cancelled = sites.checkout.pulumi("cancel", "--yes", "--stack", point.stack)
    assert cancelled.code == 0, cancelled.text
    sites.publish()
    with sites.setting("site-b", "timeouts.claim", "85s", usual=PATIENT):
        sites.checkout.up("site-b")
        assert names(sites, "site-b", "batch/v1", "Job") == [JOB_NAME]
        refreshed = sites.checkout.run("refresh", "site-b", "--clear-pending-creates")
        assert refreshed.code == 0, refreshed.text
    sites.checkout.up("site-b")
    sites.assert_settled()


def destroyed(sites: LinkedSites, stack: str, *arguments: str) -> None:
    """Destroy a stack as a person does, after its preview."""
    with begun(sites.checkout, "destroy", stack, *arguments, previewed=True) as destruction:
        result = destruction.end()
    assert result.code == 0, result.text


def namespace(sites: LinkedSites, context: str) -> Manifest | None:
    return find(sites.client(context), "v1", "Namespace", NAMESPACE)


def test_what_holds_data_stays_as_long_as_it_is_protected(sites: LinkedSites, vault: hvac.Client) -> None:
    kv = vault.secrets.kv.v2
    kv.create_or_update_secret("somebody-elses", secret={"kept": "yes"}, mount_point=MOUNT)
    with sites.setting("site-a", "protect", value=True, usual=False):
        sites.checkout.up("site-a")
        with begun(sites.checkout, "destroy", "site-a", previewed=True) as destruction:
            refused = destruction.end()
        assert refused.code != 0
        assert 'vault:index/mount:Mount::primary-kv-mount" cannot be deleted' in refused.text
        assert "because it is protected. To unprotect the resource" in refused.text
        assert runbook.leads_to(refused.text, "`pulumi destroy --exclude-protected`")
        sites.assert_settled()

        destroyed(sites, "site-a", "--exclude-protected")
        assert namespace(sites, "site-a") is None
        held = kv.read_secret_version("somebody-elses", mount_point=MOUNT, raise_on_deleted_version=True)
        assert held["data"]["data"] == {"kept": "yes"}
        assert "site-b/" not in kv.list_secrets("", mount_point=MOUNT)["data"]["keys"]
    sites.next_rotation()
    sites.checkout.up()
    sites.assert_settled()


@pytest.mark.parametrize(
    ("order", "own_namespaces"),
    [(("site-b", "site-a"), True), (("site-a", "site-b"), False)],
    ids=["standby first, with their namespaces", "primary first, in namespaces of others"],
)
def test_destroyed_stacks_leave_nothing_behind(
    new: LinkedSites, vault: hvac.Client, order: tuple[str, str], own_namespaces: bool
) -> None:
    for name in order:
        new.checkout.change(name, "cluster.createNamespace", own_namespaces)
        if not own_namespaces:
            new.kind(name, "Namespace", "v1").create(body={"metadata": {"name": NAMESPACE}})
    new.next_rotation()
    new.checkout.up()
    for name in order:
        destroyed(new, name)

    assert "rhsi/" not in vault.sys.list_mounted_secrets_engines()["data"]
    assert "kubernetes-site-b/" not in vault.sys.list_auth_methods()["data"]
    assert "rhsi-site-b" not in vault.sys.list_policies()["data"]["policies"]
    bindings = new.kind("site-b", "ClusterRoleBinding", RBAC).get().items
    assert not [item.metadata.name for item in bindings if item.metadata.name.endswith("-auth-delegator")]
    for name in order:
        assert not new.state(name).get("resources")
        assert (namespace(new, name) is None) == own_namespaces
    # The garbage collector takes what the controllers made for what is gone.
    until(lambda: not [*left_in(new, "site-a"), *left_in(new, "site-b")], SECONDS)
    for name in order if not own_namespaces else ():
        new.kind(name, "Namespace", "v1").delete(name=NAMESPACE)
        new.checkout.change(name, "cluster.createNamespace", True)
    # The next tests make them anew, which a namespace that is still going refuses.
    until(lambda: not any(namespace(new, name) for name in order), SECONDS)
    new.stage = Stage.NOTHING


def left_in(sites: LinkedSites, context: str) -> list[str]:
    """What stands in the site's namespace, but for what Kubernetes puts into every one."""
    return [
        f"{kind}/{name}"
        for api_version, kinds in SERVED[context].items()
        for kind in kinds
        for name in names(sites, context, api_version, kind)
        if name not in OF_EVERY_NAMESPACE
    ]
