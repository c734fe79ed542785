"""SQL sessions of the operator: as superuser over a server's own Unix socket.

Owns the session's settings (upstream: pkg/management/postgres/pool/profiles.go) and how an error of PostgreSQL reads in
a status. Owns no statement.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

# No tenant's ALTER ROLE … SET search_path may change what the operator's statements mean, and none of its own may
# wait for a synchronous replica that is yet to come.
OPTIONS = "-c search_path=pg_catalog,public,pg_temp -c datestyle=ISO -c synchronous_commit=local"
CONNECT_SECONDS = 5
Row = tuple[Any, ...]


class SqlError(Exception):
    """What PostgreSQL answered, as upstream's driver words it: `ERROR: … (SQLSTATE 42P01)`.

    Attributes:
        code: SQLSTATE, empty where there is no connection.
        message: the primary message alone.
        detail: the detail, if any.
    """

    def __init__(self, error: psycopg.Error) -> None:
        diagnosis = error.diag
        self.code = error.sqlstate or ""
        self.message = diagnosis.message_primary or " ".join(str(error).split())
        self.detail = diagnosis.message_detail or ""
        severity = diagnosis.severity_nonlocalized or diagnosis.severity
        super().__init__(f"{severity}: {self.message} (SQLSTATE {self.code})" if severity else self.message)


class Session:
    """One connection to one database. Every statement is a transaction of its own."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] | None = None) -> None:
        """Run a statement, or several without parameters.

        Raises:
            SqlError: PostgreSQL refuses it.
        """
        self._run(statement, parameters)

    def rows(self, statement: str, parameters: Sequence[object] | None = None) -> list[Row]:
        """The answer to a query.

        Raises:
            SqlError: PostgreSQL refuses it.
        """
        return self._run(statement, parameters).fetchall()

    def value(self, statement: str, parameters: Sequence[object] | None = None) -> Any:
        """The first field of the first row.

        Raises:
            SqlError: PostgreSQL refuses it, or has no row.
        """
        return self.rows(statement, parameters)[0][0]

    def execute_secretly(self, statement: str) -> None:
        """Run a statement that no log of the server may show.

        Raises:
            SqlError: PostgreSQL refuses it.
        """
        with self._connection.transaction():
            self.execute("SET LOCAL log_statement = 'none'")
            self.execute("SET LOCAL log_min_error_statement = 'PANIC'")
            self.execute(statement)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Statements that take effect all or not at all."""
        with self._connection.transaction():
            yield

    def scram(self, role: str, password: str) -> str:
        """The password as PostgreSQL stores it, made here so that no statement carries it."""
        encoded = self._connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        return str(encoded.decode())

    def _run(self, statement: str, parameters: Sequence[object] | None) -> psycopg.Cursor[Row]:
        try:
            return self._connection.execute(statement, parameters)
        except psycopg.Error as error:
            raise SqlError(error) from error


class Database:
    """The databases of one server, by the folder of its socket."""

    def __init__(self, socket_folder: Path) -> None:
        self._socket_folder = socket_folder

    @contextmanager
    def session(self, name: str = "postgres") -> Iterator[Session]:
        """A session in a database.

        Raises:
            SqlError: the server or the database is not there.
        """
        # A socket's path is short by law (108 bytes), a folder's is not: the connection goes through this descriptor.
        folder = os.open(self._socket_folder, os.O_PATH | os.O_DIRECTORY)
        try:
            connection = psycopg.connect(
                host=f"/proc/self/fd/{folder}",
                user="postgres",
                dbname=name,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                client_encoding="UTF8",
                options=OPTIONS,
            )
        except psycopg.Error as error:
            raise SqlError(error) from error
        finally:
            os.close(folder)
        with connection:
            yield Session(connection)
