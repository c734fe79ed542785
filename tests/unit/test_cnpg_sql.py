"""What CloudNativePG's stand-in says to PostgreSQL: statements, connection strings, passfiles, files of rules."""

import pytest

from lab.kube import Manifest
from lab.stand_ins.cnpg import connections, host_based_access, parameters, sql
from lab.stand_ins.cnpg.connections import SecretFile

TABLE = {"table": {"schema": "public", "name": "site_a_data"}}


@pytest.mark.parametrize(
    ("name", "quoted"), [("app", '"app"'), ('a"b', '"a""b"'), ("Site A", '"Site A"'), ("a\0b", '"ab"')]
)
def test_an_identifier_is_quoted(name: str, quoted: str) -> None:
    assert sql.identifier(name) == quoted


@pytest.mark.parametrize(
    ("text", "quoted"), [("plain", "'plain'"), ("it's", "'it''s'"), ("back\\slash", " E'back\\\\slash'")]
)
def test_a_literal_is_quoted_and_backslashes_are_escaped(text: str, quoted: str) -> None:
    assert sql.literal(text) == quoted


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"allTables": True}, "FOR ALL TABLES"),
        ({"objects": [TABLE]}, 'FOR TABLE "public"."site_a_data"'),
        (
            {"objects": [TABLE, {"table": {"name": "t", "only": True, "columns": ["id", "x"]}}]},
            'FOR TABLE "public"."site_a_data", ONLY "t" ("id", "x")',
        ),
        (
            {"objects": [TABLE, {"tablesInSchema": "shop"}, TABLE]},
            'FOR TABLE "public"."site_a_data", TABLES IN SCHEMA "shop", TABLE "public"."site_a_data"',
        ),
    ],
)
def test_a_publication_is_created_for_its_target(target: Manifest, words: str) -> None:
    assert sql.create_publication({"name": "pub", "target": target}) == f'CREATE PUBLICATION "pub" {words}'


def test_an_existing_publication_is_altered_to_the_spec() -> None:
    spec = {"name": "pub", "target": {"objects": [TABLE]}, "parameters": {"publish": "insert, update"}}
    assert sql.alter_publication(spec) == [
        'ALTER PUBLICATION "pub" SET TABLE "public"."site_a_data"',
        """ALTER PUBLICATION "pub" SET ("publish" = 'insert, update')""",
    ]
    assert sql.alter_publication({"name": "pub", "target": {"allTables": True}}) == []


def test_a_subscription_is_created_with_its_parameters_in_order() -> None:
    spec = {"name": "sub", "publicationName": "pub", "parameters": {"origin": "none", "copy_data": "true"}}
    assert sql.create_subscription(spec, "host='b'") == (
        """CREATE SUBSCRIPTION "sub" CONNECTION 'host=''b''' PUBLICATION "pub" """
        """WITH ("copy_data" = 'true', "origin" = 'none')"""
    )


def test_a_subscription_is_altered_by_what_can_be_changed_only() -> None:
    spec = {"name": "sub", "publicationName": "pub", "parameters": {"origin": "none", "copy_data": "true"}}
    assert sql.alter_subscription(spec, "host='b'", 16) == [
        'ALTER SUBSCRIPTION "sub" SET PUBLICATION "pub"',
        """ALTER SUBSCRIPTION "sub" CONNECTION 'host=''b'''""",
        """ALTER SUBSCRIPTION "sub" SET ("origin" = 'none')""",
    ]
    two_phase = spec | {"parameters": {"two_phase": "true"}}
    assert sql.alter_subscription(two_phase, "", 17)[-1] == 'ALTER SUBSCRIPTION "sub" SET ()'
    assert sql.alter_subscription(two_phase, "", 18)[-1] == """ALTER SUBSCRIPTION "sub" SET ("two_phase" = 'true')"""
    unchangeable = spec | {"parameters": {"copy_data": "true"}}
    assert sql.alter_subscription(unchangeable, "", 16)[-1] == 'ALTER SUBSCRIPTION "sub" SET ()', (
        "upstream's own mistake"
    )


EXTERNAL: Manifest = {
    "name": "edb-site-b",
    "connectionParameters": {"host": "pg-site-b.rhsi.svc", "port": "5432", "user": "site_repl", "dbname": "app"},
    "password": {"name": "edb-site-b-replicator", "key": "password"},
    "sslRootCert": {"name": "pg-ca", "key": "ca.crt"},
}


