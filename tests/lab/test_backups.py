"""Backups of a replicated database and its recovery, by docs/databases/replicated.md, with Barman and an S3 server.

The tests share one pair of stacks and are one story, in the order of this file: what is backed up, lost, recovered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import urllib3
import yaml

from lab.kube import Manifest
from lab.object_store import ObjectStore
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB, OBJECT_STORE
from lab.stand_ins.controller import conditions, kinds
from tests.lab import oc, runbook
from tests.lab.checkout import Checkout
from tests.lab.database_sites import REPLICATED, SITES, Database, DatabaseSites
from tests.lab.databases import Rows
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab
CLUSTER = "edb-site-a"
BUCKET = "s3://backups/rhsi"
BACKUP = {"destinationPath": BUCKET, "credentials": "s3", "walCompression": "gzip", "compression": "gzip"}
ROWS = "SELECT payload FROM site_a_data ORDER BY payload"


@dataclass
class Story:
    """The two sites, and what has happened to them."""

    lab: Lab
    sites: DatabaseSites
    moment: str = ""
    past: str = ""

    def cluster(self) -> Manifest:
        """The live Cluster of site-a."""
        return self.sites.a.find(COMMUNITY.cluster, CLUSTER)

    def oc(self, site: str, line: str) -> None:
        """A command of the runbook, which is written for EDB's operator and names its contexts."""
        words = line.replace(f"oc --context {site} ", "oc ").replace(EDB.name, COMMUNITY.name)
        oc.run(self.lab, site, words)

    def folder(self, server: str) -> str:
        """The names of all objects in the store below a server's folder, as S3 lists them."""
        store = ObjectStore(self.lab.home)
        bucket, path = BUCKET.removeprefix("s3://").split("/")
        with urllib3.PoolManager(ca_certs=str(store.authority.certificate)) as pool:
            return pool.request("GET", f"{store.url}/{bucket}?list-type=2&prefix={path}/{server}/").data.decode()

    def backed_up(self, name: str) -> Manifest:
        """The status of a Backup that is awaited."""

        def completed() -> Manifest:
            status: Manifest = self.sites.a.find(COMMUNITY.backup, name)["status"]
            assert status["phase"] == "completed", status
            return status

        return eventually(completed)

    def end_subscription(self, database: Database, name: str) -> None:
        """As the runbook says, for a subscription of another name."""
        for statement in runbook.statements("End a subscription whose publisher is gone"):
            database.sql(statement.replace("site_b_from_site_a", name))


@pytest.fixture(scope="module")
def story(lab: Lab, copy_checkout: Callable[..., Checkout]) -> Iterator[Story]:
    checkout = copy_checkout(databases=True)
    for site in SITES:
        checkout.change(site, "postgres.enabled", False)
        checkout.change(site, "edb", {"enabled": True, "operator": "community"})
    checkout.change("site-a", "edb.backup", BACKUP)
    found = DatabaseSites(lab, checkout)
    checkout.up()
    yield Story(lab, found)
    found.retain_subscriptions()


def test_wal_is_archived_and_a_base_backup_is_made_at_once(story: Story) -> None:
    ((scheduled,),) = ([one["metadata"]["name"] for one in story.sites.apis["site-a"].list(COMMUNITY.backup)],)
    status = story.backed_up(scheduled)
    assert status["beginWal"] <= status["endWal"]
    assert status["startedAt"] <= status["stoppedAt"]

    def told() -> None:
        now = story.cluster()["status"]
        assert conditions.is_true(now, "ContinuousArchiving")
        assert conditions.is_true(now, "LastBackupSucceeded")

    eventually(told)
    window = story.sites.a.find(OBJECT_STORE, CLUSTER)["status"]["serverRecoveryWindow"][CLUSTER]
    assert window["firstRecoverabilityPoint"] == status["stoppedAt"]
    listed = story.folder(CLUSTER)
    assert f"base/{status['backupId']}/data.tar.gz" in listed
    assert f"{status['beginWal']}.gz" in listed


