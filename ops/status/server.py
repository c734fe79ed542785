"""Questions to a PostgreSQL server from within its pod: the superuser comes in by the socket there, without a password.

Owns the session, which is read-only and short, and the form of the answer. The same way is that of upkeep
(components/postgres/upkeep.sh) and of `kubectl cnpg psql` (cloudnative-pg:internal/cmd/plugin/psql/psql.go).
"""

import json
from dataclasses import dataclass
from typing import Any

from ops.clusters import Cluster
from ops.status import inside
from ops.status.inside import CommandError

SECONDS = 2
"""How long a connection may take, and then an answer; libpq rounds one second up to two."""

EXEC_SECONDS = 3.0
"""How long all of it may take, the way into the pod included."""

CONTAINER = "postgres"
"""Of the server, in the program's own pods and in CloudNativePG's."""

OPTIONS = (
    "-c default_transaction_read_only=on "
    f"-c statement_timeout={SECONDS * 1000} -c standard_conforming_strings=on -c log_statement=none"
)


@dataclass(frozen=True)
class Answer:
    """The first row of an answer, by column; empty where there is none.

    Attributes:
        row: the row.
        problem: why nothing is known; empty where there is an answer.
        denied: whether that is for want of a right.
    """

    row: dict[str, Any]
    problem: str = ""
    denied: bool = False


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server.

    Attributes:
        cluster: where it runs.
        namespace: of its pod.
        pod: that it runs in.
        name: what it is called in sentences.
        database: the database that is asked.
    """

    cluster: Cluster
    namespace: str
    pod: str
    name: str
    database: str = "postgres"

    def answer(self, query: str, *arguments: str) -> Answer:
        """The answer to a query.

        Args:
            query: with `%s` for each argument.
            arguments: texts.
        """
        argv = command(query, arguments, self.database)
        try:
            done = inside.run(self.cluster, self.namespace, self.pod, CONTAINER, argv, seconds=EXEC_SECONDS)
        except CommandError as error:
            said = str(error) if error.denied else f"{self.name} does not answer: {error}"
            return Answer({}, said, denied=error.denied)
        if done.code:
            return Answer({}, f"{self.name} does not answer: {reason(done.errors)}")
        try:
            return Answer(json.loads(done.output) if done.output.strip() else {})
        except ValueError:
            return Answer({}, f"{self.name} does not answer: psql printed something else than JSON")


def command(query: str, arguments: tuple[str, ...], database: str) -> list[str]:
    """The command line of `psql`: the answer is one JSON object."""
    sql = query.strip() % tuple(literal(text) for text in arguments) if arguments else query.strip()
    # On OpenShift the process has a UID without a name, so that libpq has no default for the user.
    connection = {"dbname": database, "user": "postgres", "connect_timeout": str(SECONDS), "options": OPTIONS}
    return [
        "psql",
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set=ON_ERROR_STOP=1",
        "--set=VERBOSITY=terse",
        f"--dbname={' '.join(f'{key}={quoted(value)}' for key, value in connection.items())}",
        f"--command=SELECT row_to_json(answer) FROM ({sql}) AS answer LIMIT 1",  # noqa: S608 - texts are quoted
    ]


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(text: str) -> str:
    """A text as a value of a libpq connection string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def reason(said: str) -> str:
    """What psql complained about first, without the address that the sentence begins with."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = lines[0].rpartition("failed: ")[2] if lines else "psql failed"
    return text.removeprefix("psql: ").removeprefix("error: ").removeprefix("FATAL: ").strip()