def test_a_connection_string_names_files_and_no_password() -> None:
    assert connections.connection_string(EXTERNAL) == (
        "dbname='app' host='pg-site-b.rhsi.svc' passfile='/controller/external/edb-site-b/pgpass' port='5432' "
        "sslrootcert='/controller/external/edb-site-b/pg-ca_ca.crt' user='site_repl'"
    )
    assert "dbname='other'" in connections.connection_string(EXTERNAL, "other")


def test_the_files_of_a_connection_string_come_from_its_secrets() -> None:
    assert list(connections.files(EXTERNAL)) == [
        SecretFile("edb-site-b/pg-ca_ca.crt", "pg-ca", "ca.crt"),
        SecretFile("edb-site-b/pgpass", "edb-site-b-replicator", "password", EXTERNAL["connectionParameters"]),
    ]


def test_a_passfile_matches_any_database_and_escapes_what_would_part_it() -> None:
    assert connections.passfile({"host": "h", "port": "5432", "user": "u"}, "a:b\\c") == "h:5432:*:u:a\\:b\\\\c"
    assert connections.passfile({}, "p") == "*:*:*:*:p"


def test_the_users_rules_stand_between_the_fixed_ones_and_the_default() -> None:
    text = host_based_access.rules(["hostssl app site_repl all scram-sha-256", "host all site_repl all reject"])
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == [
        "local all cnpg_metrics_exporter peer map=cnpg_metrics_exporter",
        "local all all peer map=local",
        "hostssl postgres streaming_replica all cert map=cnpg_streaming_replica",
        "hostssl replication streaming_replica all cert map=cnpg_streaming_replica",
        "hostssl all cnpg_pooler_pgbouncer all cert map=cnpg_pooler_pgbouncer",
        "hostssl app site_repl all scram-sha-256",
        "host all site_repl all reject",
        "host all all all scram-sha-256",
    ]


def test_the_servers_user_is_postgres_in_the_map_of_names() -> None:
    lines = host_based_access.names(["mine a b"]).splitlines()
    assert "local postgres postgres" in lines
    assert "mine a b" in lines


def cluster(**postgresql: object) -> Manifest:
    return {"metadata": {"name": "c"}, "spec": {"postgresql": {"parameters": {}, **postgresql}}, "status": {}}


def test_settings_are_the_defaults_then_the_users_then_those_that_nobody_changes() -> None:
    found = parameters.on_disk(cluster(parameters={"wal_sender_timeout": "60s", "ssl": "off", "port": "1"}))
    assert (found["wal_sender_timeout"], found["wal_receiver_timeout"]) == ("60s", "5s")
    assert (found["ssl"], found["port"], found["cluster_name"], found["archive_mode"]) == ("on", "5432", "c", "on")


def test_defaulting_keeps_what_is_forbidden_for_validation_to_see() -> None:
    assert parameters.in_spec({"ssl": "off"})["ssl"] == "off"
    assert parameters.in_spec({})["wal_level"] == "logical"


def test_a_configuration_file_is_sorted_and_quoted() -> None:
    assert parameters.render({"b": "it's", "a": "1\\2"}) == "a = '1\\\\2'\nb = 'it''s'\n"


@pytest.mark.parametrize(
    ("synchronous", "names"),
    [
        ({"method": "any", "number": 1}, 'ANY 1 ("c-2","c-3","c-1")'),
        ({"method": "first", "number": 2, "standbyNamesPre": ["x"]}, 'FIRST 2 ("x","c-2","c-3","c-1")'),
        ({"method": "any", "number": 2, "dataDurability": "preferred"}, 'ANY 1 ("c-2")'),
    ],
)
def test_commits_wait_for_the_replicas_that_are_asked_for(synchronous: Manifest, names: str) -> None:
    found = cluster(synchronous=synchronous)
    found["status"] = {
        "currentPrimary": "c-1",
        "instanceNames": ["c-1", "c-2", "c-3"],
        "instancesStatus": {"healthy": ["c-1", "c-2"]},
    }
    assert parameters.synchronous_standby_names(found) == names


def test_a_synchronous_cluster_without_instances_waits_for_somebody_who_never_comes() -> None:
    found = cluster(synchronous={"method": "any", "number": 1})
    assert parameters.synchronous_standby_names(found) == 'ANY 1 ("c-placeholder")'
    assert parameters.synchronous_standby_names(cluster()) == ""
