"""A revocation: what was copied before it opens nothing after it, and every standby has a new link."""

import copy
import signal
from typing import Any

import pytest

from components.link.rotation import grant_name, token_name
from lab.kube import connect, find
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import begun, down
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"


def revoke(checkout: Checkout) -> None:
    """One revocation more, in the primary's stack file."""
    checkout.change("site-a", "revoke", checkout.value("site-a", "revoke", 0) + 1)


def link_status(name: str) -> dict[str, Any]:
    link = find(connect("site-b"), SKUPPER, "Link", name, "rhsi") or {}
    status: dict[str, Any] = link.get("status") or {}
    return status


def wait_until_ready(name: str) -> None:
    def ready() -> None:
        assert link_status(name).get("status") == "Ready"

    eventually(ready)


def wait_until_refused(name: str) -> None:
    def refused() -> None:
        status = link_status(name)
        conditions = {found["type"]: found["status"] for found in status["conditions"]}
        assert conditions["Configured"] == "True"
        # "Not operational" of a link that worked once, "Not Operational" of one that never did.
        assert status["message"].lower() == "not operational"

    eventually(refused)


def steal(link: str) -> dict[str, Any]:
    """What somebody with access to the namespace copies: the link's endpoints and its key."""
    client = connect("site-b")
    secret, original = find(client, "v1", "Secret", link, "rhsi"), find(client, SKUPPER, "Link", link, "rhsi")
    assert secret
    assert original
    return {"data": secret["data"], "endpoints": original["spec"]["endpoints"]}


def link_by_hand(name: str, stolen: dict[str, Any]) -> None:
    client = connect("site-b")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": copy.deepcopy(stolen["data"]),
    }
    link = {
        "apiVersion": SKUPPER,
        "kind": "Link",
        "metadata": {"name": name},
        "spec": {"endpoints": stolen["endpoints"], "tlsCredentials": name},
    }
    client.resources.get(api_version="v1", kind="Secret").create(body=secret, namespace="rhsi")
    client.resources.get(api_version=SKUPPER, kind="Link").create(body=link, namespace="rhsi")


def test_a_removed_link_alone_revokes_nothing_and_a_revocation_does(checkout: Checkout) -> None:
    old = checkout.outputs("site-b")["link"]
    stolen = steal(old)
    link_by_hand("copied-before", stolen)
    wait_until_ready("copied-before")

    revoke(checkout)
    checkout.up("site-a")
    wait_until_refused("copied-before")
    wait_until_refused(old)

    checkout.up("site-b")
    new = checkout.outputs("site-b")["link"]
    assert new != old
    wait_until_ready(new)
    assert find(connect("site-b"), SKUPPER, "Link", old, "rhsi") is None
    wait_until_refused("copied-before")

    link_by_hand("copied-after", steal(new))
    wait_until_ready("copied-after")
    link_by_hand("late", stolen)
    wait_until_refused("late")


def test_a_second_revocation_is_one_number_and_is_made_once(checkout: Checkout) -> None:
    revoke(checkout)
    checkout.up()
    link, authority = checkout.outputs("site-b")["link"], site_authority()
    for stack in ("site-a", "site-b"):
        result = checkout.run("preview", stack, "--expect-no-changes")
        assert result.code == 0, result.text

    revoke(checkout)
    checkout.up()
    assert site_authority() != authority
    assert checkout.outputs("site-b")["link"] == next_link(link)
    wait_until_ready(next_link(link))


def renewals() -> dict[str, str]:
    """The Jobs that renewed the CA: name -> identity."""
    found = connect("site-a").resources.get(api_version="batch/v1", kind="Job").get(namespace="rhsi").items
    return {job.metadata.name: job.metadata.uid for job in found if job.metadata.name.startswith("renew-site-ca")}


def test_nothing_but_another_number_renews_the_authority(checkout: Checkout) -> None:
    revoke(checkout)
    checkout.up()
    authority, jobs = site_authority(), renewals()
    assert len(jobs) == 1
    checkout.change("site-a", "timeouts.claim", "4m")
    checkout.change("site-a", "images.claim", "registry.example.com/tools/kubectl:2")
    checkout.up("site-a")
    assert (site_authority(), renewals()) == (authority, jobs)

    (job,) = jobs
    connect("site-a").resources.get(api_version="batch/v1", kind="Job").delete(
        name=job, namespace="rhsi", body={"propagationPolicy": "Background"}
    )
    result = checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    assert len(renewals()) == 1
    assert site_authority() == authority


def test_a_revocation_that_was_killed_is_finished_with_other_settings_and_leaves_nothing(
    lab: Lab, checkout: Checkout
) -> None:
    before = site_authority()
    revoke(checkout)
    with begun(checkout, "up", "site-a") as up, down(lab, "skupper"):
        eventually(lambda: _gone("skupper-site-ca"))
        assert up.end(signal.SIGKILL).code != 0
    cancelled = checkout.pulumi("cancel", "--yes", "--stack", "site-a")
    assert cancelled.code == 0, cancelled.text
    checkout.change("site-a", "timeouts.claim", "3m")
    checkout.up()
    refreshed = checkout.run("refresh", "site-a", "--clear-pending-creates")
    assert refreshed.code == 0, refreshed.text
    assert site_authority() != before
    wait_until_ready(checkout.outputs("site-b")["link"])

    revoke(checkout)
    checkout.up()
    assert len(renewals()) == 1
    wait_until_ready(checkout.outputs("site-b")["link"])


def _gone(secret: str) -> None:
    assert find(connect("site-a"), "v1", "Secret", secret, "rhsi") is None


def test_the_commands_of_a_message_do_not_count_revocations(checkout: Checkout) -> None:
    checkout.change("site-a", "revoke", 25)
    checkout.up("site-a")
    rotation = checkout.rotation()
    grants = connect("site-a").resources.get(api_version=SKUPPER, kind="AccessGrant")
    grants.delete(name=grant_name("site-b", rotation + 25), namespace="rhsi")
    told = checkout.run("up", "site-b")
    assert told.code != 0
    assert f"pulumi config set --path 'rhsi:standbys.site-b.rotation' {rotation + 1} -s site-a" in told.text
    checkout.next_rotation()
    checkout.up()
    assert checkout.outputs("site-b")["link"] == token_name(rotation + 26)


def site_authority() -> str:
    """The identity of the Secret with the primary's CA."""
    found = find(connect("site-a"), "v1", "Secret", "skupper-site-ca", "rhsi")
    assert found
    return str(found["metadata"]["uid"])


def next_link(link: str) -> str:
    """The name of the Link one rotation later."""
    return token_name(int(link.rpartition("-")[2]) + 1)
