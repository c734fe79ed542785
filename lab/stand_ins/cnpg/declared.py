"""The handlers of Publications and Subscriptions: SQL objects that are declared as Kubernetes objects.

Owns the order of finalizer, conflict, statements and status, which upstream's instance manager keeps, and the retry. A
success is final until the object's generation changes: what becomes of the SQL object meanwhile nobody looks at.
Upstream: internal/management/controller/publication_controller.go, subscription_controller.go, finalizers.go.
"""

from abc import ABC, abstractmethod

from lab.kube import Manifest
from lab.stand_ins.cnpg import sql
from lab.stand_ins.cnpg.connections import connection_string
from lab.stand_ins.cnpg.database import SqlError
from lab.stand_ins.cnpg.instances import Instances
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.server import Server
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller.api import Kind, split_key


class CannotApplyError(Exception):
    """Why the SQL object is not what is declared, for the status."""


def _is_done(declared: Manifest) -> bool:
    """Whether what stands in the spec has been applied."""
    status = declared.get("status", {})
    return bool(status.get("applied")) and status.get("observedGeneration") == declared["metadata"]["generation"]


class Declared(ABC):
    """The objects of one kind in one API server."""

    noun: str
    """What the sentences call the SQL object."""
    kind: Kind
    conflict_before_finalizer: bool
    """Whether an object that another one rules out never gets its finalizer."""

    def __init__(self, group: Group, store: Store, instances: Instances, retry: float) -> None:
        self._group = group
        self._store = store
        self._instances = instances
        self._retry = retry
        self._finalizer = group.label(f"delete{self.noun.capitalize()}")

    def check(self, key: str) -> float | None:
        """Make the SQL object what is declared; returns in how many seconds to try again.

        Raises:
            SqlError: it is to be dropped and cannot be, which keeps the object from going.
        """
        namespace, name = split_key(key)
        declared = self._store.get(self.kind, namespace, name)
        cluster = declared and self._store.get(self._group.cluster, namespace, declared["spec"]["cluster"]["name"])
        if declared is None or cluster is None or _is_done(declared):
            return None
        server = self._instances.running(namespace, cluster.get("status", {}).get("currentPrimary", ""))
        if server is None:
            return self._retry
        if "deletionTimestamp" in declared["metadata"]:
            self._delete(declared, server)
            return None
        return self._align(declared, cluster, server)

    def _align(self, declared: Manifest, cluster: Manifest, server: Server) -> float | None:
        metadata = declared["metadata"]
        try:
            if self.conflict_before_finalizer:
                self._refuse_conflict(declared)
            if self._finalizer not in metadata.get("finalizers", []):
                metadata.setdefault("finalizers", []).append(self._finalizer)
                declared = self._store.update(self.kind, declared)
            connection = self.connection(declared, cluster)
            self._refuse_conflict(declared)
            self._apply(declared, connection, server)
        except CannotApplyError as error:
            names = {f"{self.noun}Name": metadata["name"]}
            server.say("error", f"while reconciling {self.noun}", **names, error=str(error))
            self._set_status(declared, declared.get("status", {}) | {"applied": False, "message": str(error)})
            return self._retry
        self._set_status(declared, {"applied": True, "observedGeneration": declared["metadata"]["generation"]})
        return None

    def _set_status(self, declared: Manifest, status: Manifest) -> None:
        if declared.get("status") != status:
            self._store.update_status(self.kind, declared | {"status": status})

    def _refuse_conflict(self, declared: Manifest) -> None:
        """Of two objects for one SQL object the one that was applied first has it."""
        if declared.get("status", {}).get("observedGeneration"):
            return
        spec, name = declared["spec"], declared["metadata"]["name"]
        for other in self._store.items(self.kind, declared["metadata"]["namespace"]):
            same = (other["spec"]["cluster"]["name"], other["spec"]["name"]) == (spec["cluster"]["name"], spec["name"])
            if other["metadata"]["name"] != name and same and other.get("status", {}).get("observedGeneration"):
                raise CannotApplyError(f'"{spec["name"]}" is already managed by object "{other["metadata"]["name"]}"')

    def _apply(self, declared: Manifest, connection: str, server: Server) -> None:
        spec = declared["spec"]
        doing = f"while getting {self.noun} status (scan)"
        try:
            with server.database.session(spec["dbname"]) as session:
                exists = session.value(
                    f"SELECT count(*) FROM pg_catalog.pg_{self.noun} WHERE {self.noun[:3]}name = %s",  # noqa: S608 - own words
                    [spec["name"]],
                )
                doing = f"while {'patching' if exists else 'creating'} {self.noun}"
                if exists:
                    major = session.value("SELECT current_setting('server_version_num')::int / 10000")
                    statements = self.alter(spec, connection, major)
                else:
                    statements = [self.create(spec, connection)]
                for statement in statements:
                    session.execute(statement)
        except SqlError as error:
            raise CannotApplyError(f"{doing}: {error}") from error

    def _delete(self, declared: Manifest, server: Server) -> None:
        metadata, spec = declared["metadata"], declared["spec"]
        if self._finalizer not in metadata.get("finalizers", []):
            return
        # An object that was never applied does not own the SQL object: somebody else may.
        owns_it = declared.get("status", {}).get("observedGeneration")
        if spec[f"{self.noun}ReclaimPolicy"] == "delete" and owns_it:
            try:
                with server.database.session(spec["dbname"]) as session:
                    session.execute(f"DROP {self.noun.upper()} IF EXISTS {sql.identifier(spec['name'])}")
            except SqlError as error:
                text = f"while reconciling the finalizer: while dropping {self.noun}: {error}"
                server.say(
                    "error", "Reconciler error", controller=f"instance-{self.noun}", name=metadata["name"], error=text
                )
                raise
        metadata["finalizers"].remove(self._finalizer)
        self._store.update(self.kind, declared)

    def connection(self, declared: Manifest, cluster: Manifest) -> str:
        """The connection string of a subscription; nothing for others.

        Raises:
            CannotApplyError: the Cluster has no such external cluster.
        """
        del declared, cluster
        return ""

    @abstractmethod
    def create(self, spec: Manifest, connection: str) -> str:
        """The statement that makes the SQL object."""

    @abstractmethod
    def alter(self, spec: Manifest, connection: str, major: int) -> list[str]:
        """The statements that make an existing SQL object the spec's, on a server of this major version."""


