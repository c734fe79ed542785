"""The first start of a primary: initdb, then the SQL of `spec.bootstrap.initdb` in the operator's order.

Owns what upstream's Job `<instance>-initdb` does (pkg/management/postgres/initdb.go). Everything runs as superuser,
once; the first error ends it, and nothing of it is repeated later, whatever becomes of the spec.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.cnpg import archiving, parameters, sql
from lab.stand_ins.cnpg.barman import FIRST_ARCHIVE
from lab.stand_ins.cnpg.database import Session, SqlError
from lab.stand_ins.cnpg.files import PGDATA
from lab.stand_ins.cnpg.server import Server, ServerError

INCLUDED = ("custom.conf", "override.conf", "lab.conf")
"""What postgresql.conf ends with; of several values of a setting the last counts."""


Read = Callable[[str, Manifest], str]
"""Gives the text that a reference means, to a `secret` or a `config map`."""


class BootstrapError(Exception):
    """Why there is no primary; the log of the instance says where it stopped."""


@dataclass(frozen=True)
class Scripts:
    """The SQL of one database: statements from the spec, which are one session, then files, each a session."""

    statements: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All that initdb and the SQL afterwards need."""

    cluster: Manifest
    postgres: Scripts
    template: Scripts
    application: Scripts

    @classmethod
    def of(cls, cluster: Manifest, read: Read) -> "Plan":
        """Collect the scripts. Whatever `read` raises is passed on: the object may yet have to come."""
        initdb = cluster["spec"]["bootstrap"]["initdb"]

        def scripts(name: str) -> Scripts:
            references = initdb.get(f"{name}Refs", {})
            files = [
                *(read("secret", reference) for reference in references.get("secretRefs", [])),
                *(read("config map", reference) for reference in references.get("configMapRefs", [])),
            ]
            # The lists are arguments of a container's command, in which Kubernetes halves every pair of dollars.
            statements = (statement.replace("$$", "$") for statement in initdb.get(name, []))
            return Scripts(tuple(statements), tuple(files))

        return cls(cluster, scripts("postInitSQL"), scripts("postInitTemplateSQL"), scripts("postInitApplicationSQL"))


def text_of(kind: str, found: Manifest | None, key: str) -> str | None:
    """The text under a key of a Secret or ConfigMap, None where it is not there."""
    value = ((found or {}).get("data") or {}).get(key)
    if value is None:
        return None
    return base64.b64decode(value).decode() if kind == "secret" else str(value)


def options(initdb: Manifest) -> list[str]:
    """Initdb's arguments; `options` leaves all others without effect."""
    if given := initdb.get("options"):
        return list(given)
    found = ["-k"] if initdb.get("dataChecksums") else []
    for option, field in (("encoding", "encoding"), ("lc-collate", "localeCollate"), ("lc-ctype", "localeCType")):
        if value := initdb.get(field):
            found.append(f"--{option}={value}")
    size = initdb.get("walSegmentSize", 0)
    if size and size & (size - 1) == 0:
        found.append(f"--wal-segsize={size}")
    return found


def create(server: Server, plan: Plan) -> None:
    """Make the data folder anew and fill the databases; the server is down again afterwards.

    Raises:
        BootstrapError: initdb or a statement failed.
    """
    server.files.clear()
    initdb = plan.cluster["spec"]["bootstrap"]["initdb"]
    try:
        server.say("info", "Creating new data directory", pgdata=PGDATA)
        server.run("initdb", "--username", "postgres", "-D", PGDATA, "--no-sync", *options(initdb))
        configure(server, plan.cluster)
        server.start()
        try:
            _fill(server, plan, initdb)
        finally:
            server.stop()
    except (ServerError, SqlError) as error:
        server.say("error", "Error while bootstrapping data directory", error=str(error))
        raise BootstrapError(str(error)) from error


def include_files(server: Server) -> None:
    """Let postgresql.conf end with the files that the operator writes."""
    file = server.files.pgdata / "postgresql.conf"
    text = file.read_text()
    for name in INCLUDED:
        if f"include '{name}'" not in text.splitlines():
            text += f"\n# load CloudNativePG {name} configuration\ninclude '{name}'\n"
    server.files.write(f"{PGDATA}/postgresql.conf", text.encode())


def configure(server: Server, cluster: Manifest) -> None:
    """Write the settings of a server that runs for its bootstrap only, to which nobody can connect.

    Its WAL is archived already; before the first file, the archive is checked: it must be nobody else's.
    """
    include_files(server)
    given = cluster["spec"]["postgresql"]["parameters"] | {"cluster_name": cluster["metadata"]["name"]}
    of_the_lab = parameters.of_the_lab("", archiving.command(cluster))
    server.files.write(f"{PGDATA}/custom.conf", parameters.render(given).encode())
    server.files.write(f"{PGDATA}/override.conf", b"")
    server.files.write(f"{PGDATA}/lab.conf", parameters.render(of_the_lab).encode())
    server.files.write(FIRST_ARCHIVE, b"")


def _fill(server: Server, plan: Plan, initdb: Manifest) -> None:
    database, owner = initdb["database"], initdb["owner"]
    with server.database.session() as session:
        if not session.value("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = %s", [owner]):
            session.execute(f"CREATE ROLE {sql.identifier(owner)} LOGIN")
    server.say("info", "Executing post-init SQL instructions")
    _run(server, "postgres", plan.postgres)
    server.say("info", "Executing post-init template SQL instructions")
    _run(server, "template1", plan.template)
    with server.database.session() as session:
        if session.value("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = %s", [database]):
            return
        session.execute(f"CREATE DATABASE {sql.identifier(database)} OWNER {sql.identifier(owner)}")
    server.say("info", "executing Application instructions")
    _run(server, database, plan.application)


def _run(server: Server, database: str, scripts: Scripts) -> None:
    batches: Iterable[tuple[str, ...]] = [scripts.statements, *((file,) for file in scripts.files)]
    for batch in batches:
        with server.database.session(database) as session:
            _execute(session, batch)


def _execute(session: Session, statements: Iterable[str]) -> None:
    # The scripts are the user's, who expects PostgreSQL's own search path and keeps what the script sets.
    session.execute('SET search_path TO "$user", public')
    for statement in statements:
        session.execute(statement)
