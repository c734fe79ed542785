"""What the manual procedure leaves on two clusters and in Vault, as their APIs tell it."""

import copy
from typing import Any

from tests.unit.http_api import Answer

CODE = "-".join(["code", "of", "a", "grant", "made", "by", "hand"])
SKUPPER, EXTERNAL_SECRETS = "/apis/skupper.io/v2alpha1/namespaces/rhsi", "/apis/external-secrets.io/v1/namespaces/rhsi"


def _object(name: str, namespace: str = "rhsi", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **fields}


def _list(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(objects)}


_PRIMARY: dict[str, Answer] = {
    "/api/v1/namespaces/rhsi": _object("rhsi", ""),
    f"{SKUPPER}/sites": _list(_object("rhsi-primary", spec={"linkAccess": "default"})),
    f"{SKUPPER}/accessgrants": _list(
        _object("rhsi-standby-grant", spec={"redemptionsAllowed": 100}, status={"code": CODE})
    ),
    f"{SKUPPER}/connectors": _list(
        _object("postgres-primary", spec={"routingKey": "postgres-primary", "port": 5432, "selector": "app=postgres"})
    ),
    "/apis/apps/v1/namespaces/rhsi/deployments": _list(_object("postgres-primary")),
    "/api/v1/namespaces/rhsi/services/postgres-primary": _object("postgres-primary"),
    # Vault has another API, on the same server here.
    "/v1/sys/mounts/rhsi": {"data": {"type": "kv", "options": {"version": "2"}, "local": False, "seal_wrap": False}},
    "/v1/rhsi/metadata/site-b/link-token": {"data": {"versions": {"1": {}, "2": {}}}},
}
_STORE = {
    "provider": {
        "vault": {
            "server": "https://vault.example.com:8200",
            "path": "rhsi",
            "version": "v2",
            "auth": {
                "kubernetes": {
                    "mountPath": "kubernetes-site-b",
                    "role": "rhsi-site-b",
                    "serviceAccountRef": {"name": "rhsi-vault-reader"},
                }
            },
        }
    }
}
_STANDBY: dict[str, Answer] = {
    "/api/v1/namespaces/rhsi": _object("rhsi", ""),
    f"{SKUPPER}/sites": _list(_object("rhsi-standby", spec={})),
    f"{SKUPPER}/accesstokens": _list(_object("standby-from-vault", spec={"code": CODE})),
    f"{SKUPPER}/links": _list(_object("standby-from-vault", status={"status": "Ready"})),
    f"{SKUPPER}/listeners": _list(_object("postgres-primary", spec={"routingKey": "postgres-primary", "port": 5432})),
    f"{EXTERNAL_SECRETS}/secretstores": _list(_object("vault-rhsi", spec=_STORE)),
    f"{EXTERNAL_SECRETS}/externalsecrets": _list(_object("rhsi-link-token")),
    "/apis/batch/v1/namespaces/rhsi/jobs/create-access-token-from-vault": _object("create-access-token-from-vault"),
    "/api/v1/namespaces/rhsi/serviceaccounts/rhsi-vault-reader": _object("rhsi-vault-reader"),
    "/apis/apps/v1/namespaces/rhsi/deployments": _list(_object("postgres-standby")),
    "/v1/sys/policies/acl/rhsi-site-b": {"data": {"policy": 'path "rhsi/data/site-b/*" {}'}},
    "/v1/sys/auth/kubernetes-site-b": {"data": {"type": "kubernetes", "local": False}},
    "/v1/auth/kubernetes-site-b/role/rhsi-site-b": {"data": {"token_policies": ["rhsi-site-b"]}},
    "/v1/auth/kubernetes-site-b/config": {"data": {"kubernetes_host": "https://api.site-b.example.com:6443"}},
}


def primary() -> dict[str, Answer]:
    """Site A, and what it has in Vault; a copy to change."""
    return copy.deepcopy(_PRIMARY)


def standby() -> dict[str, Answer]:
    """Site B, likewise."""
    return copy.deepcopy(_STANDBY)