class Publications(Declared):
    """Publications; one that the bootstrap has made already is adopted."""

    noun = "publication"
    conflict_before_finalizer = True

    def __init__(self, group: Group, store: Store, instances: Instances, retry: float) -> None:
        super().__init__(group, store, instances, retry)
        self.kind = group.publication

    def create(self, spec: Manifest, connection: str) -> str:
        """CREATE PUBLICATION."""
        del connection
        return sql.create_publication(spec)

    def alter(self, spec: Manifest, connection: str, major: int) -> list[str]:
        """ALTER PUBLICATION."""
        del connection, major
        return sql.alter_publication(spec)


class Subscriptions(Declared):
    """Subscriptions, which reach the publisher while they are made and dropped."""

    noun = "subscription"
    conflict_before_finalizer = False

    def __init__(self, group: Group, store: Store, instances: Instances, retry: float) -> None:
        super().__init__(group, store, instances, retry)
        self.kind = group.subscription

    def connection(self, declared: Manifest, cluster: Manifest) -> str:
        """The connection string of the external cluster that the Subscription names."""
        wanted = declared["spec"]["externalClusterName"]
        for external in cluster["spec"].get("externalClusters", []):
            if external["name"] == wanted:
                return connection_string(external, declared["spec"].get("publicationDBName", ""))
        name = cluster["metadata"]["name"]
        raise CannotApplyError(f"externalCluster '{wanted}' not declared in cluster {name}")

    def create(self, spec: Manifest, connection: str) -> str:
        """CREATE SUBSCRIPTION."""
        return sql.create_subscription(spec, connection)

    def alter(self, spec: Manifest, connection: str, major: int) -> list[str]:
        """ALTER SUBSCRIPTION."""
        return sql.alter_subscription(spec, connection, major)
