"""The replicated databases: manifests, and the graph of one site's cluster with its half of the replication."""

import base64
import dataclasses
import json
from typing import Any

import pulumi
import pytest

from components import script_job
from components.container_resources import NONE
from components.edb import logical_replication, names, registry, replication_test
from components.edb.backup import RecoveryArgs, object_store_spec, scheduled_backup_spec
from components.edb.cluster import EdbCluster, cluster_spec
from components.edb.logical_replication import LogicalReplication
from components.edb.options import PoolerArgs
from components.script_job import ScriptJobArgs
from tests.arguments import RUNTIME, edb_cluster, edb_replication
from tests.unit.recorder import SECRET_KEY, Graph, record_component, reveal

GROUP = "kubernetes:postgresql.k8s.enterprisedb.io/v1"
CLUSTER, PUBLICATION, SUBSCRIPTION = (f"{GROUP}:{kind}" for kind in ("Cluster", "Publication", "Subscription"))
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ARGS = edb_cluster(operator="edb", image="docker.enterprisedb.com/k8s/postgresql:16.10-standard-ubi9")
REPLICATION = edb_replication(operator="edb")
BACKUP = dataclasses.replace(ARGS.backup, destination_path="s3://backups/databases", credentials="s3")


def spec(**changes: Any) -> dict[str, Any]:
    return cluster_spec(dataclasses.replace(ARGS, **changes))


def cluster(**changes: Any) -> Graph:
    return record_component(
        lambda: {"cluster": EdbCluster("db", dataclasses.replace(ARGS, **changes)).cluster},
    )


def replication(applied: dict[str, Any] | None = None, *, preview: bool = False, **changes: Any) -> Graph:
    def build() -> dict[str, pulumi.Output[str]]:
        half = LogicalReplication("db", dataclasses.replace(REPLICATION, **changes))
        return {"publication": half.publication, "subscription": half.subscription}

    return record_component(build, preview=preview, applied={"applied": True} if applied is None else applied)


def test_all_names_follow_from_the_sites() -> None:
    assert names.cluster_name("site-a") == "edb-site-a"
    assert names.superuser_secret("site-a") == "edb-site-a-superuser"
    assert names.table_name("site-a") == "site_a_data"
    assert names.publication_name("site-a") == "site_a_pub"
    assert names.subscription_name("site-b", "site-a") == "site_b_from_site_a"
    assert names.link_host("site-a", "rhsi") == "pg-site-a.rhsi.svc.cluster.local"


def test_a_single_instance_has_no_budget_that_would_block_its_node() -> None:
    assert (spec()["instances"], spec()["enablePDB"]) == (1, False)
    assert spec(instances=3)["enablePDB"] is True


def test_optional_parts_are_absent_unless_asked_for() -> None:
    optional = {"imagePullSecrets", "resources", "plugins"}
    assert not optional & set(spec())
    assert "storageClass" not in spec()["storage"]
    assert "synchronous" not in spec()["postgresql"]
    asked = spec(
        pull_secret="edb-repos2-token",
        resources={"requests": {"cpu": "1"}},
        storage_class="fast",
        instances=3,
        synchronous_replicas=1,
        backup=BACKUP,
    )
    assert optional < set(asked)
    assert asked["imagePullSecrets"] == [{"name": "edb-repos2-token"}]
    assert asked["storage"] == {"size": "10Gi", "storageClass": "fast"}
    assert asked["postgresql"]["synchronous"] == {"method": "any", "number": 1}


def test_the_settings_say_otherwise_about_the_budget() -> None:
    assert spec(disruption_budget=True)["enablePDB"] is True
    assert spec(instances=3, disruption_budget=False)["enablePDB"] is False


def test_without_access_the_superuser_has_no_password() -> None:
    assert spec()["superuserSecret"] == {"name": "edb-site-a-superuser"}
    without = spec(superuser_access=False)
    assert without["enableSuperuserAccess"] is False
    assert "superuserSecret" not in without


def test_more_lines_of_access_come_after_those_of_the_replication() -> None:
    line = "hostssl app reporting 10.0.0.0/8 scram-sha-256"
    assert spec(pg_hba=[line])["postgresql"]["pg_hba"] == [*spec()["postgresql"]["pg_hba"], line]


def test_instances_keep_to_the_nodes_that_are_asked_for() -> None:
    assert not {"affinity", "topologySpreadConstraints"} & set(spec())
    asked = dataclasses.replace(
        ARGS.placement,
        anti_affinity="required",
        topology_key="topology.kubernetes.io/zone",
        node_selector={"disk": "fast"},
        tolerations=[{"key": "db", "operator": "Exists"}],
        spread=[{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}],
    )
    found = spec(placement=asked)
    assert found["affinity"] == {
        "podAntiAffinityType": "required",
        "topologyKey": "topology.kubernetes.io/zone",
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "db", "operator": "Exists"}],
    }
    (spread,) = found["topologySpreadConstraints"]
    assert spread["labelSelector"] == {
        "matchLabels": {"k8s.enterprisedb.io/cluster": "edb-site-a", "k8s.enterprisedb.io/podRole": "instance"}
    }
    careless = dataclasses.replace(ARGS.placement, anti_affinity="none")
    assert spec(placement=careless)["affinity"] == {"enablePodAntiAffinity": False}