def test_a_lost_cluster_comes_back_as_it_was_at_a_time(story: Story) -> None:
    sites, insert = (
        story.sites,
        "INSERT INTO site_a_data (site, payload) SELECT 'site-a', '{}-' || i FROM generate_series(1, {}) i",
    )
    sites.a.sql(insert.format("before", 30))
    ((story.moment,),) = sites.a.sql(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    )
    sites.a.sql(insert.format("after", 12))
    sites.b.shows("SELECT count(*) FROM site_a_data", [(42,)])
    ((written,),) = sites.a.sql("SELECT pg_walfile_name(pg_switch_wal())")

    def archived() -> None:
        assert sites.a.sql(f"SELECT last_archived_wal >= '{written}' FROM pg_stat_archiver") == [(True,)]

    eventually(archived)
    sites.apis["site-a"].delete(COMMUNITY.cluster, REPLICATED, CLUSTER)

    let_go, settle = runbook.commands("A cluster from backups")
    story.oc("site-b", let_go)
    assert settle == "pulumi config set --path rhsi:edb.subscribe false -s site-b && pulumi up -s site-b"
    sites.change("site-b", "edb.subscribe", False)
    sites.checkout.up("site-b")
    story.end_subscription(sites.b, "site_b_from_site_a")
    sites.b.sql("SELECT pg_drop_replication_slot('site_a_from_site_b')")

    sites.change("site-a", "edb.subscribe", False)
    sites.change("site-a", "edb.recovery", {"serverName": CLUSTER, "targetTime": story.moment})
    sites.change("site-a", "edb.backup.serverName", f"{CLUSTER}-2")
    *delete, make = runbook.commands("A cluster from backups", 1)
    for line in delete:
        story.oc("site-a", line)
    assert make == "pulumi up -s site-a --refresh"
    result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    rows: Rows = sites.a.sql(ROWS)
    assert sorted(rows) == sorted((f"before-{number}",) for number in range(1, 31))


def test_both_sites_subscribe_anew_to_a_recovered_database(story: Story) -> None:
    sites = story.sites
    assert sites.a.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'") == [(0,)]
    assert sites.a.sql("SELECT subname FROM pg_subscription") == [("site_a_from_site_b",)]
    story.end_subscription(sites.a, "site_a_from_site_b")
    sites.a.sql("TRUNCATE site_b_data")
    sites.b.sql("TRUNCATE site_a_data")
    for site in SITES:
        sites.change(site, "edb.subscribe", True)
        sites.checkout.up(site)
    sites.b.shows("SELECT count(*) FROM site_a_data", [(30,)])
    for writer, reader, table in ((sites.a, sites.b, "site_a_data"), (sites.b, sites.a, "site_b_data")):
        writer.sql(f"INSERT INTO {table} (site, payload) VALUES ('new', 'life')")
        reader.shows(f"SELECT payload FROM {table} WHERE site = 'new'", [("life",)])


def test_a_recovered_cluster_backs_up_into_a_folder_of_its_own(story: Story) -> None:
    before = story.folder(CLUSTER)
    _, *lines, _ = runbook.commands("A base backup by hand")
    backup = yaml.safe_load("\n".join(lines).replace(EDB.name, COMMUNITY.name))
    made = story.sites.apis["site-a"].create(COMMUNITY.backup, REPLICATED, backup)
    status = story.backed_up(made["metadata"]["name"])
    assert status["pluginMetadata"]["timeline"] == "2"
    assert f"base/{status['backupId']}/data.tar.gz" in story.folder(f"{CLUSTER}-2")

    def archives() -> None:
        found = conditions.find(story.cluster()["status"], "ContinuousArchiving")
        assert found["status"] == "True", found

    eventually(archives)
    assert story.folder(CLUSTER) == before
    assert story.sites.a.find(kinds.SECRET, "s3"), "what the store's administrator has made stays"
