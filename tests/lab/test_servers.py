"""The lab's servers together: External Secrets reads OpenBao with a login that the cluster itself vouches for."""

import base64
from collections.abc import Callable
from typing import Any

import hvac
import pytest

from lab.kube import find
from tests.lab.lab import Lab
from tests.lab.vault_mounts import mount_kv
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab
CONTEXT = "site-b"


@pytest.fixture
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


def create(lab: Lab, body: dict[str, Any], namespace: str | None = None) -> None:
    kind = lab.connect(CONTEXT).resources.get(api_version=body["apiVersion"], kind=body["kind"])
    kind.create(body=body, namespace=namespace)


def login_for(lab: Lab, vault: hvac.Client, namespace: str) -> None:
    """An auth mount whose reviewer is the client's own token, a policy, a role, and the account that may log in."""
    account = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    create(lab, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}, namespace)
    create(
        lab,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [account],
        },
    )
    vault.sys.enable_auth_method("kubernetes", path=namespace)
    vault.write_data(
        f"auth/{namespace}/config",
        data={
            "kubernetes_host": lab.environment.api_servers[CONTEXT],
            "kubernetes_ca_cert": lab.environment.api_authorities[CONTEXT],
            "disable_local_ca_jwt": True,
            "disable_iss_validation": True,
        },
    )
    vault.sys.create_or_update_policy(namespace, f'path "{namespace}/data/*" {{ capabilities = ["read"] }}')
    vault.write_data(
        f"auth/{namespace}/role/reader",
        data={
            "bound_service_account_names": ["reader"],
            "bound_service_account_namespaces": [namespace],
            "token_policies": [namespace],
        },
    )


def store(lab: Lab, namespace: str) -> dict[str, Any]:
    assert lab.vault_cacert
    login = {"mountPath": namespace, "role": "reader", "serviceAccountRef": {"name": "reader"}}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "vault"},
        "spec": {
            "provider": {
                "vault": {
                    "server": lab.vault_addr,
                    "path": namespace,
                    "version": "v2",
                    "caBundle": base64.b64encode(lab.vault_cacert.read_bytes()).decode(),
                    "auth": {"kubernetes": login},
                }
            }
        },
    }


def test_external_secrets_copies_a_secret_from_vault_with_the_accounts_own_token(
    lab: Lab, vault: hvac.Client, namespace: Callable[[str], str]
) -> None:
    name = namespace(CONTEXT)
    login_for(lab, vault, name)
    mount_kv(vault, name)
    vault.secrets.kv.v2.create_or_update_secret("link", {"code": "x-1"}, mount_point=name)
    create(lab, store(lab, name), name)
    create(
        lab,
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "link"},
            "spec": {
                "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
                "dataFrom": [{"extract": {"key": "link"}}],
            },
        },
        name,
    )

    def synced() -> dict[str, Any]:
        secret = find(lab.connect(CONTEXT), "v1", "Secret", "link", name)
        assert secret is not None, find(lab.connect(CONTEXT), "external-secrets.io/v1", "ExternalSecret", "link", name)
        return secret

    assert eventually(synced, 30)["data"] == {"code": base64.b64encode(b"x-1").decode()}


def test_an_object_goes_with_its_owner_also_when_its_kind_is_a_custom_one(
    lab: Lab, namespace: Callable[[str], str]
) -> None:
    name = namespace(CONTEXT)
    create(lab, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}, name)
    owner = find(lab.connect(CONTEXT), "v1", "ConfigMap", "owner", name)
    assert owner is not None
    owned = store(lab, name)
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    ]
    create(lab, owned, name)
    lab.connect(CONTEXT).resources.get(api_version="v1", kind="ConfigMap").delete(name="owner", namespace=name)

    def gone() -> None:
        assert find(lab.connect(CONTEXT), "external-secrets.io/v1", "SecretStore", "vault", name) is None

    eventually(gone, 20)
    assert find(lab.connect(CONTEXT), "v1", "Namespace", name) is not None


def test_the_clusters_trust_different_authorities(lab: Lab) -> None:
    authorities = lab.environment.api_authorities
    assert authorities["site-a"] != authorities["site-b"]
    assert all(text.startswith("-----BEGIN CERTIFICATE-----") for text in authorities.values())
