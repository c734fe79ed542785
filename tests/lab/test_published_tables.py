"""People's own tables over the program's link, on PostgreSQL 18: added, removed, taken again, and what is refused.

The tests share one pair of stacks and come in the file's order: each begins where the one before has left the lists.
"""

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from components.edb.names import app_secret
from lab.kube import Manifest
from lab.stand_ins.controller import kinds
from tests.lab import oc
from tests.lab.checkout import Checkout
from tests.lab.database_sites import OPERATED, REPLICATED, SITES, Database, DatabaseSites
from tests.lab.lab import Lab
from tests.lab.operator_rights import operator

pytestmark = pytest.mark.lab

# What both sites boot with; a statement with a `$$` shows that no command line has halved it.
SCHEMA = [
    "CREATE SCHEMA sales",
    "CREATE SCHEMA stock",
    'CREATE TABLE sales."Orders" (id integer PRIMARY KEY, note text)',
    "CREATE TABLE stock.levels (id integer PRIMARY KEY, note text)",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE stock.places (id integer PRIMARY KEY)'; END $$",
]
EDB: Manifest = {
    "enabled": True,
    "operator": "community",
    "image": "ghcr.io/cloudnative-pg/postgresql:18.1-standard-trixie",
    "smokeTest": True,
    "initSql": SCHEMA,
}
# What only one of the sites has.
OTHERWISE: dict[str, Manifest] = {
    "site-a": {
        "disruptionBudget": True,
        "pgHba": ["host app reporter all reject"],
        "affinity": {"tolerations": [{"key": "databases", "operator": "Exists"}]},
        "topologySpread": [{"topologyKey": "topology.kubernetes.io/zone"}],
    },
    "site-b": {"superuserAccess": False},
}
PUBLISHED = {"site-a": {"tables": ["sales.Orders"]}, "site-b": {"schemas": ["stock"]}}
WITH_LINES = {"tables": ["sales.Orders", "sales.lines"]}


@pytest.fixture(scope="module")
def sites(
    lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseSites]:
    """Both sites up with the operator's rights, site-a a second time: by then site-b has told what it publishes."""
    checkout = copy_checkout(operator(lab.environment, tmp_path_factory.mktemp("operator"), OPERATED), databases=True)
    for site in SITES:
        checkout.change(site, "postgres.enabled", False)
        checkout.change(site, "edb", {**EDB, **OTHERWISE[site], "publish": PUBLISHED[site], "createNamespace": False})
    found = DatabaseSites(lab, checkout)
    try:
        checkout.up("site-a", "site-b", "site-a")
        yield found
    finally:
        found.retain_subscriptions()


@pytest.fixture
def a(sites: DatabaseSites) -> Database:
    """Site-a's database as the application reaches it."""
    return dataclasses.replace(sites.a, secret=app_secret("site-a"))


@pytest.fixture
def b(sites: DatabaseSites) -> Database:
    """Site-b's."""
    return dataclasses.replace(sites.b, secret=app_secret("site-b"))


def refusal(sites: DatabaseSites, action: str, site: str) -> str:
    """What a run says that has to fail, on one line."""
    result = sites.checkout.run(action, site)
    assert result.code != 0, result.text
    return " ".join(result.text.split())


def taken(database: Database) -> set[str]:
    """The tables of the site's subscription that have been copied or follow."""
    return {name for (name,) in database.sql("SELECT srrelid::regclass::text FROM pg_subscription_rel")}


def test_rows_of_own_tables_go_both_ways_on_postgresql_18(sites: DatabaseSites, a: Database, b: Database) -> None:
    for database in (a, b):
        ((version,),) = database.sql("SELECT current_setting('server_version_num')::int / 10000")
        assert version == 18
    for writer, reader, table in ((a, b, 'sales."Orders"'), (b, a, "stock.levels")):
        writer.sql(f"INSERT INTO {table} VALUES (1, 'written'), (2, 'written')")
        writer.sql(f"UPDATE {table} SET note = 'changed' WHERE id = 1")
        writer.sql(f"DELETE FROM {table} WHERE id = 2")
        reader.shows(f"SELECT id, note FROM {table}", [(1, "changed")])
    assert taken(a) == {"stock.levels", "stock.places"}
    assert sites.checkout.outputs("site-b")["edb"]["published"] == {"stock": "schema"}
    assert sites.checkout.outputs("site-b")["edb"]["smoke_test"] == "site-b and site-a replicate both ways"
    assert a.sql("SELECT to_regclass('public.site_a_data')") == [(None,)]


