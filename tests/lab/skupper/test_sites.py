"""Sites of the Skupper emulator and the links between them: what comes with them, what ends them, what stays."""

from functools import partial

import pytest

from lab.stand_ins.skupper import api, conditions
from tests.lab.skupper.places import Place, make_grant, make_link, make_token, owners
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_a_deleted_link_does_not_come_back_and_leaves_its_secret(sites: list[Place]) -> None:
    make_link(sites, "standby")
    sites[1].delete(api.LINK, "standby")

    def alone_again() -> None:
        assert sites[0].get(api.SITE, "first")["status"]["sitesInNetwork"] == 1

    eventually(alone_again)
    sites[1].gone(api.LINK, "standby")
    sites[1].get(api.SECRET, "standby")


def test_a_deleted_site_takes_links_and_secrets_along_and_spends_its_tokens(sites: list[Place]) -> None:
    make_link(sites, "standby")
    sites[1].delete(api.SITE, "second")
    eventually(lambda: sites[1].gone(api.LINK, "standby"), 30)
    eventually(lambda: sites[1].gone(api.SECRET, "standby"), 30)
    token = sites[1].wait_status(api.TOKEN, "standby", "Error", "Already redeemed for a deleted site")
    assert conditions.is_true(token, "Redeemed")


def test_two_links_to_one_site_are_both_ready(sites: list[Place]) -> None:
    make_link(sites, "old")
    make_link(sites, "new")
    assert sites[1].get(api.LINK, "old")["status"]["status"] == "Ready"


def test_a_highly_available_site_gives_two_links(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "default", "ha": True})
    places[1].create(api.SITE, "second", {})
    eventually(lambda: _has_groups(places[0], {"skupper-router", "skupper-router-2"}))
    make_token(places[1], "standby", make_grant(places[0], "given"))
    for name in ("standby-1", "standby-2"):
        assert places[1].wait(api.LINK, name)["spec"]["tlsCredentials"] == "standby"


def test_a_second_router_comes_and_goes_with_the_sites_word(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "default"})
    places[0].wait(api.SITE, "first")
    for ha, groups in ((True, {"skupper-router", "skupper-router-2"}), (False, {"skupper-router"})):
        places[0].api.patch(api.SITE, places[0].namespace, {"metadata": {"name": "first"}, "spec": {"ha": ha}})
        eventually(partial(_has_groups, places[0], groups))


def _has_groups(place: Place, groups: set[str]) -> None:
    assert {endpoint["group"] for endpoint in place.get(api.SITE, "first")["status"]["endpoints"]} == groups


def test_a_site_with_an_unknown_link_access_is_an_error(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "carrier-pigeon"})
    places[0].wait_status(api.SITE, "first", "Error", "Unsupported value for LinkAccess: carrier-pigeon")


def test_a_second_site_in_a_namespace_is_an_error_until_the_first_goes(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {})
    places[0].wait(api.SITE, "first")
    places[0].create(api.SITE, "other", {})
    places[0].wait_status(api.SITE, "other", "Error", "An active site already exists in the namespace (first)")
    places[0].delete(api.SITE, "first")
    places[0].wait(api.SITE, "other")


def test_what_a_site_brings_along_belongs_to_it(sites: list[Place]) -> None:
    for kind, name in (
        (api.SERVICE_ACCOUNT, "skupper-router"),
        (api.CONFIG_MAP, "skupper-router"),
        (api.ROUTER_ACCESS, "skupper-router"),
        (api.CERTIFICATE, "skupper-site-ca"),
        (api.CERTIFICATE, "skupper-local-ca"),
        (api.CERTIFICATE, "skupper-local-server"),
    ):
        assert owners(sites[0].get(kind, name)) == [("Site", "first")], name


def test_rekeying_the_site_revokes_every_link_and_new_tokens_work(sites: list[Place]) -> None:
    far, near = sites
    make_link(sites, "old")
    old_ca = far.get(api.SECRET, "skupper-site-ca")["data"]["tls.crt"]
    far.delete(api.SECRET, "skupper-site-ca")

    def rekeyed() -> None:
        assert far.get(api.SECRET, "skupper-site-ca")["data"]["tls.crt"] != old_ca

    eventually(rekeyed)
    assert near.get(api.LINK, "old")["status"]["status"] == "Ready"
    make_token(near, "between", make_grant(far, "between"))
    near.wait(api.LINK, "between", "Configured")
    far.delete(api.SECRET, "skupper-site-server")
    near.wait_status(api.LINK, "old", "Pending", "Not operational")
    assert near.get(api.LINK, "old")["status"]["remoteSiteName"] == "first"
    near.wait(api.LINK, "between")


def test_a_link_waits_for_its_credentials(sites: list[Place]) -> None:
    spec = make_link(sites, "given")["spec"]
    sites[1].create(api.LINK, "made", {**spec, "tlsCredentials": "later"})
    sites[1].wait_status(api.LINK, "made", "Error", 'TLS credentials secret "later" not found')
    secret = sites[1].get(api.SECRET, "given")
    body = {"metadata": {"name": "later"}, "type": secret["type"], "data": secret["data"]}
    sites[1].api.create(api.SECRET, sites[1].namespace, body)
    sites[1].wait(api.LINK, "made")
