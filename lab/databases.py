"""A site's database as a person on this machine reaches it: which one stands, where it listens, who may log in.

Owns the login from the Secret of the database; shows no password, and none becomes an argument. Writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.environment import Environment
from lab.home import LabError
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.status.clusters import answering, api, database_namespace
from lab.status.databases import address, credentials
from lab.status.streaming import APPLICATION, DATABASE, PRIMARY, STANDBY


@dataclass(frozen=True)
class Database:
    """One database.

    Attributes:
        service: the name of its Service.
        host: the Service's address.
        name: of the database.
        user: who logs in.
        password: of that user.
    """

    service: str
    host: str
    name: str
    user: str
    password: str = field(repr=False)

    def environ(self) -> dict[str, str]:
        """What `psql` reads."""
        return {
            "PGHOST": self.host,
            "PGPORT": "5432",
            "PGDATABASE": self.name,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }


def of(environment: Environment, stack: Stack, *, replicated: bool = False) -> Database:
    """The site's database: its PostgreSQL server, or where that does not stand the one that replicates both ways.

    Args:
        environment: a lab that stands.
        stack: the site's.
        replicated: whether only the latter is meant; its superuser logs in.

    Raises:
        LabError: there is none, or the API server does not answer.
    """
    with answering(environment, stack):
        client = api(environment, stack)
        for namespace, service, secret in _places(stack, replicated=replicated):
            if found := _read(client, namespace, service, secret):
                return found
    kind = "replicated database" if replicated else "database"
    raise LabError(f"{stack.name} has no {kind}: `python -m lab up` brings up what its stack file asks for.")


def _places(stack: Stack, *, replicated: bool) -> Iterator[tuple[str, str, str]]:
    """Namespace, Service and Secret of each database that the site can have."""
    if not replicated:
        # On a standby, `postgres-primary` is the way to the primary's server over the link.
        yield stack.namespace, PRIMARY if stack.is_primary else STANDBY, APPLICATION
    yield database_namespace(stack), f"edb-{stack.site}-rw", f"edb-{stack.site}-superuser"


def _read(client: Api, namespace: str, service: str, secret: str) -> Database | None:
    host, login = address(client, namespace, service), credentials(client, namespace, secret)
    return Database(service, host, DATABASE, *login) if host and login else None
