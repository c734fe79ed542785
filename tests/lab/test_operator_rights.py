"""What deploy/ does not allow: with the operator's token and account nothing outside the site can be had or changed."""

from collections.abc import Callable, Iterator

import hvac
import pytest
from hvac.exceptions import Forbidden
from kubernetes.client import (
    AuthorizationV1Api,
    V1NonResourceAttributes,
    V1ResourceAttributes,
    V1SubjectAccessReview,
    V1SubjectAccessReviewSpec,
)
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ForbiddenError

from components.vault import issuer, jwk
from components.vault.login import policy_hcl
from lab.kube import Manifest, api_client, connect
from tests.lab.lab import Lab
from tests.lab.operator_rights import ACCOUNT, POLICY, operator, vault_token, withdraw
from tests.lab.vault_mounts import mount_kv
from tests.unit.recorder import PUBLISHED

pytestmark = pytest.mark.lab

OPEN = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'
PUBLIC_KEY = jwk.pem(PUBLISHED[issuer.KEYS]["keys"][0])
ROLE = {
    "bound_service_account_names": "rhsi-vault-reader",
    "bound_service_account_namespaces": "rhsi",
    "token_ttl": 3600,
}
JWT_ROLE = {
    "role_type": "jwt",
    "user_claim": "sub",
    "bound_audiences": ["vault"],
    "bound_claims": {"sub": ["system:serviceaccount:rhsi:rhsi-vault-reader"]},
}
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def admin(lab: Lab) -> Iterator[hvac.Client]:
    """The administrator of a Vault with the site's mount and auth mount, and other people's beside them."""
    client = hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))
    for mount in ("rhsi", "rhsi-test", "secret-of-others"):
        mount_kv(client, mount)
    for auth in ("kubernetes-site-b", "kubernetes-site-c", "kubernetes"):
        client.sys.enable_auth_method("kubernetes", path=auth)
    client.sys.enable_auth_method("jwt", path="jwt-site-b")
    for path in ("site-c/link-token", "site-c/owner-primary", "env.test/site-b/owner-primary"):
        client.write_data(f"rhsi/data/{path}", data={"data": {"id": "theirs"}})
    client.write_data("secret-of-others/data/site-b/link-token", data={"data": {"id": "theirs"}})
    client.sys.create_or_update_policy("rhsi-site-c", OPEN)
    client.sys.create_or_update_policy("rhsi-operator", OPEN)
    yield client
    for mount in ("rhsi", "rhsi-test", "secret-of-others"):
        client.sys.disable_secrets_engine(mount)
    for auth in ("kubernetes-site-b", "kubernetes-site-c", "kubernetes", "jwt-site-b"):
        client.sys.disable_auth_method(auth)
    for policy in ("rhsi-site-b", "rhsi-site-c", "rhsi-operator", POLICY):
        client.sys.delete_policy(policy)


@pytest.fixture(scope="module")
def vault(lab: Lab, admin: hvac.Client) -> hvac.Client:  # noqa: ARG001 -- what the administrator has made
    """The operator of site-b."""
    return hvac.Client(url=lab.vault_addr, token=vault_token(lab.environment), verify=str(lab.vault_cacert))


def _write(path: str, **data: object) -> Callable[[hvac.Client], object]:
    return lambda client: client.write_data(path, data=dict(data))


def _delete(path: str) -> Callable[[hvac.Client], object]:
    return lambda client: client.delete(path)


def _read(path: str) -> Callable[[hvac.Client], object]:
    return lambda client: client.read(path)


