"""CloudNativePG's stand-in before any server runs: defaults, refusals, roles, objects, status, certificates."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.certificates import Pair, hosts
from lab.kube import Manifest
from lab.stand_ins.cnpg import bootstrap, certificates, credentials, objects, pki, replicas, status, validation
from lab.stand_ins.cnpg.defaults import with_defaults
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB
from lab.stand_ins.cnpg.pki import CertificateError
from lab.stand_ins.cnpg.roles import Present, next_action
from lab.stand_ins.cnpg.status import InstanceState
from lab.stand_ins.controller.conditions import is_true


def cluster(name: str = "edb-site-a", **spec: Any) -> Manifest:
    given = {"instances": 1, "imageName": "r/postgresql:16.10-ubi9", "storage": {"size": "1Gi"}, **spec}
    return with_defaults({"metadata": {"name": name, "namespace": "db", "uid": "u"}, "spec": given})


def test_defaulting_fills_the_spec_and_changes_nothing_the_second_time() -> None:
    given = cluster(bootstrap={"initdb": {"database": "shop"}})
    assert given["spec"]["bootstrap"]["initdb"]["owner"] == "shop"
    assert given["spec"]["monitoring"]["customQueriesConfigMap"][0]["name"] == "cnpg-default-monitoring"
    assert with_defaults(given) == given


def test_a_cluster_that_names_no_image_asks_for_postgresql_18() -> None:
    spec = with_defaults({"metadata": {"name": "c"}, "spec": {"instances": 1}})["spec"]
    assert validation.major_version(spec["imageName"]) == 18


@pytest.mark.parametrize(
    ("image", "major"),
    [
        ("docker.example.com:5000/k8s/postgresql:16.10-standard-ubi9", 16),
        ("postgresql:17", 17),
        ("r/postgresql:16.3@sha256:0123", 16),
        ("r/postgresql:latest", None),
        ("r:5000/postgresql", None),
    ],
)
def test_the_major_version_is_read_from_the_tag(image: str, major: int | None) -> None:
    assert validation.major_version(image) == major


def test_budgets_are_for_the_primary_and_from_three_instances_on_for_the_replicas() -> None:
    def budgets(**spec: Any) -> dict[str, int]:
        found = objects.disruption_budgets(COMMUNITY, cluster(**spec))
        return {name: one["spec"]["minAvailable"] for name, one in found.items() if one}

    assert budgets() == {"edb-site-a-primary": 1}
    assert budgets(instances=2) == {"edb-site-a-primary": 1}
    assert budgets(instances=3) == {"edb-site-a-primary": 1, "edb-site-a": 1}
    assert budgets(instances=3, enablePDB=False) == {}


def test_the_data_keep_the_version_that_made_them() -> None:
    given = cluster()
    given["status"] = {}
    assert status.data_version(given["status"]) is None
    status.describe(given["status"], EDB, given)
    assert status.data_version(given["status"]) == 16


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"imageName": "r/pg:latest"}, "spec.imageName", "Can't use 'latest' as image tag"),
        ({"imageName": "r/pg@sha256:01"}, "spec.imageName", "Can't use just the image sha"),
        ({"imageName": "r/pg:stable"}, "spec.imageName", "invalid version tag"),
        (
            {"affinity": {"podAntiAffinityType": "never"}},
            "spec.affinity.podAntiAffinityType",
            "pod anti-affinity type must be 'preferred' (default if empty) or 'required'",
        ),
        (
            {"affinity": {"tolerations": [{"value": "yes"}]}},
            "spec.affinity.toleration[0].operator",
            "operator must be Exists when `key` is empty",
        ),
        (
            {"affinity": {"tolerations": [{"key": "db", "operator": "Exists", "value": "yes"}]}},
            "spec.affinity.toleration[0].operator",
            "value must be empty when `operator` is 'Exists'",
        ),
        (
            {"postgresql": {"parameters": {"port": "1"}}},
            "spec.postgresql.parameters.port",
            "Can't set fixed configuration parameter",
        ),
        ({"postgresql": {"parameters": {"wal_level": "loud"}}}, "spec.postgresql.parameters.wal_level", "unrecognized"),
        (
            {"certificates": {"serverTLSSecret": "a"}},
            "spec.certificates.servercasecret",
            "Server CA secret can't be empty",
        ),
        (
            {"certificates": {"serverTLSSecret": "a", "serverCASecret": "b", "serverAltDNSNames": ["c"]}},
            "spec.certificates.serveraltdnsnames",
            "can't be defined when server TLS secret is provided",
        ),
        (
            {"certificates": {"replicationTLSSecret": "a"}},
            "spec.certificates.clientcasecret",
            "Client CA secret can't be empty",
        ),
        ({"externalClusters": [{"name": "a"}]}, "spec.externalClusters[0]", "is required"),
        (
            {"externalClusters": [{"name": "a", "connectionParameters": {}}] * 2},
            "spec.externalClusters",
            "duplicate values",
        ),
        (
            {"externalClusters": [{"name": "../a", "connectionParameters": {}}]},
            "spec.externalClusters[0].name",
            "path separator",
        ),
        ({"managed": {"roles": [{"name": "cnpg_x"}]}}, "spec.managed.roles", "reserved for operator use"),
        ({"managed": {"roles": [{"name": "a"}] * 2}}, "spec.managed.roles", "duplicate of another"),
        ({"primaryUpdateStrategy": "supervised"}, "spec.primaryUpdateStrategy", "single instance"),
        (
            {"postgresql": {"synchronous": {"method": "any", "number": 1}}},
            "spec.postgresql.synchronous",
            "must be less than the total number of instances",
        ),
        ({"storage": {}}, "spec.storage.size", "Size not configured"),
        ({"storage": {"size": "big"}}, "spec.storage.size", "Size value isn't valid"),
    ],
)
def test_what_the_webhook_refuses_is_refused(spec: Manifest, field: str, reason: str) -> None:
    (refusal,) = validation.refusals(cluster(**spec))
    assert refusal.field == field
    assert reason in refusal.reason
    assert field in validation.summary([refusal])


@pytest.mark.parametrize("name", ["a" * 51, "1a", "A", "a-"])
def test_a_name_that_no_service_could_have_is_refused(name: str) -> None:
    assert {refusal.field for refusal in validation.refusals(cluster(name))} == {"metadata.name"}


def test_a_cluster_as_the_program_makes_it_is_not_refused() -> None:
    assert validation.refusals(cluster(certificates={"serverCASecret": "ca", "serverAltDNSNames": ["pg"]})) == []


ROLE: Manifest = {"name": "site_repl", "login": True, "replication": True, "passwordSecret": {"name": "s"}}


def present(**changes: Any) -> Present:
    attributes = dict.fromkeys(("bypassrls", "createdb", "createrole", "superuser"), False)
    attributes |= dict.fromkeys(("inherit", "login", "replication"), True)
    parts: dict[str, Any] = {
        "name": "site_repl",
        "attributes": attributes,
        "connection_limit": -1,
        "valid_until": None,
        "comment": "",
        "row_version": 7,
        "member_of": frozenset[str](),
    }
    return Present(**(parts | changes))


APPLIED = {"resourceVersion": "5", "transactionID": 7}


@pytest.mark.parametrize(
    ("role", "found", "state", "version", "action"),
    [
        (ROLE, None, {}, "5", "CREATE"),
        (ROLE, present(), APPLIED, "5", "RECONCILED"),
        (ROLE, present(), {}, "5", "UPDATE"),
        (ROLE, present(), APPLIED, "6", "UPDATE"),
        (ROLE, present(row_version=8), APPLIED, "5", "UPDATE"),
        (ROLE, present(), APPLIED, None, "UPDATE"),
        (ROLE | {"login": False}, present(), APPLIED, "5", "UPDATE"),
        (ROLE | {"connectionLimit": 3}, present(), APPLIED, "5", "UPDATE"),
        (ROLE | {"validUntil": "2030-01-01T00:00:00Z"}, present(), APPLIED, "5", "UPDATE"),
        (
            ROLE | {"validUntil": "2030-01-01T01:00:00+01:00"},
            present(valid_until="2030-01-01 00:00:00+00"),
            APPLIED,
            "5",
            "RECONCILED",
        ),
        (ROLE, present(valid_until="infinity"), APPLIED, "5", "RECONCILED"),
        (ROLE | {"comment": "x"}, present(), APPLIED, "5", "SET_COMMENT"),
        (ROLE | {"inRoles": ["a"]}, present(), APPLIED, "5", "UPDATE_MEMBERSHIPS"),
        (ROLE | {"ensure": "absent"}, present(), APPLIED, "5", "DELETE"),
        (ROLE | {"ensure": "absent"}, None, {}, "5", "RECONCILED"),
    ],
)
def test_a_roles_next_action_follows_from_spec_database_and_secret(
    role: Manifest, found: Present | None, state: Manifest, version: str | None, action: str
) -> None:
    assert next_action(role, found, state, version) == action


def test_the_services_select_the_pods_of_their_group() -> None:
    for group in (COMMUNITY, EDB):
        pods = [objects.pod(group, cluster(), serial, primary=serial == 1) for serial in (1, 2)]
        behind = {
            service["metadata"]["name"]: [
                pod["metadata"]["name"]
                for pod in pods
                if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
            ]
            for service in objects.services(group, cluster())
        }
        assert behind == {
            "edb-site-a-rw": ["edb-site-a-1"],
            "edb-site-a-ro": ["edb-site-a-2"],
            "edb-site-a-r": ["edb-site-a-1", "edb-site-a-2"],
        }
        assert all(
            label.startswith((f"{group.prefix}/", "app.kubernetes.io/", "role"))
            for label in pods[0]["metadata"]["labels"]
        )


def test_a_claim_tells_whether_it_holds_data_and_leaves_the_storage_class_to_the_cluster() -> None:
    claim = objects.volume_claim(EDB, cluster(), 1)
    assert not objects.has_data(EDB, claim)
    assert "storageClassName" not in claim["spec"]
    claim["metadata"]["annotations"]["k8s.enterprisedb.io/pvcStatus"] = "ready"
    assert objects.has_data(EDB, claim)
    fast = objects.volume_claim(EDB, cluster(storage={"size": "1Gi", "storageClass": "fast"}), 1)
    assert fast["spec"]["storageClassName"] == "fast"


def test_a_server_that_stops_is_a_restart_of_its_container(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(moment: str, earlier: Manifest, *, ready: bool) -> Manifest:
        for module in ("cnpg.objects", "pods.status"):
            monkeypatch.setattr(f"lab.stand_ins.{module}.timestamp", lambda: moment)
        return objects.pod_status(earlier, "127.1.2.3", "image", ready=ready)

    first = at("then", {}, ready=True)
    assert is_true(first, "Ready")
    down = at("now", first, ready=False)
    assert not is_true(down, "Ready")
    (container,) = down["containerStatuses"]
    assert (container["restartCount"], container["state"]) == (1, {"running": {"startedAt": "now"}})
    again = at("later", down, ready=True)
    assert again["containerStatuses"][0]["restartCount"] == 1
    assert {one["type"]: one["lastTransitionTime"] for one in again["conditions"]} == {
        "PodReadyToStartContainers": "then",
        "Initialized": "then",
        "Ready": "later",
        "ContainersReady": "later",
        "PodScheduled": "then",
    }


def test_ready_is_the_phases_other_form_and_initialized_stays() -> None:
    now: Manifest = {}
    status.set_bootstrapped(now, done=False)
    status.set_phase(now, status.FIRST_PRIMARY, "Creating primary instance edb-site-a-1")
    assert conditions(now) == {"Initialized": "False", "Ready": "False"}
    status.set_bootstrapped(now, done=True)
    status.set_phase(now, status.HEALTHY)
    assert "phaseReason" not in now
    status.set_bootstrapped(now, done=False)
    assert conditions(now) == {"Initialized": "True", "Ready": "True"}


def conditions(now: Manifest) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in now["conditions"]}


def test_only_instances_that_run_are_counted_as_ready() -> None:
    now: Manifest = {}
    status.count(now, ["c-1", "c-2"], [InstanceState("c-1", "127.1.1.1", primary=True, timeline=1)])
    assert (now["instances"], now["readyInstances"]) == (2, 1)
    assert now["instancesStatus"] == {"healthy": ["c-1"]}


def test_the_servers_certificate_is_good_for_its_services_and_the_specs_names() -> None:
    names = certificates.server_names(cluster(certificates={"serverAltDNSNames": ["pg-site-a.rhsi.svc"]}))
    assert {"edb-site-a-rw", "edb-site-a-r.db.svc", "edb-site-a-ro.db.svc.cluster.local"} < set(names)
    assert names[-1] == "pg-site-a.rhsi.svc"
    pair = pki.issue_server(pki.create_authority("edb-site-a", "db"), "edb-site-a-rw", names)
    assert hosts(x509.load_pem_x509_certificate(pair.certificate)) == set(names)
    assert pki.is_current(pair.certificate, names)
    assert not pki.is_current(pair.certificate, [*names, "another"])


def test_a_certificate_that_is_about_to_end_is_not_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "LIFETIME", timedelta(days=6))
    pair = pki.issue_server(pki.create_authority("c", "db"), "c-rw", ["c-rw"])
    assert not pki.is_current(pair.certificate, ["c-rw"])


def test_a_ca_with_an_rsa_key_signs_nothing_and_a_foreign_key_is_noticed() -> None:
    authority = pki.create_authority("c", "db")
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    with pytest.raises(CertificateError, match="invalid private key PEM block type"):
        pki.issue_client(Pair(authority.certificate, pem), "streaming_replica")
    with pytest.raises(CertificateError, match="private key does not match public key"):
        pki.check(Pair(authority.certificate, pki.create_authority("d", "db").key))


def test_a_generated_secret_carries_every_form_of_the_connection() -> None:
    data = credentials.connection_data("edb-site-a-rw", "db", "app", "app", "p w")
    assert data["uri"] == "postgresql://app:p%20w@edb-site-a-rw.db:5432/app"
    assert data["fqdn-jdbc-uri"] == (
        "jdbc:postgresql://edb-site-a-rw.db.svc.cluster.local:5432/app?password=p+w&user=app"
    )
    assert data["pgpass"] == "edb-site-a-rw:5432:app:app:p w\n"


def test_a_password_secret_without_a_key_says_which() -> None:
    encoded = base64.b64encode(b"x").decode()
    with pytest.raises(credentials.CredentialError, match="Missing 'password' field"):
        credentials.user_and_password({"data": {"username": encoded}})


def test_kubernetes_halves_the_dollars_of_statements_but_not_of_files() -> None:
    initdb = {
        "postInitApplicationSQL": ["DO $$ BEGIN END $$"],
        "postInitApplicationSQLRefs": {
            "configMapRefs": [{"name": "later", "key": "k"}],
            "secretRefs": [{"name": "first", "key": "k"}],
        },
    }
    plan = bootstrap.Plan.of(cluster(bootstrap={"initdb": initdb}), lambda kind, found: f"{kind} {found['name']} $$")
    assert plan.application.statements == ("DO $ BEGIN END $",)
    assert plan.application.files == ("secret first $$", "config map later $$")
    assert plan.postgres == bootstrap.Scripts((), ())


def test_initdb_gets_the_specs_options_and_deprecated_ones_stand_alone() -> None:
    initdb = {"encoding": "UTF8", "localeCollate": "C", "localeCType": "C", "dataChecksums": True, "walSegmentSize": 32}
    assert bootstrap.options(initdb) == ["-k", "--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C", "--wal-segsize=32"]
    assert bootstrap.options(initdb | {"options": ["--no-locale"]}) == ["--no-locale"]
    assert bootstrap.options({"walSegmentSize": 3}) == []


def test_a_replica_is_known_by_its_certificate_and_has_a_slot_of_its_own() -> None:
    found = replicas.conninfo(cluster(), "edb-site-a-2", "127.1.2.3")
    assert "application_name='edb-site-a-2'" in found
    assert "hostaddr='127.1.2.3'" in found
    assert "sslmode='verify-ca'" in found
    assert replicas.slot(cluster(), "edb-site-a-2") == "_cnpg_edb_site_a_2"
