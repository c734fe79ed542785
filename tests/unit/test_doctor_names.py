"""What stands already and is not this stack's, on the cluster and in Vault, with what `up` would do to it."""

from typing import Any

from ops.doctor import names, vault_names
from tests.unit.doctor_world import STANDBY, World, only, remember, told

NAMESPACE = "/api/v1/namespaces/rhsi"
NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"
OWNER = f"{NAMESPACE}/configmaps/rhsi-owner"
SITES = "/apis/skupper.io/v2alpha1/namespaces/rhsi/sites"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/rhsi/networkpolicies"
CONNECTORS = "/apis/skupper.io/v2alpha1/namespaces/rhsi/connectors"
OK = [("ok", "Nothing of another owner has this stack's names.")]
FOREIGN = {"context": "site-a", "createNamespace": False}


def listed(*objects: str, **metadata: Any) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name, **metadata}} for name in objects]}


def test_a_namespace_that_is_not_there_is_free(lab: World) -> None:
    assert told(names.check(lab.primary())) == OK


def test_a_namespace_that_exists_is_refused_with_the_three_ways_out(lab: World) -> None:
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi", "annotations": {"rhsi/owner": "org/rhsi/other"}}}
    (found,) = names.check(lab.primary())
    assert found.state == "error"
    assert "which the stack org/rhsi/other made" in found.sentence
    assert "'rhsi:cluster.createNamespace' false" in found.fix
    assert "another rhsi:cluster.namespace" in found.fix
    assert "RHSI_TAKE_OVER=rhsi pulumi up -s site-a" in found.fix


def test_the_namespace_of_an_operator_of_its_own_is_refused_with_the_two_ways_out(lab: World) -> None:
    scene = lab.primary(
        operators={"database": {"enabled": True, "namespace": "pg"}}, edb={"enabled": True, "operator": "community"}
    )
    lab.site_a.answers["/api/v1/namespaces/pg"] = {"metadata": {"name": "pg"}}
    (found,) = names.check(scene)
    assert (found.state, "Namespace pg exists and is not this stack's" in found.sentence) == ("error", True)
    assert found.fix == "another rhsi:operators.database.namespace; RHSI_TAKE_OVER=pg pulumi up -s site-a takes it"
    remember(scene, (NAMESPACE_TYPE, "pg"))
    assert told(names.check(scene)) == OK


def test_a_namespace_that_is_to_be_taken_over_is_a_warning(lab: World) -> None:
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi"}}
    lab.environment["RHSI_TAKE_OVER"] = "db,rhsi"
    (found,) = names.check(lab.primary())
    assert (found.state, "RHSI_TAKE_OVER names it" in found.sentence) == ("warning", True)


def test_this_stacks_own_namespace_is_no_news(lab: World) -> None:
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi"}}
    lab.site_a.answers[OWNER] = {"data": {"id": "mine", "stack": "org/rhsi/site-a"}}
    scene = lab.primary()
    remember(scene, ("kubernetes:core/v1:Namespace", "rhsi"), owner="mine")
    assert told(names.check(scene)) == OK


def test_a_namespace_of_another_stack_is_refused_by_its_config_map(lab: World) -> None:
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi"}}
    lab.site_a.answers[OWNER] = {"data": {"id": "theirs", "stack": "org/rhsi/prod"}}
    (found,) = names.check(lab.primary(cluster=FOREIGN))
    assert found.state == "error"
    assert "belongs to the stack org/rhsi/prod" in found.sentence


def test_a_namespace_that_nobody_made_or_that_goes_is_an_error(lab: World) -> None:
    (missing,) = names.check(lab.primary(cluster=FOREIGN))
    assert "Namespace rhsi does not exist, and rhsi:cluster.createNamespace is false" in missing.sentence
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi", "deletionTimestamp": "2026-11-28T00:00:00Z"}}
    (going,) = names.check(lab.primary(cluster=FOREIGN))
    assert "is being deleted" in going.sentence


def test_hand_made_objects_with_the_programs_names_are_taken_over(lab: World) -> None:
    lab.site_a.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        SITES: listed("rhsi-primary", "somebody-elses"),
        POLICIES: listed("rhsi-router", "default-deny"),
        CONNECTORS: listed("orders"),
    }
    scene = lab.primary(
        cluster=FOREIGN, networkPolicies={"enabled": True}, services={"exports": {"orders": {"host": "o", "port": 80}}}
    )
    found = list(names.check(scene))
    assert {one.state for one in found} == {"warning"}
    assert [one.sentence.split(" exists")[0] for one in found] == [
        "Site rhsi/rhsi-primary",
        "Connector rhsi/orders",
        "NetworkPolicy rhsi/rhsi-router",
    ]
    assert "`python -m ops adopt -s site-a`" in found[0].fix


