"""Which links are up, and what sites know of each other."""

from dataclasses import replace

from lab.stand_ins.skupper import pki
from lab.stand_ins.skupper.network import Connecting, Endpoint, LinkEnd, Listening, SiteView, compute

CA = pki.issue("site CA", [], ca=None)
OTHER_CA = pki.issue("site CA", [], ca=None)
SERVER = pki.issue("skupper-router", ["far.internal"], CA)
CLIENT = pki.issue("near", ["far.internal"], CA)

ENDPOINT = Endpoint("far.internal", "55671", (SERVER.crt, SERVER.ca))
LINK = LinkEnd("standby", "far.internal", "55671", (CLIENT.crt, CLIENT.ca))
FAR = SiteView("uid-far", "far", "rhsi", "site-a", ready=True, endpoints=(ENDPOINT,))
NEAR = SiteView("uid-near", "near", "rhsi", "site-b", ready=True, links=(LINK,))


def with_endpoint(endpoint: Endpoint) -> SiteView:
    return replace(FAR, endpoints=(endpoint,))


def with_link(link: LinkEnd) -> SiteView:
    return replace(NEAR, links=(link,))


def is_up(*sites: SiteView) -> bool:
    return compute(sites).up == {"uid-near": {"standby": "uid-far"}}


def test_a_link_with_good_credentials_is_up() -> None:
    assert is_up(FAR, NEAR)


def test_a_link_to_a_site_that_is_not_ready_is_down() -> None:
    assert not is_up(replace(FAR, ready=False), NEAR)


def test_a_link_to_another_port_is_down() -> None:
    assert not is_up(FAR, with_link(replace(LINK, port="443")))


def test_a_client_of_another_ca_is_not_let_in() -> None:
    stranger = pki.issue("near", ["far.internal"], OTHER_CA)
    assert not is_up(FAR, with_link(replace(LINK, credentials=(stranger.crt, CLIENT.ca))))


def test_a_server_of_another_ca_is_not_trusted() -> None:
    stranger = pki.issue("skupper-router", ["far.internal"], OTHER_CA)
    assert not is_up(with_endpoint(replace(ENDPOINT, credentials=(stranger.crt, SERVER.ca))), NEAR)


def test_a_site_that_trusts_old_and_new_ca_lets_both_in() -> None:
    new = pki.issue("near", ["far.internal"], OTHER_CA)
    both = CA.crt + OTHER_CA.crt
    far = with_endpoint(replace(ENDPOINT, credentials=(SERVER.crt, both)))
    assert is_up(far, NEAR)
    assert is_up(far, with_link(replace(LINK, credentials=(new.crt, CA.crt))))


def test_a_local_name_leads_nowhere_in_another_cluster() -> None:
    far = with_endpoint(replace(ENDPOINT, local=True))
    assert not is_up(far, NEAR)
    assert is_up(far, replace(NEAR, context="site-a"))


def test_a_link_that_was_up_outlives_its_secret_and_no_new_one_comes_up_without() -> None:
    before = compute([FAR, NEAR])
    bare = with_link(replace(LINK, credentials=None))
    assert compute([FAR, bare], before).up == before.up
    assert compute([FAR, bare]).up == {}


def test_linked_sites_know_each_other_and_strangers_do_not() -> None:
    stranger = SiteView("uid-other", "other", "rhsi", "site-c", ready=True)
    topology = compute([FAR, NEAR, stranger])
    assert [record["name"] for record in topology.records_for("uid-near")] == ["far", "near"]
    assert [record["name"] for record in topology.records_for("uid-far")] == ["far", "near"]
    assert [record["name"] for record in topology.records_for("uid-other")] == ["other"]
    assert topology.records_for("uid-gone") == []


def test_two_standbys_reach_each_other_through_the_primary() -> None:
    third = replace(NEAR, uid="uid-third", name="third", namespace="other")
    topology = compute([FAR, NEAR, third])
    assert len(topology.records_for("uid-third")) == 3


def test_a_link_that_is_up_names_its_peer() -> None:
    record = compute([FAR, NEAR]).records_for("uid-near")[1]
    assert record["links"] == [
        {"name": "standby", "remoteSiteId": "uid-far", "remoteSiteName": "far", "operational": True}
    ]


def test_a_link_that_is_down_keeps_its_last_peer_and_one_never_up_has_no_record() -> None:
    away = replace(FAR, ready=False)
    down = with_link(replace(LINK, last_peer="uid-far"))
    record = compute([away, down]).records_for("uid-near")[0]
    assert record["links"] == [{"name": "standby", "remoteSiteId": "uid-far", "remoteSiteName": "far"}]
    assert "links" not in compute([away, NEAR]).records_for("uid-near")[0]


def test_services_are_listed_by_routing_key() -> None:
    near = replace(
        NEAR,
        listeners=(Listening("db", "postgres", "db", 5432),),
        connectors=(Connecting("web", "web", ("10.0.0.1", "10.0.0.2"), 80),),
    )
    assert compute([near]).records_for("uid-near")[0]["services"] == [
        {"routingKey": "postgres", "listeners": ["listener/db"]},
        {"routingKey": "web", "connectors": ["10.0.0.1", "10.0.0.2"]},
    ]