def test_parameters_are_the_users_above_the_programs() -> None:
    assert spec(parameters={"max_slot_wal_keep_size": "1GB", "work_mem": "8MB"})["postgresql"]["parameters"] == {
        "wal_sender_timeout": "60s",
        "wal_receiver_timeout": "60s",
        "max_slot_wal_keep_size": "1GB",
        "work_mem": "8MB",
    }


def test_the_peer_is_reached_through_the_link_with_the_replication_role() -> None:
    (peer,) = spec()["externalClusters"]
    assert peer["name"] == "edb-site-b-require"
    assert peer["connectionParameters"] == {
        "host": "pg-site-b.rhsi.svc.cluster.local",
        "port": "5432",
        "user": "site_repl",
        "dbname": "app",
        "sslmode": "require",
        "connect_timeout": "10",
    }
    assert peer["password"] == {"name": "edb-site-b-replicator", "key": "password"}
    assert "sslRootCert" not in peer


def test_verify_full_brings_the_shared_authority_and_is_seen_in_the_subscription() -> None:
    strict = spec(tls="verify-full")
    (peer,) = strict["externalClusters"]
    assert strict["certificates"] == {
        "serverCASecret": "edb-ca",
        "serverAltDNSNames": ["pg-site-a.rhsi.svc.cluster.local", "pg-site-a.rhsi.svc", "pg-site-a.rhsi"],
    }
    assert peer["sslRootCert"] == {"name": "edb-ca", "key": "ca.crt"}
    args = dataclasses.replace(REPLICATION, tls="verify-full")
    assert logical_replication.subscription_spec(args)["externalClusterName"] == peer["name"]
    assert logical_replication.subscription_spec(REPLICATION)["externalClusterName"] != peer["name"]


def test_no_password_is_in_what_the_bootstrap_runs() -> None:
    initdb = spec()["bootstrap"]["initdb"]
    assert initdb["postInitSQL"] == ['CREATE ROLE "site_repl" WITH LOGIN REPLICATION']
    assert initdb["secret"] == {"name": "edb-site-a-app"}


def test_the_peers_subscription_gives_way_on_the_standby_only() -> None:
    limit = "ALTER ROLE \"site_repl\" SET lock_timeout = '30s'"
    assert spec(bounds_slot_wait=True)["bootstrap"]["initdb"]["postInitSQL"][1:] == [limit]


def test_a_recovery_takes_the_place_of_the_empty_database() -> None:
    recovered = spec(
        backup=dataclasses.replace(BACKUP, server_name="edb-site-a-2"),
        recovery=RecoveryArgs(server_name="edb-site-a", target_time="2026-11-23T21:30:00Z"),
    )
    assert recovered["bootstrap"] == {
        "recovery": {
            "database": "app",
            "owner": "app",
            "secret": {"name": "edb-site-a-app"},
            "source": "backups",
            "recoveryTarget": {"targetTime": "2026-11-23T21:30:00Z"},
        }
    }
    source = recovered["externalClusters"][1]
    assert (source["name"], source["plugin"]["parameters"]["serverName"]) == ("backups", "edb-site-a")
    (archiver,) = recovered["plugins"]
    assert archiver["parameters"] == {"barmanObjectName": "edb-site-a", "serverName": "edb-site-a-2"}


def test_an_object_store_without_credentials_trusts_the_pods_role() -> None:
    store = object_store_spec(
        dataclasses.replace(ARGS.backup, destination_path="s3://b", endpoint_url="https://store"), NONE
    )
    assert store["configuration"]["s3Credentials"] == {"inheritFromIAMRole": True}
    assert store["configuration"]["endpointURL"] == "https://store"
    named = object_store_spec(BACKUP, NONE)["configuration"]["s3Credentials"]
    assert named["accessKeyId"] == {"name": "s3", "key": "ACCESS_KEY_ID"}