OUT_OF_REACH: dict[str, Callable[[hvac.Client], object]] = {
    "its own policy": _write(f"sys/policies/acl/{POLICY}", policy=OPEN),
    "its own policy by the old path": _write(f"sys/policy/{POLICY}", policy=OPEN),
    "the end of its own policy": _delete(f"sys/policies/acl/{POLICY}"),
    "the former name of its policy": _write("sys/policies/acl/rhsi-operator", policy=OPEN),
    "another site's policy": _write("sys/policies/acl/rhsi-site-c", policy=policy_hcl("rhsi", "site-c")),
    "the end of another site's policy": _delete("sys/policies/acl/rhsi-site-c"),
    "any other policy": _write("sys/policies/acl/rhsi.rhsi-test.site-b", policy=policy_hcl("rhsi-test", "site-b")),
    "its site's policy with other rights": _write("sys/policies/acl/rhsi-site-b", policy=OPEN),
    "its site's policy with a right more": _write(
        "sys/policies/acl/rhsi-site-b", policy=policy_hcl("rhsi", "site-b") + OPEN
    ),
    "its site's role with another policy": _write(
        "auth/kubernetes-site-b/role/rhsi-site-b", **ROLE, token_policies=["rhsi-operator"]
    ),
    "its site's role with a policy more": _write(
        "auth/kubernetes-site-b/role/rhsi-site-b", **ROLE, token_policies=["rhsi-site-b", "rhsi-operator"]
    ),
    "its site's role with a policy more, as text": _write(
        "auth/kubernetes-site-b/role/rhsi-site-b", **ROLE, token_policies="rhsi-site-b,rhsi-operator"
    ),
    "its site's role with a policy by the old key": _write(
        "auth/kubernetes-site-b/role/rhsi-site-b", **ROLE, policies=["rhsi-operator"]
    ),
    "another role of its auth mount": _write(
        "auth/kubernetes-site-b/role/rhsi-operator", **ROLE, token_policies=["rhsi-site-b"]
    ),
    "a role of another auth mount": _write(
        "auth/kubernetes-site-c/role/rhsi-site-b", **ROLE, token_policies=["rhsi-site-b"]
    ),
    "another auth mount's configuration": _write("auth/kubernetes/config", kubernetes_host="https://127.0.0.1:1"),
    "another site's configuration": _write("auth/kubernetes-site-c/config", kubernetes_host="https://127.0.0.1:1"),
    "another auth mount": _write("sys/auth/kubernetes-site-d", type="kubernetes"),
    "the end of another auth mount": _delete("sys/auth/kubernetes-site-c"),
    "the tuning of another auth mount": _write("sys/mounts/auth/kubernetes/tune", description="mine"),
    "its auth mount as another method": _write("sys/auth/kubernetes-site-b", type="userpass"),
    "another auth mount for signatures": _write("sys/auth/jwt-site-d", type="jwt"),
    "its auth mount for signatures as another method": _write("sys/auth/jwt-site-b", type="userpass"),
    "its site's role for signatures with another policy": _write(
        "auth/jwt-site-b/role/rhsi-site-b", **JWT_ROLE, token_policies=["rhsi-operator"]
    ),
    "another role for signatures": _write(
        "auth/jwt-site-b/role/rhsi-operator", **JWT_ROLE, token_policies=["rhsi-site-b"]
    ),
    "another mount": _write("sys/mounts/mine", type="kv"),
    "its mount as another engine": _write("sys/mounts/rhsi", type="transit"),
    "the end of another mount": _delete("sys/mounts/rhsi-test"),
    "the tuning of another mount": _write("sys/mounts/rhsi-test/tune", description="mine"),
    "another mount's secrets": _read("secret-of-others/data/site-b/link-token"),
    "another mount's secrets, written": _write("secret-of-others/data/site-b/link-token", data={"id": "mine"}),
    "another environment's owner": _write("rhsi/data/env.test/site-b/owner-primary", data={"id": "mine"}),
    "the end of another environment's owner": _delete("rhsi/metadata/env.test/site-b/owner-primary"),
    "another site's owner": _write("rhsi/data/site-c/owner-primary", data={"id": "mine"}),
    "the end of another site's owner": _delete("rhsi/metadata/site-c/owner-primary"),
    "another site's secrets": _read("rhsi/data/site-c/link-token"),
    "another site's secrets, written": _write("rhsi/data/site-c/link-token", data={"id": "mine"}),
    "the mount's configuration": _write("rhsi/config", cas_required=True),
    "a move of mounts": _write("sys/remount", **{"from": "secret-of-others", "to": "rhsi-2"}),
    "another token": _write("auth/token/create", policies=["default"]),
    "a token of a role": _write("auth/token/roles/mine", allowed_policies=["rhsi-operator"]),
    "an identity": _write("identity/entity", name="mine", policies=["rhsi-operator"]),
    "an auditor's absence": _delete("sys/audit/file"),
}


