"""Which pods a Service leads to, under which names, and where the files of names are."""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.kube import Manifest
from lab.stand_ins.network.names import HostsFiles, Name, hosts
from lab.stand_ins.network.ranges import kubernetes_address, service_range
from lab.stand_ins.network.routing import keep_of_pod, keep_of_service, names, table
from lab.stand_ins.network.table import Address, Target


def service(name: str = "db", address: str = "127.64.0.9", **spec: Any) -> Manifest:
    ports = [{"port": 5432, "targetPort": 5432}]
    body = {"clusterIP": address, "selector": {"app": "db"}, "ports": ports, **spec}
    return keep_of_service({"metadata": {"namespace": "rhsi", "name": name, "uid": name}, "spec": body})


def pod(
    name: str = "db-0",
    *,
    ready: str = "True",
    phase: str = "Running",
    labels: dict[str, str] | None = None,
    **more: Any,
) -> Manifest:
    metadata = {"namespace": "rhsi", "name": name, "uid": name, "labels": labels or {"app": "db"}, **more}
    container = {"name": "db", "ports": [{"name": "postgres", "containerPort": 5432}]}
    status = {"phase": phase, "podIP": "127.128.0.1", "conditions": [{"type": "Ready", "status": ready}]}
    spec = {"hostname": name, "subdomain": "db", "containers": [container]}
    return keep_of_pod({"metadata": metadata, "spec": spec, "status": status})


FRONT = Address("127.64.0.9", 5432)
API_SERVER = Address("127.0.0.1", 12345)


def routes(*services: Manifest, pods: list[Manifest] | None = None) -> Mapping[Address, Sequence[Target]]:
    return table(services, [pod()] if pods is None else pods, API_SERVER).routes


def to_pod(name: str = "db-0") -> Target:
    return Target(Address("127.128.0.1", 5432), needs=(name,))


def test_a_service_leads_to_the_ready_pods_of_its_selector() -> None:
    others = [
        pod("other", labels={"app": "web"}),
        pod("starting", ready="False"),
        pod("going", deletionTimestamp="now"),
    ]
    assert routes(service(), pods=[pod(), *others]) == {FRONT: [to_pod()]}


def test_a_service_that_publishes_pods_that_are_not_ready_leads_to_them_too() -> None:
    starting = pod("starting", ready="False")
    assert routes(service(publishNotReadyAddresses=True), pods=[starting]) == {FRONT: [to_pod("starting")]}
    headless = service(address="None", publishNotReadyAddresses=True)
    assert "127.128.0.1" in {name.address for name in names([headless], [starting]) if name.name == "db"}


def test_a_pod_keeps_its_connections_until_it_is_gone() -> None:
    pods = [pod("starting", ready="False"), pod("going", deletionTimestamp="now"), pod("done", phase="Succeeded")]
    found = table([service()], pods, API_SERVER)
    assert found.routes == {FRONT: []}
    assert found.present == {"starting", "going"}


def test_a_named_target_port_is_the_containers() -> None:
    assert routes(service(ports=[{"port": 5432, "targetPort": "postgres"}])) == {FRONT: [to_pod()]}
    assert routes(service(ports=[{"port": 5432, "targetPort": "metrics"}])) == {FRONT: []}


def test_a_service_without_selector_leads_nowhere_and_one_of_another_network_is_left_alone() -> None:
    assert routes(service(selector={})) == {FRONT: []}
    assert routes(service(address="10.96.0.7")) == {}


def test_the_api_server_is_behind_a_service_too() -> None:
    kubernetes = service("kubernetes", selector={})
    kubernetes["metadata"]["namespace"] = "default"
    assert routes(kubernetes) == {FRONT: [Target(API_SERVER)]}


def test_a_headless_service_is_its_pods_and_a_stateful_pod_has_a_name_of_its_own() -> None:
    found = set(names([service(address="None")], [pod()]))
    assert found == {Name("rhsi", "db", "127.128.0.1"), Name("rhsi", "db-0.db", "127.128.0.1")}


def test_short_names_are_known_in_their_own_namespace_only() -> None:
    known = [Name("rhsi", "db", "127.64.0.9")]
    line = "127.64.0.9 db.rhsi.svc.cluster.local db.rhsi.svc db.rhsi"
    assert hosts(known, "rhsi") == f"127.0.0.1 localhost\n{line} db\n"
    assert hosts(known, "other") == f"127.0.0.1 localhost\n{line}\n"


def test_a_file_of_names_is_changed_in_place_also_when_nothing_is_left_in_its_namespace(tmp_path: Path) -> None:
    files = HostsFiles(tmp_path)
    files.write(["rhsi"], [Name("rhsi", "db", "127.64.0.9"), Name("rhsi", "web", "127.64.0.10")])
    file = tmp_path / "rhsi.hosts"
    before = file.stat().st_ino
    files.write([], [])
    assert file.read_text() == "127.0.0.1 localhost\n"
    assert file.stat().st_ino == before
    assert file.stat().st_mode & 0o777 == 0o644


def test_clusters_have_ranges_of_their_own_that_stay(tmp_path: Path) -> None:
    ranges = [service_range(tmp_path, number) for number in range(3)]
    assert len(set(ranges)) == 3
    assert ranges[0] == service_range(tmp_path, 0) != service_range(tmp_path / "other", 0)
    for found in map(ipaddress.ip_network, ranges):
        assert found.is_loopback
        assert str(next(found.hosts())) == kubernetes_address(str(found))