def test_what_a_store_is_asked_for_is_absent_until_somebody_chooses_it() -> None:
    assert object_store_spec(BACKUP, NONE)["configuration"].keys() == {"destinationPath", "s3Credentials"}
    chosen = dataclasses.replace(
        BACKUP,
        endpoint_url="https://store",
        endpoint_ca="store-ca",
        region_key="REGION",
        compression="lz4",
        wal_compression="zstd",
        encryption="AES256",
        data_jobs=4,
        wal_max_parallel=8,
        tags={"team": "databases"},
    )
    assert object_store_spec(chosen, NONE)["configuration"] == {
        "destinationPath": "s3://backups/databases",
        "endpointURL": "https://store",
        "endpointCA": {"name": "store-ca", "key": "ca.crt"},
        "s3Credentials": {
            "accessKeyId": {"name": "s3", "key": "ACCESS_KEY_ID"},
            "secretAccessKey": {"name": "s3", "key": "ACCESS_SECRET_KEY"},
            "region": {"name": "s3", "key": "REGION"},
        },
        "data": {"compression": "lz4", "encryption": "AES256", "jobs": 4},
        "wal": {"compression": "zstd", "encryption": "AES256", "maxParallel": 8},
        "tags": {"team": "databases"},
    }
    assert scheduled_backup_spec(BACKUP, "db")["immediate"]
    assert not scheduled_backup_spec(dataclasses.replace(BACKUP, immediate=False), "db")["immediate"]


def test_the_pods_take_on_a_role_by_their_service_account() -> None:
    assert "serviceAccountTemplate" not in spec(backup=BACKUP)
    role = "arn:aws:iam::123456789012:role/backups"
    template = spec(backup=dataclasses.replace(BACKUP, credentials="", iam_role=role))["serviceAccountTemplate"]
    assert template == {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}


def test_the_cluster_waits_for_its_schema_and_is_protected() -> None:
    graph = cluster()
    database = graph.one(CLUSTER)
    assert graph.waits_for(database, graph.one(CONFIG_MAP))
    assert database.protect
    assert not cluster(protect=False).one(CLUSTER).protect
    assert json.loads(database.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]) == ["condition=Ready"]
    assert 'CREATE PUBLICATION "site_a_pub"' in graph.one(CONFIG_MAP).inputs["data"]["schema.sql"]
    assert graph.exports == {"cluster": "edb-site-a"}


def test_options_are_registered_after_the_cluster_and_only_when_asked_for() -> None:
    kinds = [f"{GROUP}:ScheduledBackup", f"{GROUP}:Pooler", "kubernetes:monitoring.coreos.com/v1:PodMonitor"]
    plain = cluster()
    assert not any(plain.of_type(kind) for kind in kinds)
    full = cluster(backup=BACKUP, pooler=PoolerArgs(instances=2, mode="session"), monitoring=True)
    for kind in kinds:
        assert full.waits_for(full.one(kind), full.one(CLUSTER)), kind
    store = full.one("kubernetes:barmancloud.cnpg.io/v1:ObjectStore")
    assert full.waits_for(full.one(CLUSTER), store), "the archiver needs its store from the first WAL file on"


def test_the_operators_group_and_labels_are_one_setting() -> None:
    graph = cluster(operator="community", monitoring=True)
    assert graph.of_type("kubernetes:postgresql.cnpg.io/v1:Cluster")
    selector = graph.one("kubernetes:monitoring.coreos.com/v1:PodMonitor").inputs["spec"]["selector"]
    assert selector == {"matchLabels": {"cnpg.io/cluster": "edb-site-a"}}
    assert cluster(monitoring=True).one("kubernetes:monitoring.coreos.com/v1:PodMonitor").inputs["spec"][
        "selector"
    ] == {"matchLabels": {"k8s.enterprisedb.io/cluster": "edb-site-a"}}


def test_a_subscription_follows_its_publication_and_is_awaited() -> None:
    graph = replication()
    publication, subscription = graph.one(PUBLICATION), graph.one(SUBSCRIPTION)
    assert graph.waits_for(subscription, publication)
    for half in (publication, subscription):
        waits = json.loads(half.inputs["metadata"]["annotations"]["pulumi.com/waitFor"])
        assert waits == ["jsonpath={.status.applied}=true"]
        assert half.timeouts["delete"] == "2m"
        assert (half.delete_before_replace, half.replace_on_changes) == (True, logical_replication.IMMUTABLE)
    assert graph.exports == {"publication": "site_a_pub", "subscription": "site_a_from_site_b"}


def test_the_first_site_does_not_await_a_peer_that_is_not_there_yet() -> None:
    subscription = replication(awaited=False, applied={"applied": True}).one(SUBSCRIPTION)
    assert "annotations" not in subscription.inputs["metadata"]


def test_rows_that_came_from_elsewhere_are_not_sent_back_and_slots_go_with_their_subscription() -> None:
    wanted = logical_replication.subscription_spec(REPLICATION)
    assert wanted["parameters"] == {"origin": "none", "copy_data": "true"}
    assert wanted["publicationName"] == "site_b_pub"
    assert wanted["subscriptionReclaimPolicy"] == "delete"
    published = logical_replication.publication_spec(REPLICATION)
    assert published["target"] == {"objects": [{"table": {"schema": "public", "name": "site_a_data"}}]}
    retained = logical_replication.subscription_spec(dataclasses.replace(REPLICATION, reclaim_policy="retain"))
    assert retained["subscriptionReclaimPolicy"] == "retain"


