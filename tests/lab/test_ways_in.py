"""Ways in beside the default ones: to Vault by signature or an existing store, to a Site that exists, by node ports.

Both stacks stand during the whole module, in a Vault namespace of their own, with the login in the one above it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvac
import pytest

from lab import environment
from lab.certificates import key_pem, rsa_key
from lab.servers import process
from tests.lab import runbook
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import control_plane
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

ABOVE, BELOW = "team", "team/links"
NAMESPACE = "rhsi"
CA, STORE, SITE = "vault-ca", "platform-vault", "branch"
SKUPPER = "skupper.io/v2alpha1"
EXTERNAL_SECRETS = "external-secrets.io/v1"


def vault(lab: Lab, namespace: str = "") -> hvac.Client:
    """The administrator of a namespace of Vault."""
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert), namespace=namespace)


def create(lab: Lab, api_version: str, kind: str, name: str, **fields: Any) -> None:
    """Make an object as the standby's administrator."""
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
    place = {} if kind == "Namespace" else {"namespace": NAMESPACE}
    lab.connect("site-b").resources.get(api_version=api_version, kind=kind).create(body=body, **place)


def kind(lab: Lab, name: str, api_version: str = SKUPPER, context: str = "site-b") -> Any:
    """The verbs of a kind."""
    return lab.connect(context).resources.get(api_version=api_version, kind=name)


def ready(lab: Lab, site: str) -> str:
    """The UID of the standby's Site, which is Ready."""
    found = kind(lab, "Site").get(name=site, namespace=NAMESPACE)
    assert found.status, "none yet"
    assert found.status.status == "Ready", found.status
    return str(found.metadata.uid)


@pytest.fixture(scope="module")
def sites(lab: Lab, copy_checkout: Any) -> Iterator[Checkout]:
    """Both sites up, the standby by the login jwt; its namespace and what it finds there are the administrator's."""
    for path in (ABOVE, BELOW):
        above, _, name = path.rpartition("/")
        vault(lab, above).sys.create_namespace(name)
    create(lab, "v1", "Namespace", NAMESPACE)
    create(lab, "v1", "ConfigMap", CA, data={"ca.crt": lab.vault_cacert.read_text()})
    create(lab, SKUPPER, "Site", SITE, spec={})
    eventually(lambda: ready(lab, SITE))
    found: Checkout = copy_checkout()
    for stack in ("site-a", "site-b"):
        found.change(stack, "vault.namespace", BELOW)
    settings = {"login": "jwt", "authNamespace": ABOVE, "caProvider": {"name": CA}, "refreshInterval": "30s"}
    for key, value in settings.items():
        found.change("site-b", f"vault.{key}", value)
    found.change("site-b", "cluster.createNamespace", False)
    found.change("site-b", "skupper", {"existingSite": SITE, "linkCost": 20})
    own = {"siteName": "hub", "linkAccess": "none", "routerAccess": {"accessType": "nodeport"}}
    found.change("site-a", "skupper", own)
    found.up()
    yield found
    found.remove()
    namespaces = lab.connect("site-b").resources.get(api_version="v1", kind="Namespace")
    namespaces.delete(name=NAMESPACE)


def method(lab: Lab) -> dict[str, Any]:
    """The configuration of the standby's auth mount."""
    answer = vault(lab, ABOVE).read("auth/jwt-site-b/config")
    assert answer
    return dict(answer["data"])


def settled(sites: Checkout, *stacks: str) -> None:
    for stack in stacks or ("site-b",):
        result = sites.run("up", stack, "--expect-no-changes")
        assert result.code == 0, result.text


def test_a_primary_is_reached_by_the_node_ports_of_its_router_access(lab: Lab, sites: Checkout) -> None:
    (site,) = kind(lab, "Site", context="site-a").get(namespace=NAMESPACE).items
    assert site.metadata.name == sites.outputs("site-a")["skupper_site"] == "hub"
    assert "linkAccess" not in site.spec.to_dict()
    service = kind(lab, "Service", "v1", "site-a").get(name="rhsi-router-access", namespace=NAMESPACE)
    assert service.spec.type == "NodePort"
    ports = {str(port.nodePort) for port in service.spec.ports}
    (link,) = kind(lab, "Link").get(namespace=NAMESPACE).items
    assert {endpoint.port for endpoint in link.spec.endpoints} == ports
    assert link.spec.cost == 20
    assert link.status.remoteSiteName == "hub"
    settled(sites, "site-a")


