"""The databases' SQL on real PostgreSQL 16 servers: bootstrap, two-way replication, and what the replication role may.

Everything comes from the program's own builders; no operator takes part.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from components.edb.logical_replication import LogicalReplicationArgs, publication_spec, subscription_spec
from components.edb.names import OWNER, REPLICATION_ROLE
from components.edb.replication_test import SCRIPT
from lab.binaries.postgresql import postgresql
from lab.certificates import Authority
from lab.home import Home
from lab.progress import Silent
from lab.servers.ports import Ports
from tests.arguments import edb_cluster, edb_replication
from tests.lab import runbook
from tests.lab.postgres import PASSWORDS, Refused, Server, running
from tests.lab.unprivileged import own_folder, readable_folder, write
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

Pair = tuple[Server, Server]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two sites, booted, with one authority, not yet subscribed; site-a has a row from before."""
    home = Home(tmp_path_factory.mktemp("postgres"))
    authority = Authority(home.folder("pki"), "shared CA")
    ports = Ports(home)
    with ExitStack() as stack:
        root = stack.enter_context(readable_folder(postgresql(Silent())))
        servers = []
        for site, peer in (("site-a", "site-b"), ("site-b", "site-a")):
            args = edb_cluster(
                site=site,
                peer=peer,
                image="postgresql:16",
                host="localhost",
                peer_host="localhost",
                bounds_slot_wait=site == "site-b",
                tls="verify-full",
            )
            folder = own_folder(root, site)
            certificate = authority.server(site, ("localhost",))
            for name, file in {"server.crt": certificate.certificate, "server.key": certificate.key}.items():
                write(folder / name, file.read_text())
            write(folder / "ca.crt", authority.certificate.read_text())
            server = Server(args=args, programs=root / "programs" / "bin", folder=folder, port=ports.get(site))
            servers.append(stack.enter_context(running(server)))
        servers[0].sql("INSERT INTO site_a_data (site, payload) VALUES ('site-a', 'from before')")
        yield servers[0], servers[1]


@pytest.fixture
def replicating(pair: Pair) -> Pair:
    """Both sites subscribed, the second first; a test may have dropped a subscription."""
    a, b = pair
    for server, peer in ((b, a), (a, b)):
        if server.sql("SELECT count(*) FROM pg_subscription") == "0":
            # Copied anew, or the rows of before would be there twice.
            server.sql(f"TRUNCATE {table(peer)}")
            subscribe(server, peer)
    for server in pair:
        server.becomes("SELECT string_agg(DISTINCT srsubstate::text, '') FROM pg_subscription_rel", "r")
    return pair


def table(server: Server) -> str:
    """The table that a site writes."""
    return server.args.site.replace("-", "_") + "_data"


def subscribe(server: Server, peer: Server) -> None:
    """Make the subscription of a site to its peer as the program declares it."""
    spec = subscription_spec(replication_args(server))
    server.subscribe(peer, spec["name"], spec["publicationName"], spec["parameters"])


@contextmanager
def open_transaction(server: Server) -> Iterator[None]:
    """A transaction that has written something, until the end of the block."""
    where = f"host={server.folder} port={server.port} user=postgres dbname={server.args.database}"
    with psycopg.connect(where) as connection:
        connection.execute("SELECT pg_current_xact_id()")
        yield


def replication_args(server: Server) -> LogicalReplicationArgs:
    return edb_replication(
        cluster="c",
        database=server.args.database,
        site=server.args.site,
        peer=server.args.peer,
        tls=server.args.tls,
    )


def as_role(server: Server, role: str, **changes: str) -> str:
    """A connection string for a role through TLS; its password comes from a file."""
    write(server.folder / "role.pgpass", "*:*:*:*:" + PASSWORDS[role].replace("\\", "\\\\").replace(":", "\\:") + "\n")
    parameters = {
        "host": "localhost",
        "port": str(server.port),
        "user": role,
        "dbname": server.args.database,
        "sslmode": "require",
        "passfile": str(server.folder / "role.pgpass"),
    }
    return " ".join(f"{name}={value}" for name, value in (parameters | changes).items())


def test_the_bootstrap_leaves_both_tables_with_the_owner_and_publishes_the_sites_own(pair: Pair) -> None:
    for server, own in zip(pair, ("site_a", "site_b"), strict=True):
        assert server.sql("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == (
            f"site_a_data|{OWNER}\nsite_b_data|{OWNER}"
        )
        published = server.sql("SELECT pubname, schemaname, tablename FROM pg_publication_tables")
        assert published == f"{own}_pub|public|{own}_data"
        (published_object,) = publication_spec(replication_args(server))["target"]["objects"]
        assert published_object["table"] == {"schema": "public", "name": f"{own}_data"}, "the operator adopts it"
        assert server.sql("SHOW wal_level") == "logical"