def test_a_publication_goes_with_its_cluster_only() -> None:
    for policy in ("delete", "retain"):
        wanted = logical_replication.publication_spec(dataclasses.replace(REPLICATION, reclaim_policy=policy))
        assert wanted["publicationReclaimPolicy"] == "retain"


def test_a_site_can_publish_without_subscribing() -> None:
    graph = replication(subscribe=False)
    assert graph.of_type(PUBLICATION)
    assert not graph.of_type(SUBSCRIPTION)
    assert graph.exports["subscription"] == ""


def test_what_was_not_applied_is_told_in_the_operators_words() -> None:
    status = {"applied": False, "message": "while creating subscription: could not connect to the publisher"}
    with pytest.raises(Exception, match="site_a_pub is not applied, the operator says: while creating subscription"):
        replication(status)
    with pytest.raises(Exception, match="the operator says: nothing yet"):
        replication({})


def test_a_preview_knows_nothing_of_what_will_be_applied() -> None:
    graph = replication(preview=True)
    assert graph.of_type(SUBSCRIPTION)


def test_a_pull_secret_is_what_container_runtimes_read() -> None:
    token = "-".join(["the", "token"])
    entry = json.loads(registry.docker_config("docker.enterprisedb.com", "k8s", token))["auths"][
        "docker.enterprisedb.com"
    ]
    assert (entry["username"], entry["password"]) == ("k8s", token)
    assert base64.b64decode(entry["auth"]).decode() == f"k8s:{token}"


def test_the_token_shows_nowhere_but_in_the_secret() -> None:
    token = "-".join(["the", "token"])
    args = registry.PullSecretArgs(
        secret="pull", namespace="db", server="registry.example.com", user="k8s", token=token
    )
    graph = record_component(lambda: {"secret": registry.PullSecret("pull", args).secret})
    secret = graph.one("kubernetes:core/v1:Secret")
    assert secret.inputs["type"] == "kubernetes.io/dockerconfigjson"
    assert SECRET_KEY in secret.inputs["data"]
    config = json.loads(base64.b64decode(reveal(secret.inputs["data"])[".dockerconfigjson"]))
    assert config["auths"]["registry.example.com"]["password"] == token
    assert graph.leaks(token, f"k8s:{token}") == []
    assert graph.exports == {"secret": "pull"}


def test_a_template_of_the_pull_secret_gives_the_same_file() -> None:
    template = registry.docker_config_template("registry.example.com", "k8s")
    filled = template.replace("{{ .token | toJson }}", '"t"').replace(
        '{{ printf "%s:%s" "k8s" .token | b64enc }}', base64.b64encode(b"k8s:t").decode()
    )
    assert json.loads(filled) == json.loads(registry.docker_config("registry.example.com", "k8s", "t"))


def smoke_test_job(tls: str) -> ScriptJobArgs:
    args = replication_test.ReplicationTestArgs(
        site="site-b",
        peer="site-a",
        link="link-1",
        namespace="db",
        skupper_namespace="rhsi",
        database="app",
        tls=tls,
        taken="",
        runtime=RUNTIME,
    )
    return replication_test.script_job(args)


def test_the_smoke_test_connects_as_the_databases_do_and_gets_the_authority_without_its_key() -> None:
    job = smoke_test_job("verify-full")
    assert job.environment["PGSSLMODE"] == "verify-full"
    assert job.environment["PGSSLROOTCERT"] == "/secrets/ca/ca.crt"
    (volume,) = [one for one in script_job.pod_spec(job)["volumes"] if one["name"] == "ca"]
    assert volume["secret"] == {
        "secretName": "edb-ca",
        "defaultMode": 0o440,
        "items": [{"key": "ca.crt", "path": "ca.crt"}],
    }
    # The certificate of the site's own cluster has the short forms of its names with every version of the operator.
    assert job.environment["OWN_HOST"] == "edb-site-b-rw.db.svc"
    usual = smoke_test_job("require")
    assert usual.environment["PGSSLMODE"] == "require"
    assert "PGSSLROOTCERT" not in usual.environment


def test_the_smoke_tests_passwords_are_files_and_it_has_no_rights() -> None:
    job = smoke_test_job("require")
    assert job.secrets == {"own": "edb-site-b-app", "peer": "edb-site-a-app"}
    assert job.rules == []
    assert job.environment["PEER_HOST"] == "pg-site-a.rhsi.svc.cluster.local"
    assert job.environment["OWN_HOST"] == "edb-site-b-rw.db.svc.cluster.local"
    assert not [name for name in job.environment if "PASSWORD" in name]
