"""The databases of both sites over the program's own link, from `up` to `destroy`, with the operator's rights.

The tests share one pair of stacks. Each begins with both up and replicating; whoever takes something down says so.
"""

import dataclasses
import re
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.edb.names import replicator_secret
from components.link.rotation import token_name
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB
from lab.stand_ins.controller import kinds
from tests.lab import leaks, oc, runbook
from tests.lab.checkout import Checkout
from tests.lab.database_sites import LINKED, OPERATED, REPLICATED, SETTINGS, SITES, Database, DatabaseSites
from tests.lab.databases import caught_up
from tests.lab.lab import Lab
from tests.lab.load import Load, under_load
from tests.lab.operator_rights import operator
from tests.lab.outages import begun
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

CUT_SECONDS = 30.0
"""How long the link is away: several attempts of a subscription to come back, one of which is every 5 s."""

SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name"


@pytest.fixture(scope="module")
def watcher(lab: Lab) -> leaks.Watcher:
    """Watches the processes of the first `up`; the test of leaks asks it."""
    return leaks.Watcher(lab.home)


@pytest.fixture(scope="module")
def provisioned(
    lab: Lab,
    copy_checkout: Callable[..., Checkout],
    watcher: leaks.Watcher,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DatabaseSites]:
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), OPERATED)
    checkout = copy_checkout(rights, databases=True)
    for site, sections in SETTINGS.items():
        for section, settings in sections.items():
            checkout.change(site, section, settings)
    found = DatabaseSites(lab, checkout)
    try:
        with watcher:
            checkout.up()
        yield found
    finally:
        found.retain_subscriptions()


@pytest.fixture
def standing(provisioned: DatabaseSites) -> DatabaseSites:
    """Both stacks are up, whether or not site-a subscribes."""
    if provisioned.destroyed:
        provisioned.rebuild()
    return provisioned


@pytest.fixture
def sites(provisioned: DatabaseSites) -> DatabaseSites:
    """Both replicate, both ways, and the standby follows its primary."""
    if provisioned.destroyed or not provisioned.subscribed:
        provisioned.rebuild()
    return provisioned


@pytest.fixture(scope="module")
def known(provisioned: DatabaseSites) -> set[str]:
    """Every password of this run; a rotation adds to them."""
    return {password for _, password in provisioned.logins().values()}


@pytest.fixture
def passwords(sites: DatabaseSites, known: set[str]) -> set[str]:
    """The same, with those of the present stacks."""
    known |= {password for _, password in sites.logins().values()}
    return known


def ways(sites: DatabaseSites) -> list[tuple[Database, Database, str]]:
    """Who writes, who reads, and the table, of both directions."""
    return [(sites.a, sites.b, "site_a_data"), (sites.b, sites.a, "site_b_data")]


def assert_no_conflicts(sites: DatabaseSites) -> None:
    """No row came twice; the counters of errors would count a lost connection as well."""
    for site in SITES:
        log = sites.log(site)
        assert "database system is ready to accept connections" in log
        assert "duplicate key" not in log


def assert_settled(sites: DatabaseSites) -> None:
    """Neither stack has anything to do, whether it trusts its state or looks."""
    for site in SITES:
        for action, *more in (("up",), ("preview", "--refresh")):
            result = sites.checkout.run(action, site, "--expect-no-changes", *more)
            assert result.code == 0, result.text


