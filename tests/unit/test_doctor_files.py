"""deploy/ is the only list of rights: nothing in it is without a condition, and names are the stack's."""

import json
from typing import Any

import pytest

from components.settings import Settings, load
from ops.clusters import Right
from ops.doctor import policy_file, rbac_file
from ops.doctor.conditions import counts
from ops.doctor.needs import rights
from tests.unit.doctor_world import PRIMARY, STANDBY

EVERYTHING: dict[str, Any] = {
    "postgres": {
        "enabled": True,
        "monitoring": True,
        "podDisruptionBudget": True,
        "pgHba": ["host app appuser 10.0.0.0/8 reject"],
    },
    "services": {"exports": {"orders": {"host": "o", "port": 80}}},
    "networkObserver": {"enabled": True},
    "networkPolicies": {"enabled": True},
}


def settings(base: dict[str, Any], **changes: Any) -> Settings:
    raw = {**base, **changes}
    stack = "site-a" if raw["role"] == "primary" else "site-b"
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()}
    return load(config, stack=stack)


ALL = [
    settings(PRIMARY),
    settings(STANDBY),
    settings(PRIMARY, revoke=1, **EVERYTHING),
    settings(STANDBY, **EVERYTHING),
    settings(STANDBY, vault={"login": "jwt", "address": "https://v:8200"}, cluster={"context": "site-b"}),
    settings(STANDBY, vault={"store": {"kind": "ClusterSecretStore", "name": "platform"}, "address": "https://v"}),
    settings(PRIMARY, edb={"enabled": True, "operator": "community"}, operators={"database": {"enabled": True}}),
]


@pytest.mark.parametrize("of", ALL)
def test_every_right_of_the_file_has_its_condition(of: Settings) -> None:
    listed = list(rbac_file.grants(rbac_file.FILE.read_text()))
    assert len(listed) > 200
    # A KeyError names what nobody has said the condition of.
    for grant in listed:
        counts(of, grant)
    assert rights(of)


@pytest.mark.parametrize("of", ALL)
def test_every_path_of_the_policy_has_its_purpose(of: Settings) -> None:
    assert policy_file.paths(of)


def test_what_the_file_has_in_comments_counts_too() -> None:
    assert Right(verb="create", resource="namespaces") in rights(settings(STANDBY))
    foreign = settings(STANDBY, cluster={**STANDBY["cluster"], "createNamespace": False})
    assert Right(verb="create", resource="namespaces") not in rights(foreign)
    renewing = Right(verb="patch", resource="secrets", name="skupper-site-ca", namespace="rhsi")
    assert renewing in rights(settings(PRIMARY, revoke=1))
    assert renewing not in rights(settings(PRIMARY))
    reviewer = Right(verb="create", resource="secrets", namespace="rhsi")
    assert reviewer in rights(settings(STANDBY, vault={**STANDBY["vault"], "reviewer": "token"}))
    assert reviewer not in rights(settings(STANDBY))


def test_names_and_namespaces_are_the_stacks() -> None:
    asked = rights(settings(STANDBY, cluster={**STANDBY["cluster"], "namespace": "link"}))
    bound = {right.name for right in asked if right.resource == "clusterrolebindings" and right.name}
    assert bound == {"rhsi-vault-reader-link-auth-delegator"}
    assert {right.namespace for right in asked} == {"link", "kube-public", ""}
    assert Right(verb="get", resource="namespaces", name="link") in asked


def test_each_role_needs_its_own_half() -> None:
    of_primary, of_standby = ({right.resource for right in rights(settings(of))} for of in (PRIMARY, STANDBY))
    assert of_primary - of_standby == {"accessgrants"}
    assert {"links", "accesstokens", "jobs", "secretstores", "clusterrolebindings"} <= of_standby - of_primary


def test_a_login_by_signature_needs_the_public_keys_and_no_review() -> None:
    asked = rights(settings(STANDBY, vault={"login": "jwt", "address": "https://v:8200"}))
    assert Right(verb="get", path="/openid/v1/jwks") in asked
    assert not [right for right in asked if right.resource == "clusterrolebindings"]


def test_an_existing_store_is_looked_at_only() -> None:
    store = {"address": "https://v", "store": {"kind": "ClusterSecretStore", "name": "platform"}}
    asked = rights(settings(STANDBY, vault=store))
    looking = Right(verb="get", group="external-secrets.io", resource="clustersecretstores", name="platform")
    assert looking in asked
    assert not [right for right in asked if right.resource == "secretstores"]


def test_paths_have_the_stacks_mount_prefix_site_and_auth_mount() -> None:
    vault = {"address": "https://v:8200", "mount": "team/kv", "prefix": "env.test", "manageMount": False}
    found = [one.path for one in policy_file.paths(settings(PRIMARY, vault=vault, standbys={"b": {}, "c": {}}))]
    assert found == [
        "team/kv/config",
        "team/kv/data/env.test/b/link-token",
        "team/kv/data/env.test/c/link-token",
        "team/kv/metadata/env.test/b/link-token",
        "team/kv/metadata/env.test/c/link-token",
    ]
    own = {"address": "https://v:8200", "mount": "team/kv", "prefix": "env.test", "authPath": "k8s/b"}
    found = [one.path for one in policy_file.paths(settings(STANDBY, site="b", vault=own))]
    assert found == [
        "sys/auth",
        "sys/auth/k8s/b",
        "sys/mounts/auth/k8s/b/tune",
        "auth/k8s/b/config",
        "sys/policies/acl/rhsi.team_2fkv__env_2etest.b",
        "auth/k8s/b/role/rhsi.team_2fkv__env_2etest.b",
    ]


def test_a_standby_with_somebody_elses_store_needs_its_mark_only() -> None:
    store = {"address": "https://v", "store": {"kind": "ClusterSecretStore", "name": "platform"}}
    found = policy_file.paths(settings(STANDBY, vault=store))
    assert [one.path for one in found if one.needed] == [
        "rhsi/data/site-b/owner-standby",
        "rhsi/metadata/site-b/owner-standby",
    ]
