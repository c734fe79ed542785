"""Questions to databases behind Services, with the logins of the clusters' Secrets. Shows nothing of them."""

import base64
from dataclasses import dataclass
from typing import Any

import psycopg

from lab.stand_ins.controller.api import UNREACHABLE, Api, describe
from lab.stand_ins.controller.kinds import SECRET, SERVICE

SECONDS = 2
"""How long a connection may take, and then an answer; libpq rounds one second up to two."""


class NoAnswerError(Exception):
    """A server cannot be asked: the text says why, in words for people."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """One database.

    Attributes:
        api: of the cluster.
        namespace: of Service and Secret.
        service: of the server, with a cluster IP.
        secret: has `username` and `password`.
        name: of the database.
    """

    api: Api
    namespace: str
    service: str
    secret: str
    name: str

    def answer(self, query: str, *arguments: object) -> tuple[Any, str]:
        """The first row of the answer, or why there is no answer; neither where there is no row.

        Args:
            query: with `%s` for each argument.
            arguments: of the query.
        """
        try:
            return self._ask(query, arguments), ""
        except (NoAnswerError, psycopg.Error) as error:
            return None, f"{self.service} does not answer: {_reason(error)}"
        except UNREACHABLE as error:
            return None, f"{self.service} cannot be asked: {describe(error)}"

    def _ask(self, query: str, arguments: tuple[object, ...]) -> Any:
        host = address(self.api, self.namespace, self.service)
        if host is None:
            raise NoAnswerError("it has no Service")
        login = credentials(self.api, self.namespace, self.secret)
        if login is None:
            raise NoAnswerError(f"there is no Secret {self.secret} to log in with")
        user, password = login
        with psycopg.connect(
            host=host,
            dbname=self.name,
            user=user,
            password=password,
            connect_timeout=SECONDS,
            options=f"-c statement_timeout={SECONDS * 1000}",
        ) as connection:
            return connection.execute(query, arguments or None).fetchone()


def address(api: Api, namespace: str, service: str) -> str | None:
    """Where a Service is reached from this machine, None where there is none.

    Raises:
        UNREACHABLE (of lab.stand_ins.controller.api): the API server gives no answer.
    """
    found = api.get(SERVICE, namespace, service)
    return str(found["spec"]["clusterIP"]) if found else None


def credentials(api: Api, namespace: str, secret: str) -> tuple[str, str] | None:
    """User and password of a database's Secret, None where there is none.

    Raises:
        UNREACHABLE (of lab.stand_ins.controller.api): the API server gives no answer.
    """
    found = api.get(SECRET, namespace, secret)
    if found is None:
        return None
    user, password = (base64.b64decode(found["data"][field]).decode() for field in ("username", "password"))
    return user, password


def _reason(error: Exception) -> str:
    """What is said in the end, without the address with which libpq's sentence begins."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0].rpartition("failed: ")[2] if lines else type(error).__name__
    return said.removeprefix("FATAL: ").strip()
