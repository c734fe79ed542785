"""People's own tables: who publishes what, the SQL of the first boot, and the graph of both sites with them."""

import json
from typing import Any

import pulumi
import pytest

from components.edb import published_tables
from components.edb.cluster import InitSqlArgs, boot_scripts, cluster_spec
from components.edb.logical_replication import publication_spec, subscription_spec
from components.edb.published import fingerprint, overlaps, published
from lab.stand_ins.cnpg.connections import connection_string, files
from lab.status.logical import source_of
from tests.arguments import RUNTIME, edb_cluster, edb_replication
from tests.unit.recorder import PRIMARY, PRIMARY_OUTPUTS, SEALED, STANDBY, Graph, record, reveal

GROUP = "kubernetes:postgresql.cnpg.io/v1"
CLUSTER, PUBLICATION, SUBSCRIPTION = (f"{GROUP}:{kind}" for kind in ("Cluster", "Publication", "Subscription"))
JOB, CONFIG_MAP, KV = "kubernetes:batch/v1:Job", "kubernetes:core/v1:ConfigMap", "vault:kv/secretV2:SecretV2"
OURS = published(["sales.orders", "sales.Lines"], ["crm"])
EDB: dict[str, Any] = {"enabled": True, "operator": "community", "publish": {"tables": ["sales.orders"]}}
SAID = {"sales.orders": "table"}


def primary(vault: dict[str, dict[str, str]] | None = None, *, preview: bool = False, **edb: Any) -> Graph:
    return record({**PRIMARY, "edb": {**EDB, **edb}}, stack="site-a", vault=vault or {}, preview=preview)


def standby(told: dict[str, str] | None = SAID, *, preview: bool = False, **edb: Any) -> Graph:
    edb = {**EDB, "publish": {"tables": ["stock.levels"]}, **edb}
    edb = {key: value for key, value in edb.items() if value is not None}
    outputs = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], **({"published": told} if told else {})}}
    return record({**STANDBY, "edb": edb}, stack="site-b", primary_outputs=outputs, preview=preview)


def environment(graph: Graph, job: str) -> dict[str, str]:
    (container,) = graph.named(JOB, job).inputs["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (["sales.orders"], ["sales.lines"], []),
        (["sales.orders"], ["sales.orders"], [("sales.orders", "sales.orders")]),
        (["sales.orders"], ["sales.Orders"], []),
        (["sales.orders"], ["sales"], [("sales.orders", "sales")]),
        (["sales"], ["sales.orders"], [("sales", "sales.orders")]),
        (["sales"], ["sales"], [("sales", "sales")]),
        (["sales"], ["sales2.orders", "sales2"], []),
    ],
)
def test_a_table_has_one_publisher_and_a_schema_means_all_its_tables(
    own: list[str], theirs: list[str], expected: list[tuple[str, str]]
) -> None:
    def of(names: list[str]) -> dict[str, str]:
        return published([one for one in names if "." in one], [one for one in names if "." not in one])

    assert overlaps(of(own), of(theirs)) == expected


def test_a_fingerprint_tells_lists_and_wishes_apart_and_not_their_order() -> None:
    first = fingerprint({"a.b": "table", "c": "schema"}, 0)
    assert first == fingerprint({"c": "schema", "a.b": "table"}, 0)
    assert len({first, fingerprint({"a.b": "table"}, 0), fingerprint({"a.b": "table"}, 1), fingerprint({}, 0)}) == 4


def test_a_publication_names_tables_first_and_quotes_nothing_itself() -> None:
    args = edb_replication(published=OURS)
    assert publication_spec(args)["target"]["objects"] == [
        {"table": {"schema": "sales", "name": "Lines"}},
        {"table": {"schema": "sales", "name": "orders"}},
        {"tablesInSchema": "crm"},
    ]
    assert publication_spec(edb_replication())["target"]["objects"] == [
        {"table": {"schema": "public", "name": "site_a_data"}}
    ]