def test_what_this_stack_or_a_controller_has_made_is_not_hand_made(lab: World) -> None:
    lab.site_a.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        SITES: listed("rhsi-primary"),
        CONNECTORS: listed("postgres-primary", ownerReferences=[{"kind": "Site"}]),
        f"{NAMESPACE}/configmaps": listed("rhsi-owner", "kube-root-ca.crt"),
        f"{NAMESPACE}/serviceaccounts": listed("default", "skupper-router"),
    }
    scene = lab.primary(cluster=FOREIGN)
    remember(scene, ("kubernetes:skupper.io/v2alpha1:Site", "rhsi/rhsi-primary"))
    assert told(names.check(scene)) == OK


def test_a_connector_in_the_namespace_of_somebody_elses_site_is_refused(lab: World) -> None:
    lab.site_a.answers |= {NAMESPACE: {"metadata": {"name": "rhsi"}}, CONNECTORS: listed("orders")}
    services = {"exports": {"orders": {"host": "o", "port": 80}}}
    scene = lab.primary(cluster=FOREIGN, skupper={"existingSite": "theirs"}, services=services)
    (found,) = names.check(scene)
    assert found.state == "error"
    assert "Connector rhsi/orders exists and is not this stack's: `up` refuses it." in found.sentence


def test_a_hand_made_job_is_an_error_for_its_pod_cannot_be_changed(lab: World) -> None:
    lab.site_b.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        "/apis/batch/v1/namespaces/rhsi/jobs": listed("create-access-token-from-vault", "nightly"),
    }
    (found,) = names.check(lab.standby(cluster={**STANDBY["cluster"], "createNamespace": False}))
    assert found.state == "error"
    assert found.sentence == (
        "Job rhsi/create-access-token-from-vault exists and is not this stack's: `up` fails, for nobody may change a "
        "Job's pod."
    )
    assert found.fix.startswith("oc --context site-b delete job create-access-token-from-vault -n rhsi")


def test_a_hand_made_password_is_told_before_up_writes_its_own(lab: World) -> None:
    lab.site_a.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        f"{NAMESPACE}/secrets": listed("postgres-application", "postgres-primary-dockercfg-x9z", "skupper-site-ca"),
    }
    (found,) = names.check(lab.primary(cluster=FOREIGN, postgres={"enabled": True}))
    assert (found.state, "Secret rhsi/postgres-application exists" in found.sentence) == ("warning", True)
    assert "PartialObjectMetadataList" in lab.site_a.seen["Accept"]


def test_names_of_what_the_settings_leave_out_are_nobodys_business(lab: World) -> None:
    lab.site_a.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        "/apis/apps/v1/namespaces/rhsi/statefulsets": listed("postgres-primary"),
        "/apis/batch/v1/namespaces/rhsi/jobs": listed("create-access-token-from-vault"),
        POLICIES: listed("rhsi-router"),
    }
    assert told(names.check(lab.primary(cluster=FOREIGN))) == OK
    with_database = only(names.check(lab.primary(cluster=FOREIGN, postgres={"enabled": True})), "warning")
    assert [one.sentence.split(" exists")[0] for one in with_database] == ["StatefulSet rhsi/postgres-primary"]


def test_kinds_that_the_login_may_not_list_are_named(lab: World) -> None:
    lab.site_a.answers |= {NAMESPACE: {"metadata": {"name": "rhsi"}}, SITES: (403, {"message": "forbidden"})}
    (found,) = names.check(lab.primary(cluster=FOREIGN))
    assert (found.state, found.sentence) == ("unknown", "This login may not list sites in rhsi.")


def test_only_metadata_of_objects_is_asked_for(lab: World) -> None:
    lab.site_a.answers[NAMESPACE] = {"metadata": {"name": "rhsi"}}
    list(names.check(lab.primary(cluster=FOREIGN)))
    assert "PartialObjectMetadataList" in lab.site_a.seen["Accept"]
    assert not [path for _, path in lab.site_a.asked if "secrets" in path and "external-secrets" not in path]


