"""Clients that write all the time, and remember what the server has confirmed."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from tests.lab.database_sites import Database
from tests.lab.waiting import eventually

CLIENTS = 2
"""Of each load; two, so that transactions overlap."""

PAUSE_SECONDS = 0.02
"""Between a client's transactions: the machine has other things to do as well."""


class Load:
    """Clients of one database, each with rows of its own in one table.

    Every transaction inserts a row and changes the one before; every tenth deletes the one before that. `rows` is what
    must stand in the end, by id.
    """

    def __init__(self, database: Database, table: str) -> None:
        self.rows: dict[uuid.UUID, str] = {}
        self.database = database
        self.table = table
        self._mark = uuid.uuid4().hex
        self._transactions = [0] * CLIENTS
        self._errors: list[psycopg.Error] = []
        self._stopped = threading.Event()
        self._clients = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for client in self._clients:
            client.join()
        assert not self._errors, "every client could write all the time"

    @property
    def transactions(self) -> int:
        """How many were confirmed so far."""
        return sum(self._transactions)

    def goes_on(self, transactions: int = 20) -> None:
        """Wait for so many more."""
        wanted = self.transactions + transactions

        def confirmed() -> None:
            assert self.transactions >= wanted, self._errors

        eventually(confirmed)

    def seen(self, database: Database) -> dict[uuid.UUID, str]:
        """The rows of this load on a server."""
        return dict(database.sql(f"SELECT id, payload FROM {self.table} WHERE site = '{self._mark}'"))

    def arrives(self, database: Database) -> None:
        """Wait until all of it, and nothing else of it, is on that server too."""

        def complete() -> None:
            seen = self.seen(database)
            assert len(seen) == len(self.rows)
            assert seen == self.rows

        eventually(complete)

    def _client(self, number: int) -> None:
        try:
            with self.database.session() as session:
                while not self._stopped.wait(PAUSE_SECONDS):
                    self._transact(session, number)
        except psycopg.Error as error:
            self._errors.append(error)

    def _transact(self, session: psycopg.Connection[tuple[object, ...]], number: int) -> None:
        count = self._transactions[number]
        fresh, last, former = (uuid.uuid5(uuid.UUID(self._mark), f"{number}/{count - back}") for back in range(3))
        ends = count > 1 and count % 10 == 0
        with session.transaction():
            session.execute(f"INSERT INTO {self.table} (id, site, payload) VALUES (%s, %s, 'new')", (fresh, self._mark))
            session.execute(f"UPDATE {self.table} SET payload = 'changed' WHERE id = %s", (last,))
            if ends:
                session.execute(f"DELETE FROM {self.table} WHERE id = %s", (former,))
        self.rows[fresh] = "new"
        if count:
            self.rows[last] = "changed"
        if ends:
            del self.rows[former]
        self._transactions[number] += 1


@contextmanager
def under_load(*loads: Load) -> Iterator[None]:
    """All these clients write from the first statement to the last."""
    with ExitStack() as stack:
        for load in loads:
            stack.enter_context(load).goes_on()
        yield
        for load in loads:
            load.goes_on()