def test_the_first_boot_runs_secrets_statements_config_maps_and_then_this_programs_own() -> None:
    init = InitSqlArgs(statements=["CREATE SCHEMA a;", "SELECT $$x$$"], config_maps=[("m", "k")], secrets=[("s", "t")])
    args = edb_cluster(init=init, published=OURS)
    initdb = cluster_spec(args)["bootstrap"]["initdb"]
    assert "postInitApplicationSQL" not in initdb
    assert initdb["postInitApplicationSQLRefs"] == {
        "secretRefs": [{"name": "s", "key": "t"}],
        "configMapRefs": [
            {"name": "edb-site-a-schema", "key": "init.sql"},
            {"name": "m", "key": "k"},
            {"name": "edb-site-a-schema", "key": "schema.sql"},
        ],
    }
    scripts = boot_scripts(args)
    assert scripts["init.sql"] == "CREATE SCHEMA a\n;\nSELECT $$x$$\n;\n"
    assert 'CREATE PUBLICATION "site_a_pub";' in scripts["schema.sql"]
    assert "OWNER TO" in scripts["schema.sql"]
    assert 'ADD TABLE "sales"."Lines"' in scripts["schema.sql"]
    assert "site_a_data" not in scripts["schema.sql"]


def test_tables_that_exist_already_are_not_made_and_the_demonstrations_are_no_more() -> None:
    scripts = boot_scripts(edb_cluster(published=OURS))
    assert list(scripts) == ["schema.sql"]
    assert "CREATE TABLE" not in scripts["schema.sql"]
    assert "OWNER TO" not in scripts["schema.sql"]


def test_another_list_of_the_peer_is_another_entry_that_the_subscription_names() -> None:
    name = "edb-site-b-require"
    assert subscription_spec(edb_replication())["externalClusterName"] == name
    assert cluster_spec(edb_cluster())["externalClusters"][0]["name"] == name
    found = primary({"site-b/edb-published": {"stock.levels": "table"}})
    entry = f"{name}-{fingerprint({'stock.levels': 'table'}, 0)}"
    assert found.one(SUBSCRIPTION).inputs["spec"]["externalClusterName"] == entry
    assert found.one(CLUSTER).inputs["spec"]["externalClusters"][1]["name"] == entry


def test_a_running_subscription_keeps_its_files_whatever_the_peer_publishes_next() -> None:
    """Its connection string is altered after the Cluster, and not at all where the check in between says no."""
    paths = set()
    for told in ("stock.levels", "stock.places"):
        cluster = primary({"site-b/edb-published": {told: "table"}}).one(CLUSTER)
        kept, named = cluster.inputs["spec"]["externalClusters"]
        assert kept == cluster_spec(edb_cluster())["externalClusters"][0]
        paths |= {file.path for file in files(kept)}
        assert not list(files(named)), "the operator would write its files where the next list has none"
        assert connection_string(named) == connection_string(kept)
    assert paths == {"edb-site-b-require/pgpass"}
    strict = cluster_spec(edb_cluster(tls="verify-full", taken="12345678"))
    kept, named = strict["externalClusters"]
    assert connection_string(named) == connection_string(kept)
    assert "sslrootcert='/controller/external/edb-site-b-verify-full/edb-ca_ca.crt'" in connection_string(kept)


def test_the_labs_status_knows_the_cluster_behind_an_entry() -> None:
    for tls in ("require", "verify-full"):
        name = f"edb-site-b-{tls}"
        for entry in (name, f"{name}-{fingerprint(SAID, 0)}"):
            assert source_of(entry) == "edb-site-b"


def test_a_refresh_is_another_entry_too() -> None:
    entries = {primary(refresh=number).one(SUBSCRIPTION).inputs["spec"]["externalClusterName"] for number in (0, 1)}
    assert len(entries) == 2


def test_nothing_is_published_or_taken_before_the_tables_have_been_checked() -> None:
    for graph in (primary(), standby()):
        job = graph.named(JOB, published_tables.JOB_NAME)
        assert graph.waits_for(job, graph.one(CLUSTER))
        for later in (graph.one(PUBLICATION), graph.one(SUBSCRIPTION)):
            assert graph.waits_for(later, job), later.name


def test_the_check_knows_both_lists_and_no_password() -> None:
    graph = standby(told={"sales.orders": "table", "sales.Lines": "table", "crm": "schema"})
    found = environment(graph, published_tables.JOB_NAME)
    assert found["OWN_TABLES"] == "stock.levels"
    assert all(found.values()), "the API server forgets an empty value, and every preview would find another Job"
    assert (found["PEER_TABLES"], found["PEER_SCHEMAS"]) == ("sales.Lines sales.orders", "crm")
    assert (found["SUBSCRIPTION"], found["PGUSER"]) == ("site_b_from_site_a", "app")
    assert (found["PEER_HOST"], found["PEER_PUBLICATION"]) == ("pg-site-a.rhsi.svc.cluster.local", "site_a_pub")
    assert not [name for name in found if "PASSWORD" in name]
    without = environment(standby(subscribe=False), published_tables.JOB_NAME)
    assert not {"SUBSCRIPTION", "PEER_HOST", "PEER_CREDENTIALS"} & without.keys()
    numbers = {environment(standby(refresh=number), published_tables.JOB_NAME)["TAKEN"] for number in (0, 1)}
    assert len(numbers) == 2, "who asks the peer again takes other tables, which nobody has checked"


