"""Grants of the Skupper emulator on real API servers: what they say, and what becomes of tokens when they end."""

import pytest
from kubernetes.dynamic.exceptions import UnprocessibleEntityError

from lab.stand_ins.skupper import api
from tests.lab.skupper.places import Place, make_grant, make_token

pytestmark = pytest.mark.lab


def test_a_grant_without_redemptions_allowed_gets_one(places: list[Place]) -> None:
    places[0].create(api.GRANT, "bare", {})
    grant = places[0].wait(api.GRANT, "bare")
    assert grant["spec"]["redemptionsAllowed"] == 1
    assert grant["status"]["url"].endswith(f"/{grant['metadata']['uid']}")
    assert len(grant["status"]["code"]) == 24


def test_a_window_that_go_cannot_parse_is_an_error_in_the_status(places: list[Place]) -> None:
    places[0].create(api.GRANT, "odd", {"redemptionsAllowed": 1, "expirationWindow": "1 day"})
    text = 'Invalid duration "1 day": time: invalid duration "1 day"'
    grant = places[0].wait_status(api.GRANT, "odd", "Error", text)
    assert "expirationTime" not in grant["status"]


def test_the_schema_refuses_a_window_that_is_no_duration(places: list[Place]) -> None:
    with pytest.raises(UnprocessibleEntityError, match="expirationWindow"):
        places[0].create(api.GRANT, "wrong", {"expirationWindow": "soon"})


def test_a_used_up_grant_is_still_ready_and_refuses_the_next_token(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "once")
    make_token(sites[1], "one", grant)
    sites[1].wait(api.TOKEN, "one", "Redeemed")
    make_token(sites[1], "two", grant)
    text = "Controller got failed response: 404 (Not Found) No such access granted"
    sites[1].wait_status(api.TOKEN, "two", "Error", text)
    assert sites[0].get(api.GRANT, "once")["status"]["status"] == "Ready"


def test_an_expired_grant_is_still_ready_and_is_not_known_any_more(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "brief", expirationWindow="-1s")
    make_token(sites[1], "late", grant)
    text = "Controller got failed response: 404 (Not Found) No such claim"
    sites[1].wait_status(api.TOKEN, "late", "Error", text)
    assert sites[0].get(api.GRANT, "brief")["status"]["status"] == "Ready"


def test_a_deleted_grant_is_not_known_and_its_link_stays(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "short", redemptionsAllowed=5)
    make_token(sites[1], "early", grant)
    sites[1].wait(api.LINK, "early")
    sites[0].delete(api.GRANT, "short")
    make_token(sites[1], "late", grant)
    text = "Controller got failed response: 404 (Not Found) No such claim"
    sites[1].wait_status(api.TOKEN, "late", "Error", text)
    assert sites[1].get(api.LINK, "early")["status"]["status"] == "Ready"