def test_rows_changes_and_deletions_arrive_on_the_other_side_once_and_come_not_back(sites: DatabaseSites) -> None:
    counters = "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = '{}'"
    for writer, reader, table in ways(sites):
        before = [tuple(database.sql(counters.format(table))[0]) for database in (writer, reader)]
        writer.sql(f"INSERT INTO {table} (site, payload) SELECT 'many', i::text FROM generate_series(1, 100) i")
        writer.sql(f"UPDATE {table} SET payload = 'changed' WHERE site = 'many' AND payload::int <= 50")
        writer.sql(f"DELETE FROM {table} WHERE site = 'many' AND payload = '100'")
        content = f"SELECT id, payload FROM {table} WHERE site = 'many' ORDER BY id"
        wanted = writer.sql(content)
        assert len(wanted) == 99
        reader.shows(content, wanted)

        def told(
            writer: Database = writer,
            reader: Database = reader,
            table: str = table,
            before: list[tuple[int, ...]] = before,
        ) -> None:
            after = [tuple(database.sql(counters.format(table))[0]) for database in (writer, reader)]
            assert [tuple(map(int.__sub__, *pair)) for pair in zip(after, before, strict=True)] == [(100, 50, 1)] * 2

        # Had a row come back, it would have done so by the end of the second of these.
        caught_up(writer.sql)
        caught_up(reader.sql)
        eventually(told)
    assert_no_conflicts(sites)


@pytest.fixture
def table(sites: DatabaseSites) -> str:
    """A table of the streaming pair."""
    sites.primary.sql("CREATE TABLE IF NOT EXISTS load (id uuid PRIMARY KEY, site text, payload text)")
    return "load"


def loads(sites: DatabaseSites, table: str) -> dict[Load, Database]:
    """Clients on each server that takes writes, and where their rows are to arrive."""
    found = {Load(writer, own): reader for writer, reader, own in ways(sites)}
    return found | {Load(sites.primary, table): sites.standby}


def test_nothing_is_lost_or_doubled_when_the_link_is_away_under_load(sites: DatabaseSites, table: str) -> None:
    clients = loads(sites, table)
    with under_load(*clients), sites.link_cut():
        time.sleep(CUT_SECONDS)
        missing = [len(load.rows) - len(load.seen(reader)) for load, reader in clients.items()]
        assert min(missing) > CUT_SECONDS, f"nothing crosses a link that is cut, but only {missing} rows are missing"
    for load, reader in clients.items():
        load.arrives(reader)
        load.arrives(load.database)
    assert_no_conflicts(sites)


def test_a_rotation_of_the_link_under_load_loses_no_transaction(sites: DatabaseSites, table: str) -> None:
    clients = loads(sites, table)
    with under_load(*clients):
        number = sites.checkout.next_rotation()
        sites.checkout.up()
    assert sites.checkout.outputs("site-b")["link"] == token_name(number)
    for load, reader in clients.items():
        load.arrives(reader)
        load.arrives(load.database)
    assert_no_conflicts(sites)


def test_a_password_that_somebody_changed_stops_the_replication_until_it_is_put_back(sites: DatabaseSites) -> None:
    receives = runbook.statements("Is it replicating?")[3]
    sites.b.shows(receives, [("site_b_from_site_a", True)])
    said = len(sites.log("site-b"))
    login = dataclasses.replace(sites.a, secret=replicator_secret("site-a"))
    before = login.login()
    change_password(sites, "site-a")

    def changed() -> None:
        assert "password authentication failed" in login.refusal(before)

    eventually(changed)
    sites.a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    sites.b.shows(receives, [("site_b_from_site_a", False)])

    def told() -> None:
        log = sites.log("site-b")[said:].replace('\\"', '"')
        assert 'password authentication failed for user "site_repl"' in log
        assert runbook.leads_to(log, "`pulumi up -s site-a --refresh`")

    eventually(told)
    sites.a.sql("INSERT INTO site_a_data (site, payload) VALUES ('somebody', 'waits')")
    result = sites.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    sites.b.shows("SELECT payload FROM site_a_data WHERE site = 'somebody'", [("waits",)])


def test_external_secrets_puts_a_password_back_by_itself(sites: DatabaseSites) -> None:
    login = dataclasses.replace(sites.b, secret=replicator_secret("site-b"))
    before = login.login()
    change_password(sites, "site-b")

    def put_back() -> None:
        assert login.login() == before
        assert login.refusal(before) == ""

    eventually(put_back)