def test_the_check_verifies_the_server_where_both_sites_do() -> None:
    args = published_tables.PublishedTablesArgs(
        site="site-a",
        peer="site-b",
        namespace="db",
        database="app",
        tls="verify-full",
        own=OURS,
        theirs=pulumi.Output.from_input({}),
        subscribes=True,
        skupper_namespace="rhsi",
        taken="12345678",
        runtime=RUNTIME,
    )
    job = published_tables.script_job(args)
    assert job.environment["PGSSLROOTCERT"] == "/secrets/ca/ca.crt"
    assert job.environment["PGHOST"] == "edb-site-a-rw.db.svc"


def test_a_standby_leaves_its_list_in_vault_before_it_publishes() -> None:
    graph = standby()
    (kept,) = [one for one in graph.of_type(KV) if one.inputs["name"] == "site-b/edb-published"]
    assert json.loads(reveal(kept.inputs["dataJson"])) == {"stock.levels": "table"}
    assert graph.waits_for(graph.one(PUBLICATION), kept)
    assert graph.waits_for(kept, graph.named(JOB, published_tables.JOB_NAME)), (
        "a list that the check refuses is not true"
    )
    assert not [one for one in primary().of_type(KV) if one.inputs["name"].endswith("edb-published")]


def test_a_standby_refuses_what_its_primary_publishes() -> None:
    for told in ({"stock.levels": "table"}, {"stock": "schema"}):
        with pytest.raises(pulumi.RunError, match=r"names stock\.levels, but .* site-a publishes stock.* already"):
            standby(told=told)


def test_a_primary_refuses_what_its_standby_publishes_when_its_own_list_changes_later() -> None:
    for preview in (True, False):
        with pytest.raises(pulumi.RunError, match=r"names sales\.orders, but site-b publishes sales already, as rhsi/"):
            primary({"site-b/edb-published": {"sales": "schema"}}, preview=preview)


def test_both_sites_name_tables_of_their_own_or_neither_does() -> None:
    with pytest.raises(pulumi.RunError, match=r"has those of the demonstration: set it there too and run `pulumi up"):
        standby(told=None)
    assert standby(told=None, preview=True).one(CLUSTER)
    with pytest.raises(pulumi.RunError, match=r"publishes its own tables \(sales\.orders\), and this one none"):
        standby(publish=None)


def test_a_primary_whose_list_of_the_standby_cannot_be_read_stops_and_its_preview_does_not() -> None:
    def unreadable(*, preview: bool) -> Graph:
        return record({**PRIMARY, "edb": EDB}, stack="site-a", vault=SEALED, preview=preview)

    with pytest.raises(pulumi.RunError, match=r"rhsi/site-b/edb-published in Vault cannot be read: give the token"):
        unreadable(preview=False)
    assert unreadable(preview=True).one(PUBLICATION)


def test_outputs_tell_what_is_published_only_where_somebody_named_it() -> None:
    assert primary().exports["edb"]["published"] == {"sales.orders": "table"}
    assert (
        "published"
        not in record({**PRIMARY, "edb": {"enabled": True, "operator": "community"}}, stack="site-a").exports["edb"]
    )


def test_the_smoke_test_writes_into_nobodys_tables() -> None:
    job = standby(smokeTest=True).named(JOB, "edb-replication-test")
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    (script,) = container["command"][2:]
    assert "pg_logical_emit_message" in script
    assert "INSERT" not in script
    found = {one["name"]: one.get("value") for one in container["env"]}
    assert (found["OWN_SUBSCRIPTION"], found["PEER_SUBSCRIPTION"]) == ("site_b_from_site_a", "site_a_from_site_b")
    assert not {"OWN_TABLE", "PEER_TABLE"} & found.keys()


def test_without_tables_of_its_own_a_site_checks_and_lists_nothing() -> None:
    demonstration = {**PRIMARY, "edb": {"enabled": True, "operator": "community"}}
    # It asks Vault nothing either: the answer would stop it.
    graph = record(demonstration, stack="site-a", vault=SEALED)
    assert not [one for one in graph.of_type(JOB) if one.inputs["metadata"]["name"] == published_tables.JOB_NAME]
