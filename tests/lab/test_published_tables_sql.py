"""People's own tables on a real PostgreSQL 18: what the first boot makes of their SQL, and what the check says."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from components.edb.cluster import InitSqlArgs
from components.edb.names import OWNER, REPLICATION_ROLE
from components.edb.published import published
from components.edb.published_tables import SCRIPT
from lab.binaries.postgresql import postgresql
from lab.certificates import Authority
from lab.home import Home
from lab.progress import Silent
from lab.servers.ports import Ports
from tests.arguments import edb_cluster
from tests.lab.postgres import PASSWORDS, Refused, Server, running
from tests.lab.unprivileged import own_folder, readable_folder, write

pytestmark = pytest.mark.lab

STATEMENTS = [
    "CREATE SCHEMA sales;",
    "CREATE SCHEMA crm",
    "CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number serial)",
    'CREATE TABLE sales."Lines" (id integer PRIMARY KEY)',
    "CREATE TABLE crm.visits (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
    "CREATE TABLE crm.visits_2026 PARTITION OF crm.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE SEQUENCE crm.numbers",
    "CREATE VIEW crm.days AS SELECT day FROM crm.visits",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE crm.people (name text PRIMARY KEY)'; END $$; -- a comment at its end",
    # What no publication takes.
    "CREATE UNLOGGED TABLE sales.fast (id integer PRIMARY KEY)",
    "CREATE VIEW sales.view AS SELECT id FROM sales.fast",
    "CREATE INDEX index ON sales.fast (id)",
    "CREATE TABLE sales.base (id integer PRIMARY KEY)",
    "CREATE UNLOGGED TABLE sales.derived () INHERITS (sales.base)",
]
REFUSED = ["sales.fast", "sales.view", "sales.index", "sales.base"]
OURS = published(["sales.orders", "sales.Lines", "sales.missing", *REFUSED], ["crm", "nowhere"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Site-a, booted with SQL of the user's."""
    home = Home(tmp_path_factory.mktemp("postgres"))
    certificate = Authority(home.folder("pki"), "shared CA").server("site-a", ("localhost",))
    args = edb_cluster(
        image="postgresql:18.1",
        published=OURS,
        init=InitSqlArgs(statements=STATEMENTS, config_maps=[], secrets=[]),
    )
    with ExitStack() as stack:
        root = stack.enter_context(readable_folder(postgresql(Silent(), 18)))
        folder = own_folder(root, "site-a")
        for name, file in {"server.crt": certificate.certificate, "server.key": certificate.key}.items():
            write(folder / name, file.read_text())
        made = Server(args=args, programs=root / "programs" / "bin", folder=folder, port=Ports(home).get("site-a"))
        yield stack.enter_context(running(made))