def change_password(sites: DatabaseSites, site: str) -> None:
    """Change the password of the peer's login as somebody with `oc edit` does."""
    body = {"metadata": {"name": replicator_secret(site)}, "stringData": {"password": secrets.token_urlsafe()}}
    sites.apis[site].patch(kinds.SECRET, REPLICATED, body)


def test_a_wrong_password_gives_the_operators_words_and_a_rotation_of_passwords_mends_it(
    sites: DatabaseSites, passwords: set[str], table: str
) -> None:
    sites.change("site-b", "edb.subscribe", False)
    sites.checkout.up("site-b")
    assert sites.a.sql(SLOTS) == [], "a subscription takes its slot along"
    before = sites.logins()
    change_password(sites, "site-a")
    (empty,) = runbook.statements("Subscribe again")
    sites.b.sql(empty)
    sites.change("site-b", "edb.subscribe", True)
    with begun(sites.checkout, "up", "site-b") as up:

        def refused() -> None:
            told = sites.subscription("site-b")["status"]["message"]
            assert told.startswith("while creating subscription: ERROR: could not connect to the publisher: ")
            assert runbook.leads_to(told, "`pulumi config set --path rhsi:edb.passwordRotation N -s site-a`")

        eventually(refused)
        assert up.end(signal.SIGINT).code != 0
    for section in ("edb", "postgres"):
        number = sites.checkout.value("site-a", f"{section}.passwordRotation", 1) + 1
        sites.change("site-a", f"{section}.passwordRotation", number)
    replicated = {Load(writer, table): reader for writer, reader, table in ways(sites)}
    with under_load(*replicated):
        sites.checkout.up()
    for load, reader in replicated.items():
        load.arrives(reader)
    sites.standby.shows(f"SELECT count(*) FROM {table}", sites.primary.sql(f"SELECT count(*) FROM {table}"))
    for database, login in before.items():
        assert "password authentication failed" in database.refusal(login)
        assert database.refusal(database.login()) == ""
    passwords |= {password for _, password in sites.logins().values()}


def test_neither_stack_has_anything_left_to_do(sites: DatabaseSites) -> None:
    assert_settled(sites)


@pytest.mark.usefixtures("table")
def test_a_standby_is_promoted_and_copied_anew_as_the_runbook_says(sites: DatabaseSites) -> None:
    lab, recovering = sites.lab, "SELECT pg_is_in_recovery()"
    (promote,) = [one for one in runbook.commands("Promote the standby") if "pg_ctl promote" in one]
    (copy_anew,) = runbook.commands("Copy a standby anew")
    oc.run(lab, "site-a", "oc scale statefulset/postgres-primary -n rhsi --replicas=0")
    oc.run(lab, "site-b", promote)
    sites.standby.shows(recovering, [(False,)])
    sites.standby.sql("INSERT INTO load (id, payload) VALUES (gen_random_uuid(), 'after the promotion')")
    oc.run(lab, "site-b", "oc delete pod postgres-standby-0 -n rhsi")
    sites.standby.shows("SELECT count(*) FROM load WHERE payload = 'after the promotion'", [(1,)])
    assert sites.standby.sql(recovering) == [(False,)], "it stays what it has become"
    oc.run(lab, "site-a", "oc scale statefulset/postgres-primary -n rhsi --replicas=1")
    sites.primary.shows(recovering, [(False,)])
    oc.run(lab, "site-b", copy_anew)
    sites.standby.shows(recovering, [(True,)])
    sites.primary.sql("INSERT INTO load (id, payload) VALUES (gen_random_uuid(), 'after the copy')")
    sites.standby.shows("SELECT payload FROM load WHERE payload ~ '^after'", [("after the copy",)])


def test_no_password_leaves_a_trace(sites: DatabaseSites, passwords: set[str], watcher: leaks.Watcher) -> None:
    present = {database.secret: password for database, (_, password) in sites.logins().items()}
    assert len(set(present.values())) == 8, "eight logins"
    assert passwords.issuperset(present.values())
    watcher.assert_saw_the_engine()
    assert not watcher.saw(passwords)
    assert leaks.files_with(sites.lab.home, passwords) == []
    assert leaks.in_state(sites.checkout, "site-a", present) == set(present), "the search finds what is there"
    assert leaks.in_state(sites.checkout, "site-b", present) == set()


