"""The rules of a plan: what stands, and what it says of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.adopt import text
from ops.adopt.catalogue import place
from ops.adopt.found import Found
from ops.adopt.notes import Case, Head, Note, Peer
from ops.adopt.objects import Item, Kind, item
from ops.adopt.plan import Plan, plan
from ops.project import short_name
from ops.stacks import Resource, State
from tests.unit.recorder import PRIMARY, STANDBY, settings_of
from tests.unit.urns import CERTIFICATE

MOUNT = {"type": "kv", "options": {"version": "2"}}
SERVICES = {"exports": {"orders": {"host": "orders.shop.svc", "port": 80}}, "imports": {"prices": {"port": 82}}}


def stands(kind: str, name: str, *, tool: str = "", owner: str = "", namespace: str = "rhsi", **fields: Any) -> Item:
    return Item(kind=kind, namespace=namespace, name=name, fields=fields, tool=tool, owner=owner)


def made(
    base: Mapping[str, Any],
    *items: Item,
    vault: Mapping[str, Mapping[str, Any]] | None = None,
    state: State | None = None,
    peer: Peer | None = None,
    blind: bool = False,
    vault_settings: Mapping[str, Any] | None = None,
    stack: str = "",
    **changes: Any,
) -> Plan:
    """The plan for a stack with these settings where this stands."""
    stack = stack or ("site-a" if base["role"] == "primary" else "site-b")
    if vault_settings:
        changes["vault"] = vault_settings
    values = {key: {**base[key], **one} if isinstance(base.get(key), dict) else one for key, one in changes.items()}
    case = Case(
        stack=stack,
        project="rhsi",
        settings=settings_of({**base, **values}, stack=short_name(stack)),
        found=Found(items={one.place: one for one in items}, vault=vault or {}, blind=blind),
        state=state or State(),
        peer=peer or Peer(),
    )
    return plan(case)


def only(plan: Plan, head: Head) -> Note:
    (note,) = plan.below(head)
    return note


def test_where_nothing_stands_there_is_nothing_to_say() -> None:
    for base in (PRIMARY, STANDBY):
        found = made(base)
        assert (found.imports, found.notes, found.blocked) == ((), (), False)


def foreign_mounts(plan: Plan) -> list[str]:
    return [one.name for one in plan.imports if one.type.startswith("vault:")]


# What is imported.


def test_what_somebody_else_keeps_is_not_imported() -> None:
    namespace = stands("Namespace", "rhsi", namespace="")
    found = made(
        PRIMARY,
        namespace,
        vault={"sys/mounts/rhsi": MOUNT},
        vault_settings={"manageMount": False},
        cluster={"createNamespace": False},
    )
    assert found.imports == ()
    assert not found.below(Head.DECIDE)


@pytest.mark.parametrize(
    ("mount", "said", "command"),
    [
        ({"type": "kv", "options": {"version": "1"}}, "KV version 1", "vault kv enable-versioning rhsi"),
        ({"type": "kv"}, "KV version 1", "vault kv enable-versioning rhsi"),
        ({"type": "pki"}, "of the type pki, and the program needs kv: give rhsi:vault.mount another", ""),
        ({**MOUNT, "seal_wrap": True}, "has seal_wrap", "rhsi:vault.manageMount false -s site-a"),
        ({**MOUNT, "local": True}, "Pulumi would delete the mount", "rhsi:vault.manageMount false -s site-a"),
    ],
)
def test_a_mount_that_pulumi_would_make_anew_or_that_cannot_hold_the_secrets_is_in_the_way(
    mount: dict[str, Any], said: str, command: str
) -> None:
    found = made(PRIMARY, vault={"sys/mounts/rhsi": mount})
    note = only(found, Head.IN_THE_WAY)
    assert said in note.text
    assert note.command.endswith(command)
    assert found.imports == ()
    assert text.exit_code(found) == text.BLOCKED


@pytest.mark.parametrize(("protect", "said"), [(True, True), (False, False)])
def test_what_destroy_would_do_to_an_imported_mount_depends_on_its_protection(protect: bool, said: bool) -> None:
    found = made(PRIMARY, vault={"sys/mounts/rhsi": MOUNT}, protect=protect)
    assert (", once rhsi:protect is false." in only(found, Head.DECIDE).text) is said
    auth = made(STANDBY, vault={"sys/auth/kubernetes-site-b": {"type": "kubernetes"}}, protect=protect)
    assert "rhsi:protect" not in only(auth, Head.DECIDE).text


def test_an_auth_mount_of_another_method_is_in_the_way() -> None:
    found = made(STANDBY, vault={"sys/auth/kubernetes-site-b": {"type": "approle"}})
    assert "rhsi:vault.authPath" in only(found, Head.IN_THE_WAY).text


def test_what_nobody_could_look_at_keeps_the_file_from_being_written() -> None:
    found = made(PRIMARY, blind=True)
    assert found.blocked
    assert text.exit_code(found) == text.BLOCKED
    assert text.as_json(found, "file.json")["file"] is None


def test_what_was_imported_before_the_settings_gave_it_up_must_leave_the_state_before_up_deletes_it() -> None:
    urn = "urn:pulumi:site-a::rhsi::rhsi:index:PrimarySite$rhsi:index:SkupperSite$kubernetes:core/v1:Namespace::"
    urn += "primary-skupper-namespace"
    provider = Resource(urn="urn:provider", type="pulumi:providers:kubernetes", id="1")
    imported = Resource(urn=urn, type="kubernetes:core/v1:Namespace", id="rhsi")
    state = State(resources=(provider, imported))
    note = only(made(PRIMARY, state=state, cluster={"createNamespace": False}), Head.IN_THE_WAY)
    assert note.text.startswith("Namespace rhsi: imported, and the settings do not want it any more")
    assert note.command == "pulumi state delete --all --force --yes -s site-a"
    assert made(PRIMARY, state=state).notes == ()
    # The program refuses such a change itself, once it has a past; no state of a stack that was up may be forgotten.
    site = Resource(urn="urn:site", type="kubernetes:skupper.io/v2alpha1:Site", id="rhsi/rhsi-primary")
    for up in (State(resources=(imported,), owner="1"), State(resources=(imported, site))):
        assert made(PRIMARY, state=up, cluster={"createNamespace": False}).notes == ()


# Whose it is.


def test_a_namespace_of_another_stack_is_in_the_way_and_ones_own_is_not() -> None:
    claim = stands("ConfigMap", "rhsi-owner", data={"stack": "acme/rhsi/other", "id": "1"})
    note = only(made(PRIMARY, claim), Head.IN_THE_WAY)
    assert "belongs to the stack acme/rhsi/other" in note.text
    assert only(made(PRIMARY, claim, state=State(owner="2")), Head.IN_THE_WAY)
    assert not made(PRIMARY, claim, state=State(owner="1")).blocked


def test_nothing_is_said_or_imported_of_what_stands_in_another_stacks_namespace() -> None:
    claim = stands("ConfigMap", "rhsi-owner", data={"stack": "acme/rhsi/other", "id": "1"})
    namespace, grant = stands("Namespace", "rhsi", namespace=""), stands("AccessGrant", "rhsi-standby-grant")
    found = made(PRIMARY, claim, namespace, grant)
    assert found.imports == ()
    assert [note.head for note in found.notes] == [Head.IN_THE_WAY]


def test_the_databases_namespace_of_another_stack_is_not_imported() -> None:
    claim = stands("ConfigMap", "rhsi-owner", namespace="db", data={"stack": "acme/rhsi/other", "id": "1"})
    namespaces = [stands("Namespace", name, namespace="") for name in ("rhsi", "db")]
    found = made(PRIMARY, claim, *namespaces, edb={"enabled": True, "operator": "community"})
    assert [one.id for one in found.imports] == ["rhsi"]
    assert "rhsi:edb.namespace" in only(found, Head.IN_THE_WAY).text


@pytest.mark.parametrize(
    ("owner", "imported"),
    [("", 1), ("organization/rhsi/site-a", 1), ("organization/rhsi/other", 0), ("organization/another/site-a", 0)],
)
def test_an_annotation_of_another_stack_keeps_its_object_out_of_the_import(owner: str, imported: int) -> None:
    connector = stands("Connector", "orders", spec={}, owner=owner)
    beside: dict[str, Any] = {"cluster": {"createNamespace": False}, "skupper": {"existingSite": "hub"}}
    found = made(PRIMARY, connector, services=SERVICES, **beside)
    assert len(found.imports) == imported
    assert found.blocked is not bool(imported)
    if not imported:
        command = only(found, Head.IN_THE_WAY).command
        assert command == "oc --context site-a -n rhsi annotate connector orders rhsi/owner-"


def test_a_stack_that_was_typed_in_full_is_not_one_of_another_organization() -> None:
    namespace = stands("Namespace", "rhsi", namespace="", owner="acme/rhsi/site-a")
    assert made(PRIMARY, namespace, stack="acme/site-a").imports
    assert made(PRIMARY, namespace, stack="acme/rhsi/site-a").imports
    assert not made(PRIMARY, namespace, stack="other/site-a").imports


OWN_MOUNT = {**MOUNT, "description": "Skupper link credentials (rhsi)"}


def claimed(number: str) -> dict[str, Mapping[str, Any]]:
    return {"rhsi/data/site-b/owner-primary": {"data": {"stack": "acme/rhsi/other", "id": number}}}


def test_a_mount_that_a_stack_of_this_program_made_is_imported_only_by_the_one_that_has_a_claim_in_it() -> None:
    standbys: dict[str, Any] = {"site-b": {}}
    unknown = made(PRIMARY, vault={"sys/mounts/rhsi": OWN_MOUNT}, standbys=standbys)
    assert foreign_mounts(unknown) == []
    assert only(unknown, Head.IN_THE_WAY).command == "vault secrets tune -description= rhsi"
    for state, imported in ((State(owner="1"), ["primary-kv-mount"]), (State(owner="2"), []), (State(), [])):
        found = made(PRIMARY, vault={"sys/mounts/rhsi": OWN_MOUNT, **claimed("1")}, standbys=standbys, state=state)
        assert foreign_mounts(found) == imported


def test_credentials_of_another_stack_are_neither_taken_over_nor_destroyed() -> None:
    token: dict[str, Mapping[str, Any]] = {"rhsi/metadata/site-b/link-token": {"versions": {"1": {}}}}
    found = made(PRIMARY, vault={"sys/mounts/rhsi": MOUNT, **token, **claimed("1")}, standbys={"site-b": {}})
    assert "rhsi/site-b/owner-primary in Vault says" in only(found, Head.IN_THE_WAY).text
    assert found.imports == ()
    assert len(found.notes) == 1


def test_the_way_in_of_another_stack_is_imported_in_no_part() -> None:
    auth = {
        "sys/auth/kubernetes-site-b": {"type": "kubernetes", "description": "Service accounts of site-b (rhsi)"},
        "sys/policies/acl/rhsi-site-b": {},
        "auth/kubernetes-site-b/role/rhsi-site-b": {},
    }
    found = made(STANDBY, vault=auth, vault_settings={"namespace": "team/kv", "authNamespace": "team"})
    assert found.imports == ()
    command = "vault auth tune -namespace=team -description= kubernetes-site-b"
    assert only(found, Head.IN_THE_WAY).command == command


def test_a_policy_tells_nothing_of_its_owner_so_a_person_is_asked() -> None:
    found = made(STANDBY, vault={"sys/policies/acl/rhsi-site-b": {}})
    assert "no other stack is the standby site-b of the mount rhsi" in only(found, Head.DECIDE).text


def test_a_role_that_lets_others_in_is_told() -> None:
    role = {"bound_service_account_names": ["rhsi-vault-reader", "app"], "bound_service_account_namespaces": ["rhsi"]}
    path = "auth/kubernetes-site-b/role/rhsi-site-b"
    assert (
        "lets rhsi-vault-reader, app of the namespace rhsi" in only(made(STANDBY, vault={path: role}), Head.DECIDE).text
    )
    role["bound_service_account_names"] = ["rhsi-vault-reader"]
    assert not made(STANDBY, vault={path: role}).below(Head.DECIDE)


def test_a_mount_that_demands_check_and_set_is_in_the_way() -> None:
    found = made(PRIMARY, vault={"sys/mounts/rhsi": MOUNT, "rhsi/config": {"cas_required": True}})
    assert only(found, Head.IN_THE_WAY).command == "vault write rhsi/config cas_required=false"


def test_what_a_tool_writes_back_has_to_leave_it_first() -> None:
    site = stands("Site", "rhsi-primary", tool="Argo CD", spec={"linkAccess": "default"})
    other = stands("Deployment", "something", tool="Argo CD")
    note = only(made(PRIMARY, site, other), Head.FIRST)
    assert note.text.startswith("Argo CD keeps Site rhsi/rhsi-primary: take that out of it without deleting it")
    assert "something" not in note.text


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "app:skupper.io/Site:rhsi/s"}},
        {"managedFields": [{"manager": "kubectl"}, {"manager": "argocd-controller"}]},
    ],
)
def test_a_tool_is_known_by_its_mark_or_its_field_manager(metadata: dict[str, Any]) -> None:
    assert item(Kind("Site", "skupper.io/v2alpha1", "sites"), {"metadata": metadata}).tool == "Argo CD"


def test_of_a_grant_or_a_token_nothing_but_its_name_is_kept() -> None:
    manifest = {"metadata": {"name": "t", "namespace": "rhsi"}, "spec": {"code": "c"}, "status": {"code": "c"}}
    assert item(Kind("AccessToken", "v", "accesstokens"), manifest) == stands("AccessToken", "t")


# The Site.


@pytest.mark.parametrize(
    ("spec", "command"),
    [
        ({"linkAccess": "route"}, "rhsi:skupper.linkAccess route"),
        ({}, "rhsi:skupper.existingSite rhsi-primary"),
        ({"linkAccess": "local"}, "rhsi:skupper.existingSite rhsi-primary"),
        ({"linkAccess": "default", "ha": True}, "rhsi:skupper.ha true"),
    ],
)
def test_a_site_keeps_its_way_in_and_its_routers(spec: dict[str, Any], command: str) -> None:
    note = only(made(PRIMARY, stands("Site", "rhsi-primary", spec=spec)), Head.IN_THE_WAY)
    assert note.command == f"pulumi config set --path {command} -s site-a"


def test_a_site_of_another_name_has_to_be_named() -> None:
    note = only(made(STANDBY, stands("Site", "west", spec={})), Head.IN_THE_WAY)
    assert note.command == "pulumi config set --path rhsi:skupper.siteName west -s site-b"
    assert not made(STANDBY, stands("Site", "west", spec={}), skupper={"siteName": "west"}).blocked


def test_what_a_site_has_and_the_stack_does_not_set_is_told() -> None:
    note = only(made(STANDBY, stands("Site", "rhsi-standby", spec={"linkAccess": "route"})), Head.DECIDE)
    assert note.text.startswith("Site rhsi/rhsi-standby has linkAccess, which the stack does not set.")
    assert note.command.endswith("rhsi:skupper.existingSite rhsi-standby -s site-b")


def test_labels_that_kubectl_set_on_a_namespace_are_told_before_pulumi_removes_them() -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}, "f:team": {}}}}
    managed = [
        {"manager": "kubectl-label", "operation": "Update", "fieldsV1": fields},
        {"manager": "scheduler", "operation": "Update", "fieldsV1": {"f:metadata": {"f:annotations": {"f:other": {}}}}},
    ]
    manifest = {"metadata": {"name": "rhsi", "managedFields": managed}}
    namespace = item(Kind("Namespace", "v1", "namespaces"), manifest)
    assert namespace.marks == ("team",)
    told = [note for note in made(PRIMARY, namespace).below(Head.DECIDE) if "kubectl" in note.text]
    assert [note.text.partition(",")[0] for note in told] == ["Namespace rhsi has team"]


# The link.


def test_a_link_with_the_name_of_a_rotation_is_not_taken_for_the_stacks() -> None:
    link = stands("Link", "standby-from-vault-2", status={})
    for peer in (Peer(), Peer(rotation=2)):
        note = only(made(STANDBY, link, peer=peer), Head.IN_THE_WAY)
        assert note.command == "pulumi config set --path rhsi:standbys.site-b.rotation 3 -s site-a"
    assert "the claim removes it" in only(made(STANDBY, link, peer=Peer(rotation=3)), Head.TAKEN_OVER).text


def test_the_two_links_of_a_pair_of_routers_count_as_numbers() -> None:
    pair = [stands("Link", f"standby-from-vault-{number}", status={}) for number in (1, 2)]
    assert "rotation 3 " in only(made(STANDBY, *pair), Head.IN_THE_WAY).command


def test_a_link_of_another_name_is_left_without_a_command() -> None:
    found = made(STANDBY, stands("Link", "to-elsewhere", status={"status": "Ready"}))
    assert only(found, Head.LEFT).text == "Link rhsi/to-elsewhere (Ready): it may lead to another site."
    assert not found.below(Head.AFTERWARDS)


def test_a_grant_with_the_name_of_the_next_one_makes_the_rotation_begin_above_it() -> None:
    note = only(made(PRIMARY, stands("AccessGrant", "rhsi-site-b-grant-3")), Head.IN_THE_WAY)
    assert note.command == "pulumi config set --path rhsi:standbys.site-b.rotation 4 -s site-a"


def test_a_grant_of_another_name_may_be_needed_and_is_left_without_a_command() -> None:
    found = made(PRIMARY, stands("AccessGrant", "for-site-z"))
    assert only(found, Head.LEFT).text == "AccessGrant rhsi/for-site-z: a site that has not linked yet may need it."
    assert not found.below(Head.AFTERWARDS)


def test_after_up_the_earlier_credentials_are_still_told_and_the_stacks_own_are_not() -> None:
    versions = {"1": {"destroyed": True}, "2": {}, "3": {}}
    own = Resource(urn="", type="vault:kv/secretV2:SecretV2", id="rhsi/data/site-b/link-token")
    vault = {"rhsi/metadata/site-b/link-token": {"versions": versions}}
    found = made(PRIMARY, vault=vault, standbys={"site-b": {}}, state=State(resources=(own,)))
    assert only(found, Head.AFTERWARDS).command == "vault kv destroy -mount=rhsi -versions=2 site-b/link-token"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"data": [{"remoteRef": {"key": "elsewhere/link-token"}}]}, "has data of its own"),
        ({"target": {"template": {"data": {}}}}, "has target.template of its own"),
    ],
)
def test_an_external_secret_that_would_keep_the_new_credentials_out_goes_first(spec: dict[str, Any], said: str) -> None:
    note = only(made(STANDBY, stands("ExternalSecret", "rhsi-link-token", spec=spec)), Head.FIRST)
    assert said in note.text
    assert note.command == "oc --context site-b -n rhsi delete externalsecret rhsi-link-token"
    for key in ("site-b/link-token", "rhsi/data/site-b/link-token"):
        same = stands("ExternalSecret", "rhsi-link-token", spec={"data": [{"remoteRef": {"key": key}}]})
        assert not made(STANDBY, same).below(Head.FIRST)


def test_the_stacks_own_grant_is_no_news() -> None:
    own = Resource(urn="", type="kubernetes:skupper.io/v2alpha1:AccessGrant", id="rhsi/rhsi-site-b-grant-3")
    assert made(PRIMARY, stands("AccessGrant", "rhsi-site-b-grant-3"), state=State(resources=(own,))).notes == ()


# The way into Vault.


def store(auth: dict[str, Any], path: str = "rhsi") -> Item:
    return stands("SecretStore", "vault-rhsi", spec={"provider": {"vault": {"path": path, "auth": auth}}})


def test_the_auth_mount_that_the_store_uses_can_be_kept() -> None:
    login = {"mountPath": "/v1/auth/k8s", "role": "reader"}
    found = made(STANDBY, store({"kubernetes": login}))
    assert only(found, Head.DECIDE).command == "pulumi config set --path rhsi:vault.authPath k8s -s site-b"
    assert only(found, Head.AFTERWARDS).command == "vault delete auth/k8s/role/reader"


def test_a_store_with_another_login_goes_right_before_up() -> None:
    found = made(STANDBY, store({"tokenSecretRef": {"name": "t"}}))
    assert only(found, Head.FIRST).command == "oc --context site-b -n rhsi delete secretstore vault-rhsi"


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({"secretRef": {"name": "t"}}, "logs in by kubernetes.secretRef."),
        ({"serviceAccountRef": {"name": "r", "audiences": ["vault"]}}, "logs in by a token for vault."),
    ],
)
def test_what_the_stacks_login_would_not_replace_goes_with_the_store(login: dict[str, Any], said: str) -> None:
    assert said in only(made(STANDBY, store({"kubernetes": login})), Head.FIRST).text


def test_a_client_certificate_that_only_the_store_knows_has_to_be_written_down() -> None:
    found = stands("SecretStore", "vault-rhsi", spec={"provider": {"vault": {"tls": {"certSecretRef": {}}}}})
    assert "rhsi:vault.clientTls" in only(made(STANDBY, found), Head.IN_THE_WAY).text


def test_a_store_of_another_mount_is_in_the_way() -> None:
    found = made(STANDBY, store({}, path="kv"))
    assert only(found, Head.IN_THE_WAY).command == "pulumi config set --path rhsi:vault.mount kv -s site-b"


def test_the_address_by_which_vault_asks_the_cluster_now_is_told() -> None:
    config = {"auth/kubernetes-site-b/config": {"kubernetes_host": "https://10.0.0.1:6443"}}
    note = only(made(STANDBY, vault=config), Head.DECIDE)
    assert note.command == "pulumi config set --path rhsi:cluster.apiServer https://10.0.0.1:6443 -s site-b"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"caBundle": "cGVt"}, "rhsi:vault.ca."),
        (
            {"caProvider": {"type": "ConfigMap", "name": "vault", "key": "ca.crt"}},
            'rhsi:vault.caProvider into the stack file: {"kind": "ConfigMap", "name": "vault", "key": "ca.crt"}',
        ),
    ],
)
def test_a_ca_that_only_the_store_knows_has_to_be_written_down(known: dict[str, Any], said: str) -> None:
    found = stands("SecretStore", "vault-rhsi", spec={"provider": {"vault": known}})
    assert said in only(made(STANDBY, found), Head.IN_THE_WAY).text
    assert not made(STANDBY, found, vault_settings={"ca": CERTIFICATE}).below(Head.IN_THE_WAY)


def test_an_address_and_a_namespace_of_vault_are_told_where_they_differ() -> None:
    elsewhere = {"server": "https://vault.elsewhere:8200/", "namespace": "team"}
    found = made(STANDBY, stands("SecretStore", "vault-rhsi", spec={"provider": {"vault": elsewhere}}))
    assert [note.command for note in found.below(Head.DECIDE)] == [
        "pulumi config set --path rhsi:vault.address https://vault.elsewhere:8200/ -s site-b",
        "pulumi config set --path rhsi:vault.namespace team -s site-b",
    ]
    same = {"server": "https://vault.example.com:8200/"}
    assert not made(STANDBY, stands("SecretStore", "vault-rhsi", spec={"provider": {"vault": same}})).below(Head.DECIDE)


# Services and databases.


def test_a_connector_keeps_an_old_key_alive_by_a_copy_until_everybody_listens_at_the_new_one() -> None:
    spec = {"routingKey": "orders", "port": 80, "host": "orders.shop.svc"}
    found = made(PRIMARY, stands("Connector", "orders", spec=spec), services=SERVICES)
    copy = only(found, Head.FIRST)
    assert '"routingKey": "orders"' in copy.command
    assert '"name": "orders-by-hand"' in copy.command
    assert copy.command.endswith("| oc --context site-a -n rhsi apply -f -")
    assert only(found, Head.AFTERWARDS).command.endswith("delete connector.skupper.io orders-by-hand")


def test_a_standbys_connector_is_copied_for_the_key_at_which_the_primary_listens_first() -> None:
    connector = stands("Connector", "orders", spec={"routingKey": "orders"})
    found = made(STANDBY, connector, services=SERVICES, peer=Peer(routing_prefix="site-a"))
    assert '"routingKey": "site-a/orders"' in only(found, Head.FIRST).command


def test_a_service_with_the_stacks_key_needs_nothing() -> None:
    listener = stands("Listener", "prices", spec={"routingKey": "site-a/prices", "host": "prices", "port": 82})
    found = made(STANDBY, listener, services=SERVICES, peer=Peer(routing_prefix="site-a"))
    assert [note.head for note in found.notes] == [Head.TAKEN_OVER]


def test_a_connector_never_has_a_host_and_a_selector() -> None:
    connector = stands(
        "Connector", "orders", spec={"routingKey": "site-a/orders", "selector": "app=orders", "port": 80}
    )
    patch = '{"spec": {"host": "orders.shop.svc", "selector": null, "port": 80}}'
    assert only(made(PRIMARY, connector, services=SERVICES), Head.FIRST).command.endswith(f"--type=merge -p '{patch}'")


def test_a_listener_that_changes_its_service_is_told() -> None:
    listener = stands("Listener", "prices", spec={"routingKey": "site-a/prices", "host": "old", "port": 82})
    found = made(STANDBY, listener, services=SERVICES, peer=Peer(routing_prefix="site-a"))
    assert "makes the Service old:82, and the stack makes prices:82" in only(found, Head.DECIDE).text


def test_ways_to_databases_made_by_hand_are_not_called_left_where_the_stack_makes_its_own() -> None:
    connector, listener = (stands(kind, "postgres-primary", spec={}) for kind in ("Connector", "Listener"))
    found = made(PRIMARY, connector, postgres={"enabled": True})
    assert only(found, Head.FIRST).command.endswith("delete connector.skupper.io postgres-primary")
    found = made(STANDBY, listener, postgres={"enabled": True}, peer=Peer(routing_prefix="site-a"))
    assert "becomes site-a/postgres-primary" in only(found, Head.TAKEN_OVER).text
    beside: dict[str, Any] = {"cluster": {"createNamespace": False}, "skupper": {"existingSite": "hub"}}
    found = made(STANDBY, listener, postgres={"enabled": True}, **beside)
    assert "has the name of one that the stack makes" in only(found, Head.IN_THE_WAY).text


def test_in_somebody_elses_site_services_are_imported_not_taken_over() -> None:
    found = made(
        PRIMARY,
        stands("Connector", "orders", spec={"routingKey": "site-a/orders", "selector": "app=orders"}),
        services=SERVICES,
        cluster={"createNamespace": False},
        skupper={"existingSite": "hub"},
    )
    assert [one.id for one in found.imports] == ["rhsi/orders"]
    assert found.notes == ()


def test_an_imported_connector_with_another_routing_key_is_bridged_too() -> None:
    connector = stands("Connector", "orders", spec={"routingKey": "orders", "host": "orders.shop.svc"})
    beside: dict[str, Any] = {"cluster": {"createNamespace": False}, "skupper": {"existingSite": "hub"}}
    found = made(PRIMARY, connector, services=SERVICES, **beside)
    assert "its routing key orders becomes site-a/orders" in only(found, Head.DECIDE).text
    assert "orders-by-hand" in only(found, Head.FIRST).command


def test_a_database_made_by_hand_is_left_while_the_stack_has_none_and_in_the_way_where_it_has_one() -> None:
    server = [stands("Deployment", "postgres-primary"), stands("Service", "postgres-primary")]
    assert "Deployment rhsi/postgres-primary and Service" in only(made(PRIMARY, *server), Head.LEFT).text
    note = only(made(PRIMARY, *server, postgres={"enabled": True}), Head.IN_THE_WAY)
    assert note.command == "pulumi config set --path rhsi:postgres.enabled false -s site-a"


def test_a_cluster_made_by_hand_is_not_applied_over() -> None:
    cluster = stands("Cluster", "edb-site-b", namespace="db")
    note = only(made(STANDBY, cluster, edb={"enabled": True, "operator": "community"}), Head.IN_THE_WAY)
    assert "restart the instances" in note.text


def test_operators_that_the_stack_would_install_are_named() -> None:
    found = made(PRIMARY, operators={"skupper": {"enabled": True}})
    assert "rhsi:operators.skupper" in only(found, Head.DECIDE).text


@pytest.mark.parametrize(
    ("name", "enabled", "head"),
    [
        ("network-observer", False, Head.LEFT),
        ("network-observer", True, Head.TAKEN_OVER),
        ("other", True, Head.LEFT),
    ],
)
def test_a_network_observer_is_the_stacks_only_where_it_makes_one_of_that_name(
    name: str, enabled: bool, head: Head
) -> None:
    assert only(made(PRIMARY, stands("NetworkObserver", name), networkObserver={"enabled": enabled}), head)


def test_rights_that_the_readers_account_keeps_by_hand_are_told() -> None:
    by_hand = [{"kind": "ServiceAccount", "name": "rhsi-vault-reader"}]
    rights = [
        stands("RoleBinding", "of-the-job", subjects=by_hand),
        stands("RoleBinding", "of-others", subjects=[{"kind": "User", "name": "rhsi-vault-reader"}]),
    ]
    note = only(made(STANDBY, *rights), Head.AFTERWARDS)
    assert note.command == "oc --context site-b -n rhsi delete rolebinding of-the-job"


def test_places_are_written_alike_everywhere() -> None:
    assert stands("Site", "s").place == place("Site", "s", "rhsi") == "Site rhsi/s"
    assert stands("Namespace", "rhsi", namespace="").place == "Namespace rhsi"