@pytest.mark.parametrize("act", OUT_OF_REACH.values(), ids=OUT_OF_REACH.keys())
def test_the_operators_token_cannot_have(act: Callable[[hvac.Client], object], vault: hvac.Client) -> None:
    with pytest.raises(Forbidden):
        act(vault)


def test_nothing_of_all_that_has_changed(admin: hvac.Client) -> None:
    assert admin.read("rhsi/data/site-c/owner-primary")["data"]["data"] == {"id": "theirs"}
    assert admin.read("rhsi/metadata/site-c/owner-primary")["data"]["current_version"] == 1
    assert admin.sys.read_policy("rhsi-site-c")["data"]["rules"] == OPEN
    assert admin.list("auth/kubernetes-site-c/role") is None


@pytest.mark.parametrize(
    "act",
    [
        _write("sys/policies/acl/rhsi-site-b", policy=policy_hcl("rhsi", "site-b")),
        _write("sys/policies/acl/rhsi-site-b", policy=policy_hcl("rhsi", "site-b", ["edb-repos2"])),
        _write("auth/kubernetes-site-b/role/rhsi-site-b", **ROLE, token_policies=["rhsi-site-b"]),
        _write("auth/jwt-site-b/config", jwt_validation_pubkeys=[PUBLIC_KEY], jwt_supported_algs=["ES256"]),
        _write("auth/jwt-site-b/role/rhsi-site-b", **JWT_ROLE, token_policies=["rhsi-site-b"]),
        _write("rhsi/data/site-b/owner-primary", data={"id": "mine"}, options={"cas": "0"}),
        _read("rhsi/data/site-b/owner-primary"),
        _read("sys/internal/ui/mounts/rhsi"),
        _read("rhsi/config"),
        _delete("rhsi/metadata/site-b/owner-primary"),
    ],
)
def test_what_the_program_writes_the_operator_may(act: Callable[[hvac.Client], object], vault: hvac.Client) -> None:
    act(vault)


def test_a_site_called_operator_is_a_site_like_any_other(lab: Lab, admin: hvac.Client) -> None:
    token = vault_token(lab.environment, ["operator"])
    client = hvac.Client(url=lab.vault_addr, token=token, verify=str(lab.vault_cacert))
    client.write_data("sys/policies/acl/rhsi-operator", data={"policy": policy_hcl("rhsi", "operator")})
    for policy in (POLICY, "rhsi-site-b", "pulumi-operator", "operator"):
        with pytest.raises(Forbidden):
            client.write_data(f"sys/policies/acl/{policy}", data={"policy": policy_hcl("rhsi", "operator")})
    with pytest.raises(Forbidden):
        client.write_data("sys/policies/acl/rhsi-operator", data={"policy": OPEN})
    assert admin.sys.read_policy("rhsi-operator")["data"]["rules"] == policy_hcl("rhsi", "operator")


@pytest.fixture(scope="module")
def account(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamicClient]:
    """The operator's account on site-b, whose namespace is rhsi."""
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), {"site-b": ["rhsi"]})
    yield connect("site-b", kubeconfig=rights.kubeconfig)
    withdraw(["site-b"])


@pytest.fixture
def may(account: DynamicClient) -> Callable[..., bool]:  # noqa: ARG001 -- whose rights have been bound
    """Whether the operator's account may do something on site-b."""
    reviews = AuthorizationV1Api(api_client("site-b"))

    def ask(verb: str, resource: str, name: str = "", namespace: str = "", group: str = "") -> bool:
        spec = V1SubjectAccessReviewSpec(
            user=f"system:serviceaccount:{ACCOUNT}:{ACCOUNT}",
            groups=["system:serviceaccounts", f"system:serviceaccounts:{ACCOUNT}", "system:authenticated"],
        )
        if resource.startswith("/"):
            spec.non_resource_attributes = V1NonResourceAttributes(verb=verb, path=resource)
        else:
            kind, _, sub = resource.partition("/")
            spec.resource_attributes = V1ResourceAttributes(
                verb=verb, resource=kind, subresource=sub, name=name, namespace=namespace, group=group
            )
        answer = reviews.create_subject_access_review(V1SubjectAccessReview(spec=spec))
        assert answer.status
        return bool(answer.status.allowed)

    return ask


VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public", "rhsi-operator", "rhsi-other", ""])
def test_the_account_can_touch_nothing_outside_its_namespaces(may: Callable[..., bool], namespace: str) -> None:
    resources = [
        ("", "secrets"),
        ("", "configmaps"),
        ("", "pods"),
        ("", "pods/exec"),
        ("", "serviceaccounts"),
        ("", "serviceaccounts/token"),
        ("", "services"),
        ("apps", "statefulsets"),
        ("batch", "jobs"),
        ("networking.k8s.io", "networkpolicies"),
        ("skupper.io", "sites"),
        ("skupper.io", "links"),
        ("external-secrets.io", "secretstores"),
        ("external-secrets.io", "externalsecrets"),
        (RBAC, "roles"),
        (RBAC, "rolebindings"),
    ]
    allowed = [
        (verb, resource)
        for group, resource in resources
        for verb in VERBS
        if may(verb, resource, namespace=namespace, group=group)
    ]
    assert not allowed
    names = ["rhsi-owner", "rhsi-link-token", "kube-root-ca.crt"]
    known = [name for name in names if may("get", "configmaps", name=name, namespace=namespace)]
    assert known == (["kube-root-ca.crt"] if namespace == "kube-public" else [])
    assert not may("patch", "configmaps", name="rhsi-owner", namespace=namespace)


def test_the_account_sees_which_cluster_it_is_and_owns_no_namespace(may: Callable[..., bool]) -> None:
    assert may("get", "namespaces", name="kube-system")
    for verb in ("create", "list", "patch", "update", "delete"):
        for name in ("kube-system", "rhsi", "default", ""):
            assert not may(verb, "namespaces", name=name), f"{verb} {name}"
    assert not may("get", "namespaces", name="default")


def test_the_account_may_mark_its_namespace_and_no_other_config_map(may: Callable[..., bool]) -> None:
    for verb in ("get", "patch", "delete"):
        assert may(verb, "configmaps", name="rhsi-owner", namespace="rhsi")
        assert not may(verb, "configmaps", name="somebody-elses", namespace="rhsi")
    assert may("create", "configmaps", namespace="rhsi")


def test_the_account_enters_the_pods_of_its_databases_and_no_other_ones(may: Callable[..., bool]) -> None:
    for verb in ("create", "get"):
        for pod in ("postgres-primary-0", "postgres-standby-0"):
            assert may(verb, "pods/exec", name=pod, namespace="rhsi")
        for pod in ("", "skupper-router-0"):
            assert not may(verb, "pods/exec", name=pod, namespace="rhsi")


def test_the_account_cannot_give_itself_more(may: Callable[..., bool], account: DynamicClient) -> None:
    for group, resource in (("", "users"), ("", "groups"), ("", "serviceaccounts")):
        assert not may("impersonate", resource, group=group)
    for resource in ("roles", "clusterroles"):
        for verb in ("escalate", "bind"):
            assert not may(verb, resource, name="cluster-admin", namespace="rhsi", group=RBAC)
    assert not may("create", "clusterroles", group=RBAC)
    for name in ("cluster-admin", "rhsi-operator-cluster", "system:auth-delegator"):
        assert not may("patch", "clusterroles", name=name, group=RBAC)
        assert not may("patch", "clusterrolebindings", name=name, group=RBAC)
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ACCOUNT}
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    attempts: dict[str, Manifest] = {
        "RoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}},
        "ClusterRoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}},
        "Role": {"rules": [everything]},
    }
    for kind, body in attempts.items():
        manifest: Manifest = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": "mine"}, **body}
        if kind != "Role":
            manifest["subjects"] = [subject]
        namespace = None if kind == "ClusterRoleBinding" else "rhsi"
        with pytest.raises(ForbiddenError, match="attempting to grant RBAC permissions not currently held"):
            account.resources.get(api_version=f"{RBAC}/v1", kind=kind).create(body=manifest, namespace=namespace)
