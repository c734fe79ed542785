"""Both sites with all databases, as the program's own stacks make them: SQL on each server, and the link between.

Every login is read from its Secret anew, so a session always has the password that an application would have.
"""

import base64
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from components.edb.names import app_secret, cluster_name, replicator_secret, superuser_secret
from components.postgres.accounts import APPLICATION_SECRET, REPLICATION_SECRET
from components.postgres.replication import PRIMARY, STANDBY
from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import COMMUNITY
from lab.stand_ins.controller import kinds
from lab.stand_ins.controller.api import Api, Kind
from lab.stand_ins.pods import logs
from lab.stand_ins.skupper import api as skupper
from lab.stand_ins.skupper.api import CUT
from tests.lab.checkout import Checkout
from tests.lab.databases import Rows
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

SITES = ("site-a", "site-b")
LINKED, REPLICATED = "rhsi", "db"
"""The namespaces of the link with the streaming pair, and of the replicating clusters."""
OPERATED = {site: [LINKED] for site in SITES}
"""In which namespaces of each cluster the operator has been given its rights."""
# The operator's administrator makes the namespaces.
EDB = {"enabled": True, "operator": "community", "smokeTest": True, "createNamespace": False}
SETTINGS: dict[str, dict[str, Manifest]] = {
    "site-a": {"postgres": {"enabled": True}, "edb": EDB},
    "site-b": {
        "postgres": {"enabled": True, "smokeTest": True},
        "edb": EDB,
    },
}
"""What the lab would set by itself, written out so that the tests can change a part of it."""


@dataclasses.dataclass(frozen=True)
class Database:
    """A server as its own cluster reaches it, with the login of a Secret."""

    api: Api
    namespace: str
    service: str
    secret: str

    def login(self) -> tuple[str, str]:
        """User and password."""
        data = self.find(kinds.SECRET, self.secret)["data"]
        return base64.b64decode(data["username"]).decode(), base64.b64decode(data["password"]).decode()

    def find(self, kind: Kind, name: str) -> Manifest:
        """An object beside it."""
        found = self.api.get(kind, self.namespace, name)
        assert found, f"there is no {kind.name} {name}"
        return found

    @contextmanager
    def session(self, login: tuple[str, str] | None = None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A session in which every statement is a transaction."""
        user, password = login or self.login()
        address = self.find(kinds.SERVICE, self.service)["spec"]["clusterIP"]
        with psycopg.connect(
            host=address, user=user, password=password, dbname="app", connect_timeout=10, autocommit=True
        ) as connection:
            yield connection

    def sql(self, statement: str) -> Rows:
        """The rows of a statement."""
        with self.session() as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def refusal(self, login: tuple[str, str]) -> str:
        """Why a login is not let in; empty for one that is."""
        try:
            with self.session(login):
                return ""
        except psycopg.OperationalError as error:
            return str(error)

    def shows(self, statement: str, expected: Rows) -> None:
        """Wait until the statement has these rows."""

        def check() -> None:
            assert self.sql(statement) == expected

        eventually(check)


class DatabaseSites:
    """The two sites of a checkout whose stacks are up.

    `a` and `b` are the clusters that replicate both ways, as superuser; `primary` and `standby` are the streaming pair,
    as the application.

    Attributes:
        destroyed: the stacks that a test has destroyed.
        subscribed: whether both follow one another; a test that ends that sets it to False.
    """

    def __init__(self, lab: Lab, checkout: Checkout) -> None:
        self.lab = lab
        self.checkout = checkout
        self.destroyed: set[str] = set()
        self.subscribed = True
        self.apis = {site: Api(lab.connect(site), "kubectl-edit") for site in SITES}
        self.a, self.b = (
            Database(self.apis[site], REPLICATED, f"{cluster_name(site)}-rw", superuser_secret(site)) for site in SITES
        )
        self.primary = Database(self.apis["site-a"], LINKED, PRIMARY, APPLICATION_SECRET)
        self.standby = Database(self.apis["site-b"], LINKED, STANDBY, APPLICATION_SECRET)

    def rebuild(self) -> None:
        """Destroy what stands and bring both up anew: the end of a test that took something down."""
        self.retain_subscriptions()
        self.checkout.remove()
        for site, sections in SETTINGS.items():
            for section, settings in sections.items():
                self.change(site, section, settings)
        self.checkout.up()
        self.destroyed.clear()
        self.subscribed = True

    def change(self, site: str, path: str, value: object) -> None:
        """Set one value of a stack file."""
        self.checkout.change(site, path, value)

    def logins(self) -> dict[Database, tuple[str, str]]:
        """Every login with a password, and the server that takes it."""
        found = [
            Database(self.apis[site], REPLICATED, f"{cluster_name(site)}-rw", secret(site))
            for site in SITES
            for secret in (superuser_secret, app_secret, replicator_secret)
        ]
        found += [
            dataclasses.replace(self.primary, secret=secret) for secret in (APPLICATION_SECRET, REPLICATION_SECRET)
        ]
        return {database: database.login() for database in [*found, self.standby]}

    @contextmanager
    def link_cut(self) -> Iterator[None]:
        """The network between the sites is down."""
        self.cut_link()
        try:
            yield
        finally:
            self._annotate(None)

    def cut_link(self) -> None:
        """The same for good."""
        self._annotate("true")

    def _annotate(self, value: str | None) -> None:
        link = self.checkout.outputs("site-b")["link"]
        self.apis["site-b"].patch(skupper.LINK, LINKED, {"metadata": {"name": link, "annotations": {CUT: value}}})

    def subscription(self, site: str) -> Manifest:
        """The live object of the site's subscription; empty without one."""
        return next(iter(self.apis[site].list(COMMUNITY.subscription, REPLICATED, "")), {})

    def retain_subscriptions(self) -> None:
        """Let go of the slots, so that a `destroy` in any order and state ends."""
        for site, api in self.apis.items():
            if found := self.subscription(site):
                name = {"name": found["metadata"]["name"]}
                retain = {"metadata": name, "spec": {"subscriptionReclaimPolicy": "retain"}}
                api.patch(COMMUNITY.subscription, REPLICATED, retain)

    def log(self, site: str) -> str:
        """What the instance of the site's cluster has said."""
        ((_, _, text),) = logs.read(self.lab.home, site, REPLICATED, f"{cluster_name(site)}-1")
        return text