def test_a_cluster_is_as_its_settings_ask(sites: DatabaseSites) -> None:
    budgets = {site: sites.apis[site].list(kinds.DISRUPTION_BUDGET, REPLICATED, "") for site in SITES}
    assert [one["metadata"]["name"] for one in budgets["site-a"]] == ["edb-site-a-primary"]
    assert budgets["site-b"] == []
    assert sites.a.sql("SELECT auth_method FROM pg_hba_file_rules WHERE 'reporter' = ANY (user_name)") == [("reject",)]
    pod = sites.apis["site-a"].get(kinds.POD, REPLICATED, "edb-site-a-1")
    assert pod
    assert {"key": "databases", "operator": "Exists"} in pod["spec"]["tolerations"]
    assert [one["topologyKey"] for one in pod["spec"]["topologySpreadConstraints"]] == ["topology.kubernetes.io/zone"]
    assert "password authentication failed" in sites.b.refusal(sites.b.login())


def test_a_settled_pair_stays_as_it_is(sites: DatabaseSites) -> None:
    for site in SITES:
        result = sites.checkout.run("preview", site, "--expect-no-changes", "--diff")
        assert result.code == 0, result.text


def test_a_table_that_the_other_site_publishes_is_refused_on_both(sites: DatabaseSites) -> None:
    sites.change("site-b", "edb.publish", {"schemas": ["stock"], "tables": ["sales.Orders"]})
    assert "names sales.Orders, but the primary's stack site-a publishes sales.Orders already" in refusal(
        sites, "preview", "site-b"
    )
    sites.change("site-b", "edb.publish", PUBLISHED["site-b"])
    sites.change("site-a", "edb.publish", {"tables": ["sales.Orders", "stock.levels"]})
    assert "names stock.levels, but site-b publishes stock already, as rhsi/site-b/edb-published" in refusal(
        sites, "preview", "site-a"
    )
    sites.change("site-a", "edb.publish", PUBLISHED["site-a"])


def test_a_table_without_a_key_is_named_and_one_that_has_it_is_added(
    sites: DatabaseSites, a: Database, b: Database
) -> None:
    for database in (a, b):
        database.sql("CREATE TABLE sales.lines (id integer NOT NULL, note text)")
    a.sql("INSERT INTO sales.lines VALUES (1, 'before')")
    sites.change("site-a", "edb.publish", WITH_LINES)
    assert "sales.lines on site-a has neither a primary key nor another replica identity" in refusal(
        sites, "up", "site-a"
    )
    # What is not true yet nobody is told.
    assert sites.checkout.outputs("site-a")["edb"]["published"] == {"sales.Orders": "table"}
    for database in (a, b):
        database.sql("ALTER TABLE sales.lines ADD PRIMARY KEY (id)")
    sites.checkout.up("site-a", "site-b")
    b.shows("SELECT id, note FROM sales.lines", [(1, "before")])
    a.sql("INSERT INTO sales.lines VALUES (2, 'after')")
    b.shows("SELECT id FROM sales.lines ORDER BY id", [(1,), (2,)])


