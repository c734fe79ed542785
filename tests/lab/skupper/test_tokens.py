"""Tokens of the Skupper emulator on real API servers: redeemed, refused, burnt or waiting."""

import base64

import pytest

from lab.kube import Manifest
from lab.stand_ins.skupper import api
from tests.lab.skupper.places import Place, make_grant, make_link, make_token, owners
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_a_token_becomes_a_link_that_belongs_to_the_site(sites: list[Place]) -> None:
    near, far = sites[1], sites[0]
    link = make_link(sites, "standby")
    token, secret = near.get(api.TOKEN, "standby"), near.get(api.SECRET, "standby")
    assert (token["status"]["redeemed"], token["status"]["status"], token["status"]["message"]) == (True, "Ready", "OK")
    assert owners(link) == owners(secret) == [("Site", "second")]
    assert secret["type"] == "kubernetes.io/tls"
    assert sorted(secret["data"]) == ["ca.crt", "tls.crt", "tls.key"]
    assert link["spec"]["tlsCredentials"] == "standby"
    assert link["spec"]["endpoints"] == far.get(api.SITE, "first")["status"]["endpoints"]
    remote = far.get(api.SITE, "first")["metadata"]["uid"]
    assert (link["status"]["remoteSiteId"], link["status"]["remoteSiteName"]) == (remote, "first")
    assert far.get(api.GRANT, "standby")["status"]["redemptions"] == 1

    def both_know_each_other() -> None:
        for place, name in ((far, "first"), (near, "second")):
            status = place.get(api.SITE, name)["status"]
            assert status["sitesInNetwork"] == 2
            assert {record["name"] for record in status["network"]} == {"first", "second"}

    eventually(both_know_each_other)


def test_a_newline_behind_the_code_is_refused_and_burns_nothing(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "exact")
    make_token(sites[1], "sloppy", grant, code=grant["status"]["code"] + "\n")
    text = "Controller got failed response: 403 (Forbidden) Redemption of access token refused"
    sites[1].wait_status(api.TOKEN, "sloppy", "Error", text)
    assert "redemptions" not in sites[0].get(api.GRANT, "exact")["status"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"ca": ""}, "token does not have a CA"),
        ({"url": "http://127.0.0.1/x"}, "token url scheme must be https"),
        (
            {"url": "https://127.0.0.1:1/x\n"},
            'could not parse token url: parse "https://127.0.0.1:1/x\\n": net/url: invalid control character in URL',
        ),
        (
            {"url": "https://127.0.0.1:1/x"},
            'Controller got error: Post "https://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
        ),
    ],
)
def test_a_token_that_cannot_be_posted_says_why(sites: list[Place], spec: Manifest, text: str) -> None:
    make_token(sites[1], "odd", make_grant(sites[0], "fine"), **spec)
    sites[1].wait_status(api.TOKEN, "odd", "Error", text)


def test_a_ca_that_did_not_sign_the_grant_server_is_an_unknown_authority(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "fine")
    other = sites[1].get(api.SECRET, "skupper-local-ca")["data"]["ca.crt"]
    make_token(sites[1], "misled", grant, ca=base64.b64decode(other).decode())
    post = f'Controller got error: Post "{grant["status"]["url"]}": tls: failed to verify certificate: x509:'
    sites[1].wait_status(api.TOKEN, "misled", "Error", f"{post} certificate signed by unknown authority")


def test_a_name_that_is_taken_burns_a_redemption_for_every_attempt(sites: list[Place]) -> None:
    make_link(sites, "taken")
    sites[1].delete(api.TOKEN, "taken")
    eventually(lambda: sites[1].gone(api.TOKEN, "taken"))
    assert sites[1].get(api.LINK, "taken")["status"]["status"] == "Ready"
    make_token(sites[1], "taken", make_grant(sites[0], "generous", redemptionsAllowed=50))
    text = 'Controller could not create received secret: secrets "taken" already exists'
    sites[1].wait_status(api.TOKEN, "taken", "Error", text)

    def posted_again_by_its_own_status_write_and_by_the_resync() -> None:
        assert sites[0].get(api.GRANT, "generous")["status"]["redemptions"] >= 3

    eventually(posted_again_by_its_own_status_write_and_by_the_resync)


def test_a_link_whose_name_is_taken_is_reported_after_the_secret_was_made(sites: list[Place]) -> None:
    sites[1].create(api.LINK, "mine", {"endpoints": []})
    make_token(sites[1], "mine", make_grant(sites[0], "given"))
    text = 'Controller could not create received link: links.skupper.io "mine" already exists'

    def refused() -> None:
        # The second attempt finds the Secret of the first one, so this message is short-lived.
        log = sites[1].get(api.TOKEN, "mine")["status"]["message"]
        assert log in {text, "Controller got failed response: 404 (Not Found) No such access granted"}

    eventually(refused)
    sites[1].get(api.SECRET, "mine")


def test_a_redemption_before_the_site_has_endpoints_burns_a_use(places: list[Place]) -> None:
    places[0].create(api.SITE, "closed", {})
    places[1].create(api.SITE, "second", {})
    places[0].wait(api.SITE, "closed")
    make_token(places[1], "early", make_grant(places[0], "given"))
    text = "Controller got failed response: 404 (Not Found) No such access granted"
    places[1].wait_status(api.TOKEN, "early", "Error", text)
    assert places[0].get(api.GRANT, "given")["status"]["redemptions"] == 1


def test_a_token_waits_silently_for_a_site(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "default"})
    places[0].wait(api.SITE, "first")
    make_token(places[1], "patient", make_grant(places[0], "given"))
    make_token(places[0], "marker", make_grant(places[0], "other", expirationWindow="-1s"))
    places[0].wait(api.TOKEN, "marker", "Redeemed", "False")
    assert "status" not in places[1].get(api.TOKEN, "patient")
    places[1].create(api.SITE, "second", {})
    places[1].wait(api.TOKEN, "patient", "Redeemed")
