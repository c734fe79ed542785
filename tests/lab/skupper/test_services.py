"""Listeners and connectors of the Skupper emulator on real API servers, and the Services that they make."""

import pytest

from lab.stand_ins.skupper import api
from tests.lab.skupper.places import Place, make_link
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_a_listener_meets_its_connector_over_the_link(sites: list[Place]) -> None:
    far, near = sites
    near.create(api.LISTENER, "db", {"routingKey": "db", "host": "postgres-primary", "port": 5432})
    near.wait_status(api.LISTENER, "db", "Pending", "No matching connectors")
    far.create(api.CONNECTOR, "db", {"routingKey": "db", "host": "db.test.svc", "port": 5432})
    far.wait_status(api.CONNECTOR, "db", "Pending", "No matching listeners")
    make_link(sites, "standby")
    assert near.wait(api.LISTENER, "db")["status"]["hasMatchingConnector"] is True
    assert far.wait(api.CONNECTOR, "db")["status"]["hasMatchingListener"] is True
    service = near.get(api.SERVICE, "postgres-primary")
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(5432, 1024)]
    near.delete(api.SERVICE, "postgres-primary")
    eventually(lambda: near.get(api.SERVICE, "postgres-primary"))
    near.delete(api.LISTENER, "db")
    eventually(lambda: near.gone(api.SERVICE, "postgres-primary"))
    far.wait_status(api.CONNECTOR, "db", "Pending", "No matching listeners")


def test_listeners_on_one_host_share_a_service_and_never_a_port(sites: list[Place]) -> None:
    near = sites[1]
    for name, port in (("one", 80), ("two", 81)):
        near.create(api.LISTENER, name, {"routingKey": name, "host": "shared", "port": port})
        near.wait(api.LISTENER, name, "Configured")
    ports = near.get(api.SERVICE, "shared")["spec"]["ports"]
    assert sorted((port["name"], port["port"], port["targetPort"]) for port in ports) == [
        ("one", 80, 1024),
        ("two", 81, 1025),
    ]
    near.create(api.LISTENER, "three", {"routingKey": "three", "host": "shared", "port": 80})
    text = "Listener one with host shared and port 80 already exists in namespace"
    near.wait_status(api.LISTENER, "three", "Error", text)


def test_a_listener_does_not_touch_a_service_of_others(sites: list[Place]) -> None:
    near = sites[1]
    near.create(api.SERVICE, "mine", {"ports": [{"port": 80}]})
    near.create(api.LISTENER, "db", {"routingKey": "db", "host": "mine", "port": 5432})
    near.wait_status(api.LISTENER, "db", "Error", "Service mine already exists in namespace")
    assert near.get(api.SERVICE, "mine")["spec"]["ports"][0]["port"] == 80


def test_a_connector_with_a_selector_follows_its_pods(sites: list[Place]) -> None:
    far = sites[0]
    far.create(api.CONNECTOR, "web", {"routingKey": "web", "selector": "app=web", "port": 8080})
    pod = {"containers": [{"name": "web", "image": "none"}], "nodeName": "nowhere"}
    # The default service account is made by a controller of its own.
    eventually(lambda: far.get(api.SERVICE_ACCOUNT, "default"))
    body = {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": pod}
    far.api.create(api.POD, far.namespace, body)
    far.wait_status(api.CONNECTOR, "web", "Error", "No matches for selector")
    live = far.get(api.POD, "web")
    live["status"] |= {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]}
    live["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    far.api.replace_status(api.POD, live)
    far.wait(api.CONNECTOR, "web", "Configured")
    far.create(api.LISTENER, "web", {"routingKey": "web", "host": "web", "port": 80})
    far.wait(api.CONNECTOR, "web")
