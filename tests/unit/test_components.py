"""The pure parts of the components: arguments, names, manifests."""

import dataclasses
from typing import Any

import pulumi
import pytest

from components import external_secrets, script_job, secret_store
from components.link import claim, grant, rotation
from components.settings import formats
from components.skupper import services, site
from components.vault import kubernetes_auth, login
from tests.arguments import RUNTIME, link_grant, skupper_site, synced_secret, vault_store


def test_a_grant_says_how_long_and_how_often_it_can_be_redeemed() -> None:
    args = link_grant(expiration_window="15m", redemptions_allowed=3)
    assert grant.grant_spec(args) == {"expirationWindow": "15m", "redemptionsAllowed": 3}
    assert rotation.grant_name("site-b", 2) == "rhsi-site-b-grant-2"


def test_a_grants_expiry_is_published_in_utc() -> None:
    status = {"code": "c", "url": "u", "ca": "a\n", "expirationTime": "2026-11-23T22:30:00+01:00"}
    assert grant.link_token(status, "rhsi/g", 1) == {
        "code": "c",
        "url": "u",
        "ca": "a\n",
        "rotation": "1",
        "expires": "2026-11-23T21:30:00Z",
    }


def test_only_a_site_that_accepts_links_has_link_access() -> None:
    assert site.site_spec(skupper_site()) == {}
    accepting = skupper_site(link_access="default")
    assert site.site_spec(accepting) == {"linkAccess": "default"}


def test_a_claim_looks_at_the_twenty_rotations_before_its_own() -> None:
    names = rotation.superseded(30)
    assert (names[0], names[-1], len(names)) == ("standby-from-vault-29", "standby-from-vault-10", 20)
    assert rotation.superseded(1) == []


def test_two_routers_make_two_links() -> None:
    assert rotation.link_names(3, ha=False) == ["standby-from-vault-3"]
    assert rotation.link_names(3, ha=True) == ["standby-from-vault-3-1", "standby-from-vault-3-2"]
    assert site.site_spec(skupper_site(ha=True)) == {"ha": True}


def test_a_link_that_is_not_ready_is_the_state_of_both() -> None:
    assert claim.worst(["Ready", "Ready"]) == "Ready"
    assert claim.worst(["Ready", "Pending"]) == "Pending"


def test_a_policy_reads_one_sites_values_and_nothing_else() -> None:
    own = 'path "rhsi/data/site-b/*" {\n  capabilities = ["read"]\n}\n'
    assert login.policy_hcl("rhsi", "site-b") == own
    shared = 'path "rhsi/data/edb-repos2" {\n  capabilities = ["read"]\n}\n'
    assert login.policy_hcl("rhsi", "site-b", ["edb-repos2"]) == f"{own}\n{shared}"


@pytest.mark.parametrize(
    ("audiences", "expected"), [((), None), (("api",), "api"), (("api", "vault"), "vault"), (("vault", "api"), "vault")]
)
def test_the_role_demands_vaults_own_audience_where_there_is_one(
    audiences: tuple[str, ...], expected: str | None
) -> None:
    args = kubernetes_auth.KubernetesAuthArgs(
        site="s",
        policy="rhsi-s",
        folder="s",
        namespace="n",
        service_account="a",
        auth_path="p",
        api_server="https://h",
        api_server_ca="",
        kv_mount="m",
        shared=(),
        other_namespaces=(),
        manage_auth=True,
        reviewer="client",
        audiences=audiences,
        api_audience="api",
    )
    assert kubernetes_auth.role_audience(args) == expected


def test_a_store_leaves_out_what_is_not_set() -> None:
    provider = secret_store.store_spec(vault_store())["provider"]["vault"]
    assert set(provider) == {"server", "path", "version", "auth"}
    assert provider["auth"]["kubernetes"]["serviceAccountRef"] == {"name": "a"}


def test_durations_are_read_as_go_reads_them() -> None:
    assert formats.duration_seconds("1h30m") == 5400
    assert formats.duration_seconds("90s") == 90
    assert formats.duration_seconds("1500ms") == 1.5
    assert formats.duration_seconds("1 day") is None


def script_pod(**changes: Any) -> Any:
    usual = script_job.ScriptJobArgs(
        job="j",
        account="a",
        namespace="n",
        script="true",
        environment={},
        rules=[],
        has_rights_elsewhere=False,
        secrets={},
        runtime=RUNTIME,
        repeatable=True,
    )
    return script_job.pod_spec(dataclasses.replace(usual, **changes))


def test_a_script_without_rights_gets_no_token() -> None:
    rule = {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}
    assert script_pod()["automountServiceAccountToken"] is False
    assert "automountServiceAccountToken" not in script_pod(rules=[rule])


def test_a_script_reads_its_secrets_as_files_that_its_group_alone_can_read() -> None:
    pod = script_pod(secrets={"application": "app-secret"}, runtime=dataclasses.replace(RUNTIME, user=999))
    assert pod["securityContext"]["fsGroup"] == 999
    assert pod["volumes"][1] == {"name": "application", "secret": {"secretName": "app-secret", "defaultMode": 0o440}}
    mount = pod["containers"][0]["volumeMounts"][1]
    assert mount == {"name": "application", "mountPath": "/secrets/application", "readOnly": True}


def test_on_openshift_the_cluster_chooses_user_and_group() -> None:
    security = script_pod(secrets={"application": "s"})["securityContext"]
    assert set(security) == {"runAsNonRoot", "seccompProfile"}


def synced(**changes: Any) -> dict[str, Any]:
    return external_secrets.external_secret_spec(synced_secret(**changes))


def test_a_secret_that_needs_nothing_else_is_synced_without_a_template() -> None:
    assert synced()["target"] == {"name": "s", "creationPolicy": "Owner", "deletionPolicy": "Retain"}


def test_a_synced_secret_takes_its_type_labels_and_keys_from_a_template() -> None:
    template = synced(
        type="kubernetes.io/basic-auth", data={"password": "{{ .password }}"}, labels={"cnpg.io/reload": "true"}
    )["target"]["template"]
    assert template == {
        "engineVersion": "v2",
        "type": "kubernetes.io/basic-auth",
        "data": {"password": "{{ .password }}"},
        "metadata": {"labels": {"cnpg.io/reload": "true"}},
    }


@pytest.mark.parametrize(
    "target", [{"host": "", "selector": ""}, {"host": "orders.shop.svc", "selector": "app=orders"}]
)
def test_an_exported_service_has_a_host_or_a_selector_and_never_both(target: dict[str, str]) -> None:
    args = services.ServiceExportArgs(
        service="orders", namespace="rhsi", port=80, routing_prefix="prod", server=services.PLAIN_SERVER, **target
    )
    with pytest.raises(pulumi.RunError, match="orders needs either a host or a selector, and only one"):
        services.connector_spec(args, "prod/orders")


def test_a_listener_is_reached_by_the_services_name() -> None:
    args = services.ServiceImportArgs(
        service="orders", namespace="rhsi", port=80, routing_prefix="prod", clients=services.PLAIN_CLIENTS
    )
    assert services.listener_spec(args, "prod/orders") == {"routingKey": "prod/orders", "port": 80, "host": "orders"}
