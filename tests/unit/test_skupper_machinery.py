"""The emulator's certificates, and small rules of access and services."""

import json

import pytest
from kubernetes.client.exceptions import ApiException

from lab.certificates import chains_to
from lab.kube import Manifest
from lab.stand_ins.skupper import api, pki
from lab.stand_ins.skupper.access import endpoints_of, load_balancer_host, node_host
from lab.stand_ins.skupper.cluster import Options, is_tls_credentials
from lab.stand_ins.skupper.grants import IssuingError
from lab.stand_ins.skupper.issuing import links
from lab.stand_ins.skupper.redemption import RedemptionError
from lab.stand_ins.skupper.services import allocate_ports, is_live
from lab.stand_ins.skupper.sites import SiteSpecError, enabled_access_types, verify
from lab.stand_ins.skupper.tokens import decode


def test_a_certificate_is_correct_for_its_hosts_and_subject_only() -> None:
    authority = pki.issue("ca", [], ca=None)
    issued = pki.issue("server", ["127.0.0.1", "router.ns"], authority)
    assert pki.is_correct(issued.crt, "server", ["router.ns", "127.0.0.1"])
    assert not pki.is_correct(issued.crt, "server", ["router.ns"])
    assert not pki.is_correct(issued.crt, "other", ["router.ns", "127.0.0.1"])
    assert not pki.is_correct(b"nonsense", "server", [])
    assert pki.is_correct(authority.crt, "ca", [])
    assert chains_to(issued.crt, authority.crt)
    assert issued.ca == authority.crt
    assert b"BEGIN RSA PRIVATE KEY" in issued.key
    assert issued.key.decode() not in repr(issued)


@pytest.mark.parametrize(
    ("secret", "credentials"),
    [
        ({"type": "kubernetes.io/tls", "data": {"tls.crt": "x", "tls.key": "x"}}, True),
        ({"type": "Opaque", "data": {"tls.crt": "x", "tls.key": "x", "ca.crt": "x"}}, True),
        ({"type": "Opaque", "data": {"ca.crt": "x"}}, True),
        ({"type": "Opaque", "data": {"tls.crt": "x", "tls.key": "x"}}, False),
        ({"type": "kubernetes.io/basic-auth", "data": {"ca.crt": "x"}}, False),
        ({"type": "kubernetes.io/tls"}, False),
    ],
)
def test_credentials_are_of_the_type_for_tls_or_have_an_authority(secret: Manifest, *, credentials: bool) -> None:
    assert is_tls_credentials(secret) == credentials


def test_a_load_balancer_has_another_name_in_another_cluster() -> None:
    assert load_balancer_host("rhsi", "skupper-router", "site-a") == "skupper-router.rhsi.site-a.internal"
    odd = load_balancer_host("rhsi", "skupper-router", "default/api-x:6443/kube:admin")
    assert odd == "skupper-router.rhsi.default-api-x-6443-kube-admin.internal"


def test_an_ip_address_is_preferred_to_a_host_name() -> None:
    access: Manifest = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"ports": [{"name": "edge", "port": 1}]}}
    service: Manifest = {
        "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "hostname": "h"}, {"hostname": "i"}, {}]}}
    }
    assert [found["host"] for found in endpoints_of(access, service)] == ["1.2.3.4", "i"]
    assert endpoints_of(access, {"status": {}}) == []
    local = {**access, "spec": {**access["spec"], "accessType": "local"}}
    assert endpoints_of(local, None) == [{"name": "edge", "host": "a.n", "port": "1"}]


def test_a_node_port_is_reached_at_the_clusters_nodes() -> None:
    ports = [{"name": "edge", "port": 1}, {"name": "inter-router", "port": 2}]
    access: Manifest = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"ports": ports, "accessType": "nodeport"}}
    service: Manifest = {"spec": {"ports": [{**ports[0], "nodePort": 30001}, ports[1]]}}
    nodes = node_host("default/api-x:6443", "nodes.internal")
    assert nodes == "default-api-x-6443.nodes.internal"
    assert endpoints_of(access, service, nodes) == [{"name": "edge", "host": nodes, "port": "30001"}]
    assert endpoints_of(access, None, nodes) == []


def test_node_ports_are_enabled_with_the_address_of_the_nodes_only() -> None:
    site: Manifest = {"spec": {"linkAccess": "nodeport"}}
    verify(site, enabled_access_types(Options(cluster_host="nodes.internal")))
    with pytest.raises(SiteSpecError, match="Unsupported value for LinkAccess: nodeport"):
        verify(site, enabled_access_types(Options()))


@pytest.mark.parametrize("access", ["", "none", "default", "route", "loadbalancer", "local"])
def test_a_known_link_access_is_accepted(access: str) -> None:
    verify({"spec": {"linkAccess": access}})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"linkAccess": "nodeport"}, "Unsupported value for LinkAccess: nodeport"),
        ({"linkAccess": "Default"}, "Unsupported value for LinkAccess: Default"),
        ({"edge": True, "ha": True}, "Edge sites cannot have HA enabled"),
    ],
)
def test_a_site_that_cannot_be_is_refused(spec: Manifest, text: str) -> None:
    with pytest.raises(SiteSpecError, match=text):
        verify({"spec": spec})


def test_an_edge_site_grants_no_links() -> None:
    endpoints = [{"name": "inter-router", "host": "h", "port": "1", "group": "g"}]
    with pytest.raises(IssuingError, match="Edge sites cannot accept incoming links"):
        links({"spec": {"edge": True}, "status": {"endpoints": endpoints}}, "x")


def test_ports_are_allocated_from_1024_up_and_kept() -> None:
    assert allocate_ports(["a", "b"], {}) == {"a": 1024, "b": 1025}
    assert allocate_ports(["b", "c"], {"a": 1024, "b": 1025}) == {"b": 1025, "c": 1024}


@pytest.mark.parametrize(
    ("phase", "ready", "terminating", "waived", "live"),
    [
        ("Running", "True", False, False, True),
        ("Running", "False", False, False, False),
        ("Running", "False", False, True, True),
        ("Pending", "True", False, True, False),
        ("Running", "True", True, False, False),
    ],
)
def test_a_connector_uses_pods_that_are_live(
    phase: str, ready: str, *, terminating: bool, waived: bool, live: bool
) -> None:
    metadata = {"deletionTimestamp": "now"} if terminating else {}
    pod = {"metadata": metadata, "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}
    assert is_live(pod, not_ready_too=waived) is live


@pytest.mark.parametrize("body", [b"", b"plain text", b"[1, 2]", b"a: b: c"])
def test_an_answer_that_is_no_object_cannot_be_decoded(body: bytes) -> None:
    with pytest.raises(RedemptionError, match="Controller could not decode response"):
        decode(body)


def test_an_answer_is_a_secret_and_links() -> None:
    secret, found = decode(b"---\nkind: Secret\n---\nkind: Link\n---\nkind: Link\n")
    assert (secret["kind"], len(found)) == ("Secret", 2)


def test_an_api_error_is_the_servers_own_sentence() -> None:
    error = ApiException(status=409, reason="Conflict")
    assert api.error_text(error) == "Conflict"
    error.body = json.dumps({"message": 'secrets "x" already exists'})
    assert api.error_text(error) == 'secrets "x" already exists'
