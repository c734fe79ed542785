"""A site's database as a person on this machine reaches it: which one stands, where it listens, who may log in.

Owns the login from the Secret of the database; shows no password, and none becomes an argument. Writes nothing.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.environment import Environment
from lab.home import LabError
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET, SERVICE
from lab.status.clusters import answering, api, database_namespace
from ops.status.streaming import PRIMARY, STANDBY

# The names of components/postgres; to import them takes two seconds, for they come with Pulumi.
APPLICATION, DATABASE = "postgres-application", "app"


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
    host, login = _address(client, namespace, service), _credentials(client, namespace, secret)
    return Database(service, host, DATABASE, *login) if host and login else None


def _address(api: Api, namespace: str, service: str) -> str | None:
    """Where a Service is reached from this machine, None where there is none."""
    found = api.get(SERVICE, namespace, service)
    return str(found["spec"]["clusterIP"]) if found else None


def _credentials(api: Api, namespace: str, secret: str) -> tuple[str, str] | None:
    """User and password of a database's Secret, None where there is none."""
    found = api.get(SECRET, namespace, secret)
    if found is None:
        return None
    user, password = (base64.b64decode(found["data"][field]).decode() for field in ("username", "password"))
    return user, password