def test_a_protected_cluster_outlives_its_stack_and_replicates_with_the_next_one(sites: DatabaseSites) -> None:
    (empty_the_copy,) = runbook.statements("Turn it off, and remove it")
    sites.change("site-b", "protect", True)
    sites.checkout.up("site-b")
    result = sites.checkout.run("destroy", "site-b", "--exclude-protected")
    assert result.code == 0, result.text
    for writer, _, table in ways(sites):
        writer.sql(f"INSERT INTO {table} (site, payload) VALUES ('{table}', 'meanwhile')")
    sites.b.sql(empty_the_copy)
    sites.change("site-b", "protect", False)
    sites.checkout.up("site-b")
    for writer, reader, table in ways(sites):
        rows = writer.sql(f"SELECT id FROM {table} ORDER BY id")
        reader.shows(f"SELECT id FROM {table} ORDER BY id", rows)
    assert_no_conflicts(sites)


def test_a_subscription_that_is_turned_off_leaves_no_slot(sites: DatabaseSites) -> None:
    assert sites.b.sql(SLOTS) == [("site_a_from_site_b",)]
    sites.change("site-a", "edb.subscribe", False)
    sites.subscribed = False
    sites.checkout.up("site-a")
    assert sites.b.sql(SLOTS) == []
    assert sites.a.sql("SELECT subname FROM pg_subscription") == []


def test_a_site_is_destroyed_without_its_peer_as_the_runbook_says(standing: DatabaseSites) -> None:
    let_go, _ = runbook.commands("The peer is not reachable")
    # The runbook's example is the other site, with EDB's operator.
    let_go = re.sub("site-[ab]", lambda found: {"site-a": "site-b", "site-b": "site-a"}[found[0]], let_go)
    let_go = let_go.replace(EDB.name, COMMUNITY.name)
    standing.destroyed.add("site-b")
    standing.cut_link()
    with begun(standing.checkout, "destroy", "site-b") as destroy:

        def cannot_drop() -> None:
            words = 'could not connect to publisher when attempting to drop replication slot "site_b_from_site_a"'
            assert words in standing.log("site-b").replace('\\"', '"')

        eventually(cannot_drop)
        assert destroy.process.poll() is None, "it waits"
        oc.run(standing.lab, "site-b", let_go)
        result = destroy.end()
    assert result.code == 0, result.text
    assert standing.a.sql(SLOTS) == [("site_b_from_site_a",)]
    _, drop = runbook.statements("Drop a slot that was left behind")
    standing.a.sql(drop)
    assert standing.a.sql(SLOTS) == []
    (remove,) = runbook.commands("Remove a standby for good")
    oc.run(standing.lab, "site-a", remove)
    assert standing.primary.sql(SLOTS) == []


def test_destroying_both_leaves_nothing_behind(provisioned: DatabaseSites) -> None:
    if provisioned.destroyed == set(SITES):
        provisioned.rebuild()
    if provisioned.checkout.value("site-a", "edb.subscribe", True):
        # The slot is on the peer, which goes first.
        provisioned.change("site-a", "edb.subscribe", False)
        provisioned.checkout.up("site-a")
    provisioned.destroyed.update(SITES)
    provisioned.checkout.destroy()
    for site in SITES:
        for namespace in (LINKED, REPLICATED):
            found = (
                provisioned.lab.connect(site).resources.get(api_version="v1", kind="Secret").get(namespace=namespace)
            )
            assert not found.items, [item.metadata.name for item in found.items]
        folder = provisioned.lab.home.root / "volumes" / site

        def emptied(folder: Path = folder) -> None:
            assert list(folder.iterdir()) == []

        eventually(emptied)
