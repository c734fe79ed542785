"""Ways in to a Site of the Skupper emulator beside the default one, and what names TLS credentials."""

from typing import Any

import pytest

from components.skupper.router_access import RouterAccessArgs, router_access_spec
from lab.stand_ins.skupper import api
from tests.lab.skupper.places import Place, make_grant, make_token
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

TLS = {"type": "kubernetes.io/tls", "stringData": {"tls.crt": "a certificate", "tls.key": "its key"}}


def access(**changes: Any) -> dict[str, Any]:
    usual = {"access_type": "", "bind_host": "", "inter_router": 55671, "edge": 45671, "settings": {}}
    return router_access_spec(RouterAccessArgs(namespace="n", ha=False, timeout="1m", **{**usual, **changes}))


def test_a_router_access_opens_a_site_without_link_access_by_node_ports(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {})
    places[1].create(api.SITE, "second", {})
    places[0].wait(api.SITE, "first")
    places[0].create(api.ROUTER_ACCESS, "own", access(access_type="nodeport"))
    places[0].wait(api.ROUTER_ACCESS, "own")
    service = places[0].get(api.SERVICE, "own")
    assert service["spec"]["type"] == "NodePort"
    ports = {port["name"]: str(port["nodePort"]) for port in service["spec"]["ports"]}

    def resolved() -> None:
        endpoints = places[0].get(api.SITE, "first")["status"]["endpoints"]
        assert {one["name"]: one["port"] for one in endpoints} == ports
        assert {one["host"] for one in endpoints} == {"site-a.nodes.internal"}

    eventually(resolved)
    make_token(places[1], "dear", make_grant(places[0], "dear"), linkCost=20)
    assert places[1].wait(api.LINK, "dear")["spec"]["cost"] == 20


def test_an_access_type_that_nobody_enabled_is_unsupported(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {})
    places[0].wait(api.SITE, "first")
    places[0].create(api.ROUTER_ACCESS, "own", access(access_type="gateway"))
    places[0].wait_status(api.SECURED_ACCESS, "own", "Error", "unsupported access type")
    places[0].wait_status(api.ROUTER_ACCESS, "own", "Pending", "Pending")


@pytest.mark.parametrize(
    ("kind", "spec"),
    [(api.LISTENER, {"host": "web", "port": 443}), (api.CONNECTOR, {"host": "x.example.com", "port": 443})],
)
def test_what_names_tls_credentials_waits_for_their_secret(
    places: list[Place], kind: api.Kind, spec: dict[str, Any]
) -> None:
    places[0].create(api.SITE, "first", {})
    places[0].wait(api.SITE, "first")
    places[0].create(kind, "web", {"routingKey": "a/web", "tlsCredentials": "web-tls", **spec})
    places[0].wait_status(kind, "web", "Error", 'TLS credentials secret "web-tls" not found')
    places[0].api.create(api.SECRET, places[0].namespace, {"metadata": {"name": "web-tls"}, **TLS})
    there = "No matching connectors" if kind is api.LISTENER else "No matching listeners"
    places[0].wait_status(kind, "web", "Pending", there)
