"""Database clusters for the lab's tests: their manifests, their objects, and SQL sessions from outside."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from lab.certificates import Pair
from lab.kube import Manifest
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.controller import kinds
from lab.stand_ins.controller.api import Api, Kind
from tests.lab.waiting import eventually

IMAGE = "registry.example.com/k8s/postgresql:16.10-standard-ubi9"
Rows = list[tuple[Any, ...]]


def caught_up(publisher: Callable[[str], Rows]) -> None:
    """Wait until every subscriber has confirmed all that the publisher, given as its `sql`, has written so far."""
    ((position,),) = publisher("SELECT pg_current_wal_lsn()")

    def confirmed() -> None:
        slots = publisher(
            f"SELECT confirmed_flush_lsn >= '{position}'::pg_lsn FROM pg_replication_slots WHERE slot_type = 'logical'"
        )
        assert slots
        assert all(slot == (True,) for slot in slots)

    eventually(confirmed)


@dataclass
class ClusterSite:
    """One side of a replication: a Cluster `edb-<name>` of one group in a namespace of one context.

    `tables` are made by its bootstrap; the first one is its own, which it publishes as `<name>_pub`.
    """

    name: str
    group: Group
    api: Api
    namespace: str
    authority: Pair
    folder: Path
    tables: tuple[str, ...]
    spec: Manifest = field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """The Cluster's name."""
        return f"edb-{self.name.replace('_', '-')}"

    @property
    def host(self) -> str:
        """The name under which the other side knows it; its certificate has it."""
        return f"pg-{self.name.replace('_', '-')}.rhsi.svc.cluster.local"

    def secret(self, name: str, user: str, password: str, *, reload: bool = True) -> None:
        """Make or change a password Secret."""
        labels = {self.group.label("reload"): "true"} if reload else {}
        data = {"username": user, "password": password}
        body = {"metadata": {"name": name, "labels": labels}, "type": "kubernetes.io/basic-auth", "stringData": data}
        self.api.apply(kinds.SECRET, self.namespace, body)

    def create(self, peer: "ClusterSite", peer_password: str = "") -> None:
        """Apply Secrets, schema and Cluster; the peer's address follows by `meet`."""
        self.secret(f"{self.cluster}-superuser", "postgres", f"superuser-of-{self.name}")
        self.secret(f"{self.cluster}-app", "app", f"app-of-{self.name}")
        self.secret(f"{self.cluster}-replicator", "site_repl", f"replication-of-{self.name}")
        self.secret(f"{peer.cluster}-replicator", "site_repl", peer_password or f"replication-of-{peer.name}")
        data = {"ca.crt": self.authority.certificate, "ca.key": self.authority.key}
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self.api.apply(kinds.SECRET, self.namespace, {"metadata": {"name": "edb-ca"}, "data": encoded})
        statements = [
            f"CREATE TABLE public.{table} (id int PRIMARY KEY, payload text); ALTER TABLE public.{table} OWNER TO app;"
            for table in self.tables
        ]
        statements.append(f"GRANT SELECT ON public.{self.tables[0]} TO site_repl;")
        schema = {"metadata": {"name": f"{self.cluster}-schema"}, "data": {"schema.sql": "\n".join(statements)}}
        self.api.apply(kinds.CONFIG_MAP, self.namespace, schema)
        self.apply(peer, "")

    def apply(self, peer: "ClusterSite", address: str) -> None:
        """Apply the Cluster. Nobody lives at the peer's address as long as it is not known."""
        external = {
            "name": peer.cluster,
            "connectionParameters": {
                "host": peer.host,
                "hostaddr": address or "127.0.0.99",
                "user": "site_repl",
                "dbname": "app",
                "sslmode": "verify-full",
                "connect_timeout": "5",
            },
            "password": {"name": f"{peer.cluster}-replicator", "key": "password"},
            "sslRootCert": {"name": "edb-ca", "key": "ca.crt"},
        }
        role = {
            "name": "site_repl",
            "login": True,
            "replication": True,
            "passwordSecret": {"name": f"{self.cluster}-replicator"},
        }
        spec = {
            "instances": 1,
            "imageName": IMAGE,
            "storage": {"size": "1Gi"},
            "enableSuperuserAccess": True,
            "superuserSecret": {"name": f"{self.cluster}-superuser"},
            "certificates": {"serverCASecret": "edb-ca", "serverAltDNSNames": [self.host]},
            "bootstrap": {
                "initdb": {
                    "database": "app",
                    "owner": "app",
                    "secret": {"name": f"{self.cluster}-app"},
                    "postInitSQL": ["CREATE ROLE site_repl WITH LOGIN REPLICATION"],
                    "postInitApplicationSQLRefs": {
                        "configMapRefs": [{"name": f"{self.cluster}-schema", "key": "schema.sql"}]
                    },
                }
            },
            "managed": {"roles": [role]},
            "postgresql": {
                "pg_hba": ["hostssl app site_repl all scram-sha-256", "host all site_repl all reject"],
                "parameters": {"wal_retrieve_retry_interval": "500ms"},
            },
            "externalClusters": [external],
            **self.spec,
        }
        body = {"metadata": {"name": self.cluster}, "spec": spec}
        self.api.apply(self.group.cluster, self.namespace, body)

    def publish(self, name: str = "", **more: object) -> None:
        """Declare the publication of the site's own table."""
        spec = {
            "cluster": {"name": self.cluster},
            "dbname": "app",
            "name": name or f"{self.name}_pub",
            "publicationReclaimPolicy": "delete",
            "target": {"objects": [{"table": {"schema": "public", "name": self.tables[0]}}]},
            **more,
        }
        self.api.apply(self.group.publication, self.namespace, {"metadata": {"name": "pub"}, "spec": spec})

    def subscribe(self, peer: "ClusterSite", **more: object) -> None:
        """Declare the subscription to the peer's publication."""
        spec = {
            "cluster": {"name": self.cluster},
            "dbname": "app",
            "name": f"{self.name}_from_{peer.name}",
            "externalClusterName": peer.cluster,
            "publicationName": f"{peer.name}_pub",
            "subscriptionReclaimPolicy": "delete",
            "parameters": {"origin": "none"},
            **more,
        }
        self.api.apply(self.group.subscription, self.namespace, {"metadata": {"name": "sub"}, "spec": spec})

    def get(self, kind: Kind, name: str) -> Manifest:
        """The live object."""
        found = self.api.get(kind, self.namespace, name)
        assert found, f"there is no {kind.name} {name}"
        return found

    def status(self) -> Manifest:
        """The Cluster's status."""
        found: Manifest = self.get(self.group.cluster, self.cluster).get("status", {})
        return found

    def wait_until_ready(self) -> None:
        """Wait until the Cluster is what it is to be."""

        def ready() -> None:
            conditions = {one["type"]: one["status"] for one in self.status()["conditions"]}
            assert conditions["Ready"] == "True", self.status()

        eventually(ready)

    def wait_until_applied(self, kind: Kind, name: str) -> None:
        """Wait for a Publication or Subscription as Pulumi does: by `applied` of the present generation."""

        def applied() -> None:
            found = self.get(kind, name)
            assert found.get("status", {}).get("applied"), found.get("status")
            assert found["status"]["observedGeneration"] == found["metadata"]["generation"]

        eventually(applied)

    def wait_until_copied(self) -> None:
        """Wait until every table of the subscriptions has been copied, and only changes follow."""

        def copied() -> None:
            states = self.sql("SELECT srsubstate FROM pg_subscription_rel")
            assert states
            assert all(state == ("r",) for state in states)

        eventually(copied)

    def message(self, kind: Kind, name: str) -> str:
        """What a Publication or Subscription says is wrong."""
        return str(self.get(kind, name).get("status", {}).get("message", ""))

    def address(self) -> str:
        """Where the primary listens."""
        return str(self.get(kinds.POD, f"{self.cluster}-1")["status"]["podIP"])

    def meet(self, peer: "ClusterSite") -> None:
        """Tell the Cluster where the peer is."""
        self.apply(peer, peer.address())

    @contextmanager
    def session(
        self, user: str = "postgres", password: str = "", **more: str
    ) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A session from outside, over TLS, with the certificate checked to the last letter."""
        file = self.folder / "ca.crt"
        file.write_bytes(self.authority.certificate)
        parameters = {"host": self.host, "hostaddr": self.address(), "sslmode": "verify-full", "sslrootcert": str(file)}
        connection = psycopg.connect(
            " ".join(f"{key}={value}" for key, value in (parameters | more).items()),
            user=user,
            password=password or f"superuser-of-{self.name}",
            dbname="app",
            autocommit=True,
        )
        with connection:
            yield connection

    def refusal(self, user: str, password: str) -> str:
        """Why a user is not let in; empty for one who is."""
        try:
            with self.session(user, password):
                return ""
        except psycopg.OperationalError as error:
            return str(error)

    def sql(self, statement: str) -> Rows:
        """The rows of a statement, as superuser."""
        with self.session() as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object and wait until it is gone."""
        self.api.delete(kind, self.namespace, name)

        def gone() -> None:
            assert self.api.get(kind, self.namespace, name) is None

        eventually(gone)