def test_a_standby_uses_the_site_that_stands_there(lab: Lab, sites: Checkout) -> None:
    assert sites.outputs("site-b")["skupper_site"] == SITE
    (link,) = kind(lab, "Link").get(namespace=NAMESPACE).items
    (owner,) = link.metadata.ownerReferences
    assert owner.uid == ready(lab, SITE)
    sites.change("site-b", "skupper.existingSite", "another")
    refused = sites.run("preview", "site-b")
    assert refused.code != 0
    assert f"'{NAMESPACE}/another' does not exist" in refused.text
    sites.change("site-b", "skupper", {})
    refused = sites.run("preview", "site-b")
    assert refused.code != 0
    assert 'rhsi:skupper.existingSite is "", which is another Site than before' in " ".join(refused.text.split())
    sites.change("site-b", "skupper", {"existingSite": SITE, "linkCost": 20})


def test_beside_somebody_elses_site_his_objects_stay_and_a_killed_run_finds_its_own(
    lab: Lab, sites: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    connectors = kind(lab, "Connector")
    create(lab, SKUPPER, "Connector", "orders", spec={"routingKey": "branch/orders", "host": "his", "port": 81})
    his = connectors.get(name="orders", namespace=NAMESPACE)
    sites.change("site-b", "services", {"exports": {"orders": {"host": "orders.shop.svc", "port": 80}}})
    for _ in range(2):
        refused = sites.run("up", "site-b")
        assert refused.code != 0
        assert 'connectors.skupper.io "orders" already exists' in refused.text
        assert runbook.leads_to(refused.text, "RHSI_TAKE_OVER=rhsi")
        found = connectors.get(name="orders", namespace=NAMESPACE)
        assert (found.metadata.uid, found.spec.to_dict()) == (his.metadata.uid, his.spec.to_dict())
    connectors.delete(name="orders", namespace=NAMESPACE)
    sites.up("site-b")
    own = connectors.get(name="orders", namespace=NAMESPACE).metadata
    assert own.annotations["rhsi/owner"] == "organization/rhsi/site-b"
    state = json.loads(sites.pulumi("stack", "export", "--stack", "site-b").text)
    (urn,) = [one["urn"] for one in state["deployment"]["resources"] if one["urn"].endswith("-export-orders-connector")]
    # As if the run had been killed before it could remember it.
    forgotten = sites.pulumi("state", "delete", urn, "--yes", "--stack", "site-b")
    assert forgotten.code == 0, forgotten.text
    assert "already exists" in sites.run("up", "site-b").text
    with monkeypatch.context() as patch:
        patch.setenv("RHSI_TAKE_OVER", NAMESPACE)
        sites.up("site-b")
    settled(sites)
    assert connectors.get(name="orders", namespace=NAMESPACE).metadata.uid == own.uid
    sites.change("site-b", "services", {})
    sites.up("site-b")
    assert "orders" not in [one.metadata.name for one in connectors.get(namespace=NAMESPACE).items]


def test_a_standby_logs_in_by_its_clusters_signature_and_nobody_asks_its_api_server(lab: Lab, sites: Checkout) -> None:
    assert sites.outputs("site-b")["link_status"] == "Ready"
    known = method(lab)
    assert len(known["jwt_validation_pubkeys"]) == 1
    assert known["bound_issuer"].startswith("https://")
    assert "kubernetes_host" not in known
    bindings = kind(lab, "ClusterRoleBinding", "rbac.authorization.k8s.io/v1")
    assert not [one for one in bindings.get().items if one.metadata.name.startswith("rhsi-vault-reader")]
    assert "kubernetes-site-b/" not in vault(lab).sys.list_auth_methods()["data"]
    secret = kind(lab, "ExternalSecret", EXTERNAL_SECRETS).get(name="rhsi-link-token", namespace=NAMESPACE)
    assert secret.spec.refreshInterval == "30s"
    settled(sites)


def test_new_keys_of_the_cluster_reach_vault_with_the_next_up(lab: Lab, sites: Checkout) -> None:
    before = method(lab)["jwt_validation_pubkeys"]
    file = Path(lab.home.root, "clusters", "site-b", "service-accounts.key")
    old, mode = file.read_bytes(), file.stat().st_mode
    servers = control_plane("site-b")
    process.stop((one for one in lab.environment.processes() if one.name.startswith(servers)), grace=0)
    # As a cluster rotates: it signs with the new key, the first one, and takes both.
    file.write_bytes(key_pem(rsa_key()) + old)
    assert file.stat().st_mode == mode
    environment.start(lab.home)
    preview = sites.run("preview", "site-b", "--diff")
    assert preview.code == 0, preview.text
    assert "jwtValidationPubkeys" in preview.text
    sites.up("site-b")
    after = method(lab)["jwt_validation_pubkeys"]
    assert set(before) < set(after)
    assert len(after) == 2
    # External Secrets logs in with what the new key has signed.
    secrets = kind(lab, "ExternalSecret", EXTERNAL_SECRETS)
    last = secrets.get(name="rhsi-link-token", namespace=NAMESPACE).status.refreshTime

    def read_again() -> None:
        assert secrets.get(name="rhsi-link-token", namespace=NAMESPACE).status.refreshTime > last

    eventually(read_again)
    settled(sites)


def test_a_store_that_exists_takes_the_place_of_all_of_it_and_outlives_the_stack_with_the_site(
    lab: Lab, sites: Checkout
) -> None:
    create(lab, "v1", "Secret", STORE, stringData={"token": lab.vault_token})
    provider = {
        "server": lab.vault_addr,
        "path": "rhsi",
        "version": "v2",
        "namespace": BELOW,
        "caProvider": {"type": "ConfigMap", "name": CA, "key": "ca.crt"},
        # The token is the root's; its namespace is not that of the values.
        "auth": {"namespace": "root", "tokenSecretRef": {"name": STORE, "key": "token"}},
    }
    create(lab, EXTERNAL_SECRETS, "SecretStore", STORE, spec={"provider": {"vault": {**provider, "path": "kv"}}})
    # Instead of everything that the login had.
    sites.change("site-b", "vault", {"namespace": BELOW, "store": {"name": STORE}})
    refused = sites.run("preview", "site-b")
    assert refused.code != 0, refused.text
    assert f"rhsi:vault.store names SecretStore {NAMESPACE}/{STORE}, which reads the mount 'kv'" in refused.text
    stores = kind(lab, "SecretStore", EXTERNAL_SECRETS)
    stores.patch(
        name=STORE,
        namespace=NAMESPACE,
        body={"spec": {"provider": {"vault": {"path": "rhsi"}}}},
        content_type="application/merge-patch+json",
    )
    values = vault(lab, BELOW).secrets.kv.v2
    values.create_or_update_secret(
        "site-b/owner-standby", {"stack": "organization/rhsi/b", "id": "0"}, mount_point="rhsi"
    )
    for action in ("preview", "up"):
        refused = sites.run(action, "site-b")
        assert refused.code != 0, refused.text
        assert "The standby site-b in Vault belongs to another stack, organization/rhsi/b" in refused.text
        assert runbook.leads_to(refused.text, "take its place")
    values.delete_metadata_and_all_versions("site-b/owner-standby", mount_point="rhsi")
    sites.next_rotation()
    sites.up()
    assert sites.outputs("site-b")["rotation"] == sites.rotation()
    assert sites.outputs("site-b")["link_status"] == "Ready"
    settled(sites)
    mark = values.read_secret_version("site-b/owner-standby", mount_point="rhsi", raise_on_deleted_version=True)
    assert mark["data"]["data"]["stack"] == "organization/rhsi/site-b"
    assert [one.metadata.name for one in stores.get(namespace=NAMESPACE).items] == [STORE]
    above = vault(lab, ABOVE)
    assert "jwt-site-b/" not in above.sys.list_auth_methods()["data"]
    assert "rhsi-site-b" not in above.sys.list_policies()["data"]["policies"]
    untouched = stores.get(name=STORE, namespace=NAMESPACE).metadata
    assert "rhsi/claim" not in dict(untouched.annotations or {})
    # Any login of its own may follow, also in the namespace above all others.
    own = {"namespace": BELOW, "login": "jwt", "authNamespace": "root", "caProvider": {"name": CA}}
    sites.change("site-b", "vault", own)
    sites.next_rotation()
    sites.up()
    assert sites.outputs("site-b")["link_status"] == "Ready"
    settled(sites)
    assert "jwt-site-b/" in vault(lab).sys.list_auth_methods()["data"]
    assert f'path "{BELOW}/rhsi/data/site-b/*"' in vault(lab).sys.read_policy("rhsi-site-b")["data"]["rules"]
    assert "owner-standby" not in values.list_secrets("site-b", mount_point="rhsi")["data"]["keys"]
    site = ready(lab, SITE)
    sites.destroy("site-b")
    assert stores.get(name=STORE, namespace=NAMESPACE).metadata.uid == untouched.uid
    assert ready(lab, SITE) == site
    assert kind(lab, "Link").get(namespace=NAMESPACE).items, "it is the Site's, as docs/troubleshooting/link.md says"
    assert not kind(lab, "ExternalSecret", EXTERNAL_SECRETS).get(namespace=NAMESPACE).items