def test_two_subscriptions_made_at_the_same_moment_do_not_wait_for_each_other_for_ever(pair: Pair) -> None:
    a, b = pair
    setting = f"SELECT setconfig FROM pg_db_role_setting WHERE setrole = '{REPLICATION_ROLE}'::regrole"
    assert b.sql(setting) == "{lock_timeout=30s}"
    assert a.sql(setting) == "", "only one of the two gives way"
    b.sql(f"ALTER ROLE {REPLICATION_ROLE} SET lock_timeout = '3s'")

    waiting = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor() as pool:
        # A transaction of anybody's on each server holds both slots back, until both subscriptions are under way.
        with open_transaction(a), open_transaction(b):
            made = [pool.submit(subscribe, server, peer) for server, peer in ((a, b), (b, a))]
            for server in pair:
                server.becomes(waiting, "1")
        errors = [one.exception(timeout=60) for one in made]
    assert errors[1] is None
    assert "lock timeout" in str(errors[0])
    subscribe(a, b)


def test_the_replication_role_may_read_what_is_published_and_nothing_else(pair: Pair) -> None:
    a, _ = pair
    connection = as_role(a, REPLICATION_ROLE)
    assert a.query(connection, "SELECT payload FROM site_a_data WHERE payload ~ 'before'") == "from before"
    for statement in (
        "SELECT * FROM site_b_data",
        "DELETE FROM site_a_data",
        "CREATE TABLE mine ()",
        "CREATE ROLE other",
    ):
        with pytest.raises(Refused, match="permission denied"):
            a.query(connection, statement)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sslmode": "disable"}, "pg_hba.conf rejects connection .* no encryption"),
        ({"dbname": "postgres"}, "pg_hba.conf rejects connection"),
        ({"dbname": "template1"}, "pg_hba.conf rejects connection"),
    ],
)
def test_the_replication_role_comes_in_by_tls_and_to_its_database_only(
    pair: Pair, changes: dict[str, str], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        pair[0].query(as_role(pair[0], REPLICATION_ROLE, **changes), "SELECT 1")


def test_the_replication_role_cannot_copy_the_whole_server(pair: Pair) -> None:
    a, _ = pair
    with pytest.raises(Refused, match=r"no pg_hba.conf entry for replication connection"):
        a.run("pg_basebackup", "-D", str(a.folder / "stolen"), "-d", as_role(a, REPLICATION_ROLE), "-w")


def test_verify_full_refuses_a_server_under_another_name(pair: Pair) -> None:
    a, b = pair
    with pytest.raises(Refused, match=r'server certificate for "localhost" .*does not match host name "127.0.0.1"'):
        b.query(b.connection(a, host="127.0.0.1"), "SELECT 1")
    assert b.query(b.connection(a), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"


def test_rows_of_before_are_copied_and_later_ones_stream_both_ways(replicating: Pair) -> None:
    a, b = replicating
    b.becomes("SELECT payload FROM site_a_data WHERE payload = 'from before'", "from before")
    for writer, reader, table in ((a, b, "site_a_data"), (b, a, "site_b_data")):
        row = uuid.uuid4()
        seen = f"SELECT payload FROM {table} WHERE id = '{row}'"
        owner = as_role(writer, OWNER)
        writer.query(owner, f"INSERT INTO {table} (id, site, payload) VALUES ('{row}', 'here', 'one')")
        reader.becomes(seen, "one")
        writer.query(owner, f"UPDATE {table} SET payload = 'two' WHERE id = '{row}'")
        reader.becomes(seen, "two")
        writer.query(owner, f"DELETE FROM {table} WHERE id = '{row}'")
        reader.becomes(seen, "")


def test_a_row_arrives_once_and_never_comes_back(replicating: Pair) -> None:
    a, b = replicating
    a.sql("INSERT INTO site_a_data (site) SELECT 'site-a' FROM generate_series(1, 100)")
    rows = a.sql("SELECT count(*) FROM site_a_data")
    b.becomes("SELECT count(*) FROM site_a_data", rows)
    # Had b sent a row back, its key would hold up this one behind it.
    b.sql("INSERT INTO site_b_data (site, payload) VALUES ('site-b', 'after')")
    a.becomes("SELECT payload FROM site_b_data WHERE payload = 'after'", "after")
    assert a.sql("SELECT count(*) FROM site_a_data") == rows


def test_a_subscriptions_slot_is_named_after_it_and_goes_with_it(replicating: Pair) -> None:
    a, b = replicating
    slot = "SELECT string_agg(slot_name, ',') FROM pg_replication_slots WHERE NOT temporary"
    assert a.sql(slot) == "site_b_from_site_a"
    b.sql("DROP SUBSCRIPTION site_b_from_site_a")
    assert a.sql(slot) == ""
    b.sql("TRUNCATE site_a_data")
    subscribe(b, a)
    b.becomes("SELECT count(*) FROM site_a_data", a.sql("SELECT count(*) FROM site_a_data"))


def test_a_subscription_goes_without_its_publisher_as_the_runbook_says(replicating: Pair) -> None:
    a, b = replicating
    b.sql(f"ALTER SUBSCRIPTION site_b_from_site_a CONNECTION '{b.connection(a, port='1')}'")
    with pytest.raises(Refused, match="could not connect to publisher when attempting to drop replication slot"):
        b.sql("DROP SUBSCRIPTION site_b_from_site_a")
    for statement in runbook.statements("Take over a lost site's table"):
        b.sql(statement)
    assert b.sql("SELECT count(*) FROM pg_subscription") == "0"
    slot = "SELECT string_agg(slot_name || ' ' || active, ',') FROM pg_replication_slots WHERE NOT temporary"
    a.becomes(slot, "site_b_from_site_a false")
    for statement in runbook.statements("Drop a slot that was left behind"):
        a.sql(statement)
    assert a.sql(slot) == ""


def test_a_subscription_is_made_again_from_an_emptied_table_as_the_runbook_says(replicating: Pair) -> None:
    a, b = replicating
    b.sql("DROP SUBSCRIPTION site_b_from_site_a")
    (empty,) = runbook.statements("Subscribe again")
    b.sql(empty)
    subscribe(b, a)
    b.becomes("SELECT count(*) FROM site_a_data", a.sql("SELECT count(*) FROM site_a_data"))


def test_the_runbooks_questions_are_answered_as_it_says(replicating: Pair) -> None:
    for server, own, slot in zip(
        replicating, ("site_a", "site_b"), ("site_b_from_site_a", "site_a_from_site_b"), strict=True
    ):
        server.becomes("SELECT string_agg(DISTINCT srsubstate::text, '') FROM pg_subscription_rel", "r")
        published, subscribed, copied, alive, errors, slots, encrypted = (
            server.sql(question) for question in runbook.statements("Is it replicating?")
        )
        assert published == f"{own}_pub|{own}_data"
        assert subscribed.endswith("|t|none")
        assert copied.endswith("|r")
        assert alive.endswith("|t")
        assert errors.endswith("|0|0")
        assert slots.startswith(f"{slot}|t|reserved|")
        assert encrypted.endswith("|site_repl|t")


def begin_smoke_test(own: Server, peer: Server, folder: Path, seconds: int, **tls: str) -> subprocess.Popen[str]:
    """Begin the smoke test's script as its Job runs it, on the site of `own`."""
    environment = {"DATABASE": "app", "ROLE": OWNER, "JOB_UID": str(uuid.uuid4()), "TIMEOUT_SECONDS": str(seconds)}
    environment |= tls or {"PGSSLMODE": "require"}
    for prefix, server in (("OWN", own), ("PEER", peer)):
        credentials = folder / prefix
        credentials.mkdir(exist_ok=True)
        (credentials / "password").write_text(PASSWORDS[OWNER])
        environment |= {
            f"{prefix}_SITE": server.args.site,
            f"{prefix}_HOST": "localhost",
            f"{prefix}_PORT": str(server.port),
            f"{prefix}_TABLE": table(server),
            f"{prefix}_CREDENTIALS": str(credentials),
        }
    path = f"{own.programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
    return subprocess.Popen(
        ["/bin/sh", "-c", SCRIPT],
        env={**environment, "PATH": path, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def smoke_test(own: Server, peer: Server, folder: Path, seconds: int, **tls: str) -> subprocess.CompletedProcess[str]:
    """The same to its end."""
    process = begin_smoke_test(own, peer, folder, seconds, **tls)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def rows_of_the_test(server: Server) -> str:
    """How many rows of smoke tests a server has, of both sites."""
    both = "SELECT payload FROM site_a_data UNION ALL SELECT payload FROM site_b_data"
    return server.sql(f"SELECT count(*) FROM ({both}) AS rows WHERE payload LIKE 'edb-replication-test: %'")


def test_the_smoke_test_says_that_both_ways_work_and_leaves_no_row(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    done = smoke_test(b, a, tmp_path, 30)
    assert done.stdout.splitlines() == [
        "Rows of site-a reach site-b.",
        "Rows of site-b reach site-a.",
        "site-b and site-a replicate both ways.",
    ]
    assert done.returncode == 0
    for server in replicating:
        for table in ("site_a_data", "site_b_data"):
            assert server.sql(f"SELECT count(*) FROM {table} WHERE payload IN ('written', 'changed')") == "0"
        assert rows_of_the_test(server) == "0"


def test_the_smoke_test_checks_certificates_where_the_databases_do(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    strict = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(a.folder / "ca.crt")}
    assert smoke_test(b, a, tmp_path, 30, **strict).returncode == 0
    folder = tmp_path / "pki"
    folder.mkdir()
    other = Authority(folder, "another CA").certificate
    done = smoke_test(b, a, tmp_path, 2, **(strict | {"PGSSLROOTCERT": str(other)}))
    assert done.returncode == 1
    assert "certificate verify failed" in done.stdout


def test_a_smoke_test_that_fails_midway_leaves_no_row(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    before = [server.sql("SELECT count(*) FROM site_a_data") for server in replicating]
    b.sql("ALTER SUBSCRIPTION site_b_from_site_a DISABLE")
    try:
        assert "A row that was written on site-a did not show on site-b" in smoke_test(b, a, tmp_path, 2).stdout
        assert rows_of_the_test(a) == "0"
    finally:
        b.sql("ALTER SUBSCRIPTION site_b_from_site_a ENABLE")
    b.becomes("SELECT count(*) FROM site_a_data", before[1])
    assert rows_of_the_test(b) == "0"


def test_a_smoke_test_that_is_stopped_leaves_no_row(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    b.sql("ALTER SUBSCRIPTION site_b_from_site_a DISABLE")
    try:
        process = begin_smoke_test(b, a, tmp_path, 60)
        until(lambda: rows_of_the_test(a) == "1")
        process.terminate()
        process.communicate(timeout=30)
        assert rows_of_the_test(a) == "0"
    finally:
        b.sql("ALTER SUBSCRIPTION site_b_from_site_a ENABLE")


def test_what_a_smoke_test_could_not_delete_it_says_and_the_next_one_deletes(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    a.sql("INSERT INTO site_a_data (site, payload) VALUES ('site-a', 'an application''s')")
    # A test of before wrote, and lost the site.
    a.sql("INSERT INTO site_a_data (site, payload) VALUES ('site-a', 'edb-replication-test: written')")
    a.sql(f"ALTER ROLE {OWNER} PASSWORD 'another'")
    try:
        told = smoke_test(b, a, tmp_path, 2).stdout
        assert told.endswith(" Rows of the test may stay until the next one passes, in site_a_data on site-a.\n")
    finally:
        a.sql(f"ALTER ROLE {OWNER} PASSWORD '{PASSWORDS[OWNER]}'")
    assert rows_of_the_test(a) == "1"
    assert smoke_test(b, a, tmp_path, 30).returncode == 0
    for server in replicating:
        server.becomes("SELECT count(*) FROM site_a_data WHERE payload = 'an application''s'", "1")
        until(lambda server=server: rows_of_the_test(server) == "0")  # type: ignore[misc] # mypy infers no default


def test_the_smoke_test_names_the_way_that_does_not_work(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    a.sql("ALTER SUBSCRIPTION site_a_from_site_b DISABLE")
    try:
        done = smoke_test(b, a, tmp_path, 3)
    finally:
        a.sql("ALTER SUBSCRIPTION site_a_from_site_b ENABLE")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Rows of site-a reach site-b.",
        "A row that was written on site-b did not show on site-a in 3 s: "
        "see 'Replication stands still' in docs/troubleshooting/replicated.md, then run `pulumi up` again.",
    ]


def test_the_smoke_test_says_why_a_site_refuses_and_shows_no_password(replicating: Pair, tmp_path: Path) -> None:
    a, b = replicating
    a.sql(f"ALTER ROLE {OWNER} PASSWORD 'another'")
    try:
        done = smoke_test(b, a, tmp_path, 3)
    finally:
        a.sql(f"ALTER ROLE {OWNER} PASSWORD '{PASSWORDS[OWNER]}'")
    assert done.returncode == 1
    assert done.stdout.startswith("site-a did not take a row in 3 s, ")
    assert 'password authentication failed for user "app"' in done.stdout
    assert PASSWORDS[OWNER] not in done.stdout + done.stderr
