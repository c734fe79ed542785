"""Real PostgreSQL servers without a cluster, booted by hand from the program's Cluster as the operator does it.

What the operator adds (cloudnative-pg: initdb.go, configuration.go) is written out here: the rules around the user's
in pg_hba, the owner, the passwords of the managed roles, the password file of an external cluster.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.edb import cluster
from components.edb.names import OWNER, REPLICATION_ROLE
from tests.lab.unprivileged import IDENTITY, write
from tests.lab.waiting import until

# With the two characters that libpq's password file escapes.
PASSWORDS = {"postgres": "super:user", OWNER: "the\\owner:s", REPLICATION_ROLE: "streams"}


class Refused(Exception):  # noqa: N818 -- reads as what happened: `raises(Refused)`
    """What psql or another program of PostgreSQL said when it failed."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server on loopback, with its Cluster's arguments, the programs, and a folder with `server.crt` and so on."""

    args: cluster.EdbClusterArgs
    programs: Path
    folder: Path
    port: int

    def run(self, program: str, *arguments: str, text: str = "") -> str:
        """Run one of PostgreSQL's programs as the servers' user.

        Raises:
            Refused: it failed.
        """
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self.programs / program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            env={"HOME": str(self.folder), "LC_ALL": "C"},
            check=False,
            **IDENTITY,
        )
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout.strip()

    def query(self, where: str, statement: str) -> str:
        """What a client with this connection string is answered."""
        return self.run("psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-d", where, "-f", "-", text=statement)

    def sql(self, statement: str, *, database: str = "") -> str:
        """What a superuser is answered."""
        where = f"host={self.folder} port={self.port} user=postgres dbname={database or self.args.database}"
        return self.query(where, statement)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            return self.sql("SELECT 1", database="postgres") == "1"
        except Refused:
            return False

    def becomes(self, statement: str, expected: str) -> None:
        """Wait until a superuser is answered this."""
        until(lambda: self.sql(statement) == expected)

    def connection(self, peer: "Server", **changes: str) -> str:
        """The peer's entry of `externalClusters` as the operator hands it to a subscription: the password in a file."""
        (entry,) = cluster.cluster_spec(self.args)["externalClusters"]
        passfile = self.folder / "pgpass"
        write(passfile, f"*:*:*:*:{PASSWORDS[REPLICATION_ROLE]}\n")
        parameters = entry["connectionParameters"] | {"port": str(peer.port), "passfile": str(passfile)}
        if "sslRootCert" in entry:
            parameters["sslrootcert"] = str(self.folder / "ca.crt")
        return " ".join(f"{name}={value}" for name, value in (parameters | changes).items())

    def subscribe(self, peer: "Server", name: str, publication: str, parameters: dict[str, str]) -> None:
        """CREATE SUBSCRIPTION as the operator words it."""
        options = ", ".join(f"{key} = {value}" for key, value in parameters.items())
        connection = self.connection(peer)
        self.sql(
            f'CREATE SUBSCRIPTION "{name}" CONNECTION \'{connection}\' PUBLICATION "{publication}" WITH ({options})'
        )

    def prepare(self) -> None:
        """An empty data folder with the Cluster's parameters and rules."""
        data, server = self.folder / "data", cluster.cluster_spec(self.args)["postgresql"]
        self.run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync")
        parameters = server["parameters"] | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "wal_level": "logical",
            "unix_socket_directories": str(self.folder),
            "ssl": "on",
            "ssl_cert_file": str(self.folder / "server.crt"),
            "ssl_key_file": str(self.folder / "server.key"),
        }
        lines = "".join(f"{name} = '{value}'\n" for name, value in parameters.items())
        write(data / "postgresql.conf", (data / "postgresql.conf").read_text() + lines)
        write(
            data / "pg_hba.conf",
            "\n".join(["local all all trust", *server["pg_hba"], "host all all all scram-sha-256", ""]),
        )

    def bootstrap(self) -> None:
        """Roles, database and schema in the operator's order; passwords come last, from the managed roles."""
        initdb = cluster.cluster_spec(self.args)["bootstrap"]["initdb"]
        self.sql(f'CREATE ROLE "{initdb["owner"]}" LOGIN', database="postgres")
        for statement in initdb["postInitSQL"]:
            self.sql(statement, database="postgres")
        self.sql(f'CREATE DATABASE "{initdb["database"]}" OWNER "{initdb["owner"]}"', database="postgres")
        scripts = cluster.boot_scripts(self.args)
        for key in (cluster.INIT_KEY, cluster.SCHEMA_KEY):
            self.sql(scripts.get(key, ""))
        for role, password in PASSWORDS.items():
            self.sql(f"ALTER ROLE \"{role}\" PASSWORD '{password}'")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Boot a server in its folder, and stop it for sure."""
    server.prepare()
    program = [str(server.programs / "postgres"), "-D", str(server.folder / "data")]
    with (
        (server.folder / "log").open("w") as log,
        subprocess.Popen(program, stdout=log, stderr=log, env={"LC_ALL": "C"}, **IDENTITY) as process,
    ):
        try:
            until(server.answers)
            server.bootstrap()
            yield server
        finally:
            # An immediate shutdown: nothing of it is needed any more.
            process.send_signal(signal.SIGQUIT)