@pytest.fixture
def check(server: Server, tmp_path: Path) -> "Check":
    """The check on site-a, whose peer is site-b."""
    for folder, role in (("own", OWNER), ("peer", REPLICATION_ROLE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "password").write_text(PASSWORDS[role])
    return Check(server, tmp_path)


@pytest.fixture
def table(server: Server) -> Iterator[Callable[..., None]]:
    """Makes tables of a schema that is there for one test, as the application."""

    def make(*statements: str) -> None:
        for statement in statements:
            server.sql(f"SET ROLE {OWNER}; {statement}")

    server.sql(f"CREATE SCHEMA made AUTHORIZATION {OWNER}")
    try:
        yield make
    finally:
        server.sql("SET client_min_messages = warning; DROP SCHEMA made CASCADE")


class Check:
    """Runs the script as its Job does."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.said: list[str] = []

    def __call__(
        self, own: Sequence[str] = (), theirs: Sequence[str] = (), *, port: int = 0, publication: str = ""
    ) -> str:
        """The last line of a run; that of a run that went well begins with `What`.

        The peer does not answer, or else it is this server with another publication.
        """
        environment = {
            "SITE": "site-a",
            "PEER": "site-b",
            "REPLICATOR": REPLICATION_ROLE,
            "SUBSCRIPTION": "site_a_from_site_b",
            "CREDENTIALS": str(self.folder / "own"),
            "PEER_CREDENTIALS": str(self.folder / "peer"),
            # Where this server does not listen.
            "PEER_HOST": "127.0.0.1" if publication else "127.0.0.2",
            "PEER_PUBLICATION": publication,
            "TIMEOUT_SECONDS": "2" if port else "30",
            "HOME": str(self.folder),
            "PATH": f"{self.server.programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PGHOST": "localhost",
            "PGPORT": str(port or self.server.port),
            "PGUSER": OWNER,
            "PGDATABASE": "app",
            "PGSSLMODE": "require",
        }
        for prefix, names in (("OWN", own), ("PEER", theirs)):
            environment[f"{prefix}_TABLES"] = " ".join(name for name in names if "." in name) or " "
            environment[f"{prefix}_SCHEMAS"] = " ".join(name for name in names if "." not in name) or " "
        done = subprocess.run(["/bin/sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
        self.said = done.stdout.splitlines()
        last = self.said[-1]
        assert (done.returncode == 0) == last.startswith("What "), done.stdout + done.stderr
        return last


def test_what_the_users_sql_made_belongs_to_the_application(server: Server) -> None:
    assert (
        server.sql(
            "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class "
            "WHERE relnamespace::regnamespace::text IN ('sales', 'crm') AND relkind IN ('r', 'p', 'v', 'S')"
        )
        == OWNER
    )
    owners = "SELECT string_agg(DISTINCT nspowner::regrole::text, ',') FROM pg_namespace WHERE nspname IN "
    assert server.sql(f"{owners} ('sales', 'crm')") == OWNER
    assert server.sql(f"{owners} ('pg_catalog')") == "postgres"


def test_the_publication_has_at_once_what_there_is_of_it(server: Server) -> None:
    found = server.sql("SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY 1) FROM pg_publication_tables")
    assert set(found.split()) == {"sales.orders", "sales.Lines", "crm.visits_2026", "crm.people"}


def test_tables_that_replicate_pass_and_the_replication_role_may_read_them(server: Server, check: Check) -> None:
    assert check(["sales.orders", "sales.Lines", "crm"]) == "What site-a and site-b publish can replicate."
    readable = "SELECT bool_and(has_table_privilege('site_repl', oid, 'SELECT')) FROM pg_class WHERE relname IN "
    assert server.sql(f"{readable} ('orders', 'Lines', 'visits_2026', 'people')") == "t"
    assert server.sql("SELECT has_schema_privilege('site_repl', 'crm', 'USAGE')") == "t"


def test_what_is_missing_is_named_with_the_site_that_wants_it(check: Check) -> None:
    assert check(["nowhere"]) == (
        "There is no schema nowhere in the database app of site-a, though rhsi:edb.publish names it: create it there "
        "as user app. Then run `pulumi up` again."
    )
    assert check(["sales.lines"]).startswith("There is no table sales.lines in the database app of site-a, though")
    assert check(["sales.orders"], ["crm.other", "crm.third"]).startswith(
        "There is no table crm.other, crm.third in the database app of site-a, which takes it from site-b: create it"
    )


@pytest.mark.parametrize(
    ("table", "fix", "sentence"),
    [
        (
            "CREATE TABLE crm.notes (text text)",
            "ALTER TABLE crm.notes REPLICA IDENTITY FULL",
            "crm.notes on site-a has neither a primary key nor another replica identity",
        ),
        (
            "CREATE TABLE crm.notes (id integer NOT NULL UNIQUE)",
            "ALTER TABLE crm.notes REPLICA IDENTITY USING INDEX notes_id_key",
            "ALTER TABLE crm.notes ADD PRIMARY KEY (...), or ALTER TABLE crm.notes REPLICA IDENTITY FULL",
        ),
        (
            "CREATE UNLOGGED TABLE crm.notes (id integer PRIMARY KEY)",
            "ALTER TABLE crm.notes SET LOGGED",
            "crm.notes on site-a is UNLOGGED, and such a table does not replicate: ALTER TABLE crm.notes SET LOGGED.",
        ),
        (
            "CREATE TABLE crm.notes (id integer PRIMARY KEY)",
            "ALTER TABLE crm.notes OWNER TO app",
            "site_repl may not read crm.notes on site-a, which belongs to postgres",
        ),
    ],
)
def test_a_table_that_could_not_replicate_is_named_and_its_fix_helps(
    server: Server, check: Check, table: str, fix: str, sentence: str
) -> None:
    server.sql(table)
    if "OWNER" not in fix:
        server.sql("ALTER TABLE crm.notes OWNER TO app")
    try:
        assert sentence in check(["crm.notes"])
        server.sql(fix)
        assert check(["crm.notes"]).startswith("What ")
    finally:
        server.sql("DROP TABLE crm.notes")


def test_a_copy_that_is_not_empty_is_named_a_partition_too(server: Server, check: Check) -> None:
    server.sql('INSERT INTO sales."Lines" VALUES (1)')
    server.sql("INSERT INTO crm.visits VALUES (1, '2026-03-01')")
    sentence = "has rows already, and the first copy from site-b stops at a row that is there too: TRUNCATE"
    assert check(["sales.orders"], ["sales.Lines"]).startswith(f'sales."Lines" on site-a {sentence} sales."Lines" on')
    partition = f"crm.visits_2026 on site-a {sentence} crm.visits_2026 on"
    assert check(["sales.orders"], ["crm.visits"]).startswith(partition)
    assert check(["sales.orders"], ["crm"], publication="site_a_pub").startswith(partition)
    server.sql('TRUNCATE sales."Lines", crm.visits')
    assert check(["sales.orders"], ["sales.Lines", "crm"]).startswith("What ")
    assert len(check.said) == 1


def test_only_what_the_peer_publishes_of_a_schema_has_to_be_empty(
    server: Server, check: Check, table: Callable[..., None]
) -> None:
    table(
        "CREATE TABLE made.theirs (id integer PRIMARY KEY)",
        """CREATE TABLE made."it's ours" (id integer PRIMARY KEY)""",
        """INSERT INTO made."it's ours" VALUES (1)""",
    )
    server.sql("CREATE PUBLICATION others FOR TABLE made.theirs")
    try:
        assert check(["sales.orders"], ["made"], publication="others").startswith("What ")
        assert len(check.said) == 1
        server.sql("INSERT INTO made.theirs VALUES (1)")
        assert "TRUNCATE made.theirs on site-a" in check(["sales.orders"], ["made"], publication="others")
    finally:
        server.sql("DROP PUBLICATION others")
    assert check(["sales.orders"], ["made"]).startswith("What "), "a peer that does not answer stops nobody"
    assert check.said[0] == (
        """made."it's ours" on site-a has rows already, and site-b does not say whether it publishes it: if it does, """
        """TRUNCATE made."it's ours" on site-a, else move it to another schema."""
    )


def test_the_partitions_of_a_table_that_is_taken_are_taken_too(
    server: Server, check: Check, table: Callable[..., None]
) -> None:
    table(
        "CREATE TABLE made.parent (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE made.leaf PARTITION OF made.parent FOR VALUES FROM (0) TO (9)",
        "INSERT INTO made.parent VALUES (1)",
    )
    assert "TRUNCATE made.leaf" in check(["sales.orders"], ["made.parent"])
    server.sql(
        "CREATE SUBSCRIPTION site_a_from_site_b CONNECTION 'host=nowhere' PUBLICATION x WITH (connect = false)",
    )
    server.sql(
        "INSERT INTO pg_subscription_rel SELECT oid, 'made.parent'::regclass, 'r' FROM pg_subscription",
    )
    try:
        assert check(["sales.orders"], ["made.parent"]).startswith("What ")
    finally:
        server.sql(
            "ALTER SUBSCRIPTION site_a_from_site_b SET (slot_name = NONE); DROP SUBSCRIPTION site_a_from_site_b",
        )


@pytest.mark.parametrize(
    ("own", "tables", "sentence"),
    [
        (
            "made.parent",
            [
                "CREATE TABLE made.parent (id integer) PARTITION BY RANGE (id)",
                "CREATE TABLE made.leaf PARTITION OF made.parent FOR VALUES FROM (0) TO (9)",
                "ALTER TABLE made.parent REPLICA IDENTITY FULL",
                "ALTER TABLE made.leaf REPLICA IDENTITY FULL",
            ],
            "made.leaf on site-a has neither a primary key nor another replica identity, so once it is published "
            "PostgreSQL refuses every UPDATE and DELETE on it: ALTER TABLE made.parent ADD PRIMARY KEY (...), or "
            "ALTER TABLE made.leaf REPLICA IDENTITY FULL and so for each other partition.",
        ),
        (
            "made",
            [
                "CREATE TABLE made.parent (id integer) PARTITION BY RANGE (id)",
                "CREATE TABLE made.leaf PARTITION OF made.parent FOR VALUES FROM (0) TO (9)",
                "ALTER TABLE made.parent ADD PRIMARY KEY (id)",
            ],
            "made.leaf on site-a has neither",
        ),
        (
            "made.parent",
            [
                "CREATE TABLE made.parent (id integer PRIMARY KEY)",
                "CREATE TABLE made.leaf () INHERITS (made.parent)",
                "ALTER TABLE made.leaf ADD PRIMARY KEY (id)",
            ],
            "made.leaf on site-a has neither a primary key nor another replica identity",
        ),
        (
            "made.leaf",
            [
                "CREATE TABLE made.leaf (id integer CONSTRAINT one PRIMARY KEY DEFERRABLE)",
                "ALTER TABLE made.leaf DROP CONSTRAINT one, ADD PRIMARY KEY (id)",
            ],
            "made.leaf on site-a has a DEFERRABLE primary key, which is no replica identity, so once it is "
            "published PostgreSQL refuses every UPDATE and DELETE on it: ALTER TABLE made.leaf DROP CONSTRAINT "
            "one, ADD PRIMARY KEY (...), or ALTER TABLE made.leaf REPLICA IDENTITY FULL.",
        ),
        (
            "made.parent",
            [
                "CREATE TABLE made.parent (id integer PRIMARY KEY DEFERRABLE) PARTITION BY RANGE (id)",
                "CREATE TABLE made.leaf PARTITION OF made.parent FOR VALUES FROM (0) TO (9)",
                "ALTER TABLE made.leaf REPLICA IDENTITY FULL",
            ],
            "DELETE on it: ALTER TABLE made.leaf REPLICA IDENTITY FULL and so for each other partition.",
        ),
        (
            "made.leaf",
            [
                "CREATE TABLE made.leaf (id integer PRIMARY KEY)",
                "ALTER TABLE made.leaf REPLICA IDENTITY NOTHING",
                "ALTER TABLE made.leaf REPLICA IDENTITY DEFAULT",
            ],
            "made.leaf on site-a has a primary key that is not its replica identity, so once it is published "
            "PostgreSQL refuses every UPDATE and DELETE on it: ALTER TABLE made.leaf REPLICA IDENTITY DEFAULT.",
        ),
        (
            "made.leaf",
            [
                "CREATE TABLE made.leaf (id integer)",
                "ALTER TABLE made.leaf REPLICA IDENTITY NOTHING",
                "ALTER TABLE made.leaf REPLICA IDENTITY FULL",
            ],
            "refuses every UPDATE and DELETE on it: ALTER TABLE made.leaf REPLICA IDENTITY FULL.",
        ),
    ],
)
def test_what_passes_can_be_changed_once_it_is_published(
    check: Check, table: Callable[..., None], own: str, tables: list[str], sentence: str
) -> None:
    """PostgreSQL looks at the table that has the row. The last statement is the fix."""
    server, fix = check.server, tables[-1]
    table(*tables[:-1], "INSERT INTO made.leaf VALUES (1)")
    kind = "TABLE" if "." in own else "TABLES IN SCHEMA"
    server.sql(f"CREATE PUBLICATION tried FOR {kind} {own}")
    change = "UPDATE made.leaf SET id = 2"
    try:
        with pytest.raises(Refused, match="does not have a replica identity"):
            server.sql(change)
        assert sentence in check([own])
        table(fix)
        assert check([own]).startswith("What ")
        server.sql(change)
        readable = "SELECT has_table_privilege('site_repl', 'made.leaf', 'SELECT')"
        assert server.sql(readable) == "t"
    finally:
        server.sql("DROP PUBLICATION tried")


def test_a_partition_elsewhere_is_looked_at_too(server: Server, check: Check, table: Callable[..., None]) -> None:
    server.sql(f"CREATE SCHEMA archive AUTHORIZATION {OWNER}")
    try:
        table(
            "CREATE TABLE made.parent (id integer) PARTITION BY RANGE (id)",
            "CREATE TABLE archive.leaf PARTITION OF made.parent (PRIMARY KEY (id)) FOR VALUES FROM (0) TO (9)",
            "CREATE UNLOGGED TABLE archive.old PARTITION OF made.parent (PRIMARY KEY (id)) FOR VALUES FROM (9) TO (19)",
        )
        assert "archive.old on site-a is UNLOGGED" in check(["made"])
        table("ALTER TABLE archive.old SET LOGGED")
        assert check(["made"]).startswith("What ")
        assert server.sql("SELECT has_schema_privilege('site_repl', 'archive', 'USAGE')") == "t"
        assert server.sql("SELECT has_table_privilege('site_repl', 'archive.leaf', 'SELECT')") == "t"
    finally:
        server.sql("SET client_min_messages = warning; DROP SCHEMA archive CASCADE")


def test_a_database_that_does_not_answer_is_said_with_libpqs_reason(check: Check) -> None:
    assert "The database of site-a did not answer in 2 s" in check(["sales.orders"], port=1)