def test_a_removed_table_leaves_its_copy_which_has_to_be_empty_when_it_comes_back(
    sites: DatabaseSites, a: Database, b: Database
) -> None:
    sites.change("site-a", "edb.publish", PUBLISHED["site-a"])
    sites.checkout.up("site-a", "site-b")
    assert taken(b) == {'sales."Orders"'}
    a.sql("INSERT INTO sales.lines VALUES (3, 'alone')")
    assert b.sql("SELECT count(*) FROM sales.lines") == [(2,)]
    sites.change("site-a", "edb.publish", WITH_LINES)
    sites.checkout.up("site-a")
    assert "TRUNCATE sales.lines on site-b" in refusal(sites, "up", "site-b")
    # The Cluster knows the new list, the subscription does not. A new pod has none of the files of the former one.
    before = sites.apis["site-b"].get(kinds.POD, REPLICATED, "edb-site-b-1")
    assert before
    oc.run(sites.lab, "site-b", f"oc delete pod edb-site-b-1 -n {REPLICATED}")
    a.sql("INSERT INTO sales.\"Orders\" VALUES (3, 'after the restart')")
    b.shows('SELECT note FROM sales."Orders" WHERE id = 3', [("after the restart",)])
    after = sites.apis["site-b"].get(kinds.POD, REPLICATED, "edb-site-b-1")
    assert after
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    b.sql("TRUNCATE sales.lines")
    sites.checkout.up("site-b")
    b.shows("SELECT count(*) FROM sales.lines", [(3,)])


def test_a_list_whose_tables_are_refused_is_not_told_to_the_other_site(sites: DatabaseSites, b: Database) -> None:
    b.sql("CREATE TABLE sales.notes (text text)")
    sites.change("site-b", "edb.publish", {"schemas": ["stock"], "tables": ["sales.notes"]})
    assert "sales.notes on site-b has neither a primary key" in refusal(sites, "up", "site-b")
    assert sites.checkout.run("preview", "site-a", "--expect-no-changes").code == 0, "it would take sales.notes"
    sites.change("site-b", "edb.publish", PUBLISHED["site-b"])
    sites.checkout.up("site-b")


def test_a_table_of_the_readers_own_may_lie_in_a_schema_that_the_other_site_publishes(
    sites: DatabaseSites, a: Database
) -> None:
    """Site-b says what it publishes, over the link."""
    a.sql("CREATE TABLE stock.own (id integer PRIMARY KEY)")
    a.sql("INSERT INTO stock.own VALUES (1)")
    sites.change("site-a", "edb.refresh", 7)
    sites.checkout.up("site-a")
    assert a.sql("SELECT count(*) FROM stock.own") == [(1,)]


def test_a_table_that_comes_into_a_published_schema_is_taken_by_a_refresh(
    sites: DatabaseSites, a: Database, b: Database
) -> None:
    for database in (a, b):
        database.sql("CREATE TABLE stock.orders (id integer PRIMARY KEY)")
    b.sql("INSERT INTO stock.orders VALUES (1)")
    sites.change("site-a", "edb.refresh", 8)
    sites.checkout.up("site-a")
    a.shows("SELECT id FROM stock.orders", [(1,)])


def test_another_major_version_is_refused_while_the_site_replicates(sites: DatabaseSites) -> None:
    sites.change("site-a", "edb.image", "ghcr.io/cloudnative-pg/postgresql:17.6-standard-trixie")
    assert 'rhsi:edb.image is PostgreSQL "17", it was "18": a major upgrade loses the slots' in refusal(
        sites, "preview", "site-a"
    )
    sites.change("site-a", "edb.image", EDB["image"])


def test_the_run_that_ends_the_subscription_keeps_the_major_version(sites: DatabaseSites) -> None:
    """Site-b's stack asks the engine for the primary's outputs."""
    sites.change("site-b", "edb.subscribe", False)
    sites.change("site-b", "edb.smokeTest", False)
    assert sites.checkout.run("preview", "site-b").code == 0
    sites.change("site-b", "edb.image", "ghcr.io/cloudnative-pg/postgresql:17.6-standard-trixie")
    assert 'rhsi:edb.image is PostgreSQL "17", it was "18"' in refusal(sites, "preview", "site-b")
    for key in ("image", "smokeTest"):
        sites.change("site-b", f"edb.{key}", EDB[key])
    sites.change("site-b", "edb.subscribe", True)