def test_a_binding_without_a_namespace_is_taken_over(lab: World) -> None:
    name = "rhsi-vault-reader-rhsi-auth-delegator"
    lab.site_b.answers[f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}"] = {"metadata": {"name": name}}
    scene = lab.standby()
    (found,) = names.check(scene)
    assert (found.state, name in found.sentence) == ("warning", True)
    remember(scene, ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", name))
    assert told(names.check(scene)) == OK


def test_a_hand_made_database_is_told_before_its_fields_are_forced(lab: World) -> None:
    lab.site_a.answers |= {
        NAMESPACE: {"metadata": {"name": "rhsi"}},
        "/api/v1/namespaces/db": {"metadata": {"name": "db"}},
        "/apis/postgresql.cnpg.io/v1/namespaces/db/clusters": listed("edb-site-a", "other"),
        "/api/v1/namespaces/db/configmaps": listed("edb-site-a-schema", "cnpg-default-monitoring"),
        "/api/v1/namespaces/db/secrets": listed("edb-site-a-superuser", "edb-site-a-dockercfg-x9z"),
    }
    edb = {"enabled": True, "operator": "community", "createNamespace": False}
    found = list(names.check(lab.primary(cluster=FOREIGN, edb=edb)))
    assert [one.sentence.split(" exists")[0] for one in found] == [
        "Cluster db/edb-site-a",
        "ConfigMap db/edb-site-a-schema",
        "Secret db/edb-site-a-superuser",
    ]


def test_rights_of_the_waits_for_operators_are_taken_over(lab: World) -> None:
    name = "await-skupper-operator-rhsi"
    lab.site_a.answers[f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"] = {"metadata": {"name": name}}
    (found,) = names.check(lab.primary(operators={"skupper": {"enabled": True}}))
    assert (found.state, f"ClusterRole {name} exists" in found.sentence) == ("warning", True)


def test_a_mount_that_is_not_this_stacks_is_refused_by_vault(lab: World) -> None:
    described = {"data": {"path": "rhsi/", "type": "kv", "options": {"version": "2"}}}
    lab.vault.answers["/v1/sys/internal/ui/mounts/rhsi"] = described
    scene = lab.primary()
    (found,) = vault_names.check(scene)
    assert found.state == "error"
    assert "'rhsi:vault.manageMount' false -s site-a" in found.fix
    remember(scene, ("vault:index/mount:Mount", "rhsi"))
    assert told(vault_names.check(scene)) == OK
    vault = {"address": "https://v:8200", "manageMount": False}
    assert told(vault_names.check(lab.primary(vault=vault))) == OK


def test_a_folder_of_another_stack_is_refused_by_its_mark(lab: World) -> None:
    mark = {"data": {"data": {"id": "theirs", "stack": "org/rhsi/prod"}}}
    lab.vault.answers["/v1/rhsi/data/site-b/owner-primary"] = mark
    scene = lab.primary()
    (found,) = only(vault_names.check(scene), "error")
    assert found.sentence == "rhsi/site-b/owner-primary says that the folder is the stack org/rhsi/prod's."
    remember(scene, owner="theirs")
    assert told(vault_names.check(scene)) == OK


def test_auth_mount_and_policy_of_others_are_refused(lab: World) -> None:
    lab.vault.answers |= {
        "/v1/sys/auth": {"data": {"kubernetes-site-b/": {}, "token/": {}}},
        "/v1/sys/policies/acl/rhsi-site-b": {"data": {"policy": "path ..."}},
    }
    scene = lab.standby()
    mount, policy = vault_names.check(scene)
    assert "The auth mount 'kubernetes-site-b' exists" in mount.sentence
    assert policy.fix.endswith("vault policy delete rhsi-site-b")
    remember(
        scene,
        ("vault:index/authBackend:AuthBackend", "kubernetes-site-b"),
        ("vault:index/policy:Policy", "rhsi-site-b"),
    )
    assert told(vault_names.check(scene)) == OK


def test_a_role_in_an_auth_mount_of_others_is_written_over(lab: World) -> None:
    lab.vault.answers["/v1/auth/kubernetes-site-b/role/rhsi-site-b"] = {"data": {"token_policies": ["x"]}}
    vault = {"address": "https://v:8200", "manageAuth": False}
    (found,) = vault_names.check(lab.standby(vault=vault))
    assert found.state == "warning"
    assert "`up` writes over it" in found.sentence


def test_what_the_token_may_not_see_is_unknown(lab: World) -> None:
    lab.vault.answers["/v1/sys/policies/acl/rhsi-site-b"] = (403, {"errors": ["permission denied"]})
    (found,) = vault_names.check(lab.standby())
    assert (found.state, "sys/policies/acl/rhsi-site-b" in found.sentence) == ("unknown", True)
